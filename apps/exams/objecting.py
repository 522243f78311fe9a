"""Objecting to what was read on one's page, and deciding it. A score changes only as it does when staff correct."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.models import User
from apps.exams.corrections import effective_reading, markable_fields
from apps.exams.grading import hold_key
from apps.exams.models import CorrectionKind, Objection, ObjectionState, Scan
from apps.exams.objections import asked_objections, end_objection, what_stands
from apps.exams.queries import objections_visible_to, with_corrections
from apps.exams.results import own_objections, pages_of_result, published_results_of
from apps.exams.reviewing import Said, check_answer, correct_scan
from apps.exams.scoring import parse_number
from sheets.reading import FieldStatus

MAX_NOTE_CHARACTERS: Final = 300
MAX_OBJECTIONS: Final = 10
"""Of one student to one exam, decided ones too: each is a person's minute. Answers that no person was asked about are
hardly ever read wrong (``make bench-omr``); who finds ten of them means the whole page, where one note is enough."""


class SheetNotShown(DomainError):
    """Students do not see their sheet: nobody can say what was read wrong on it."""

    code: ClassVar[str] = "sheet_not_shown"


class AlreadyAsked(DomainError):
    """Somebody has yet to decide it, or has decided it of what stands there now."""

    code: ClassVar[str] = "already_asked"


class AlreadyDecided(DomainError):
    """Somebody else was quicker."""

    code: ClassVar[str] = "already_decided"


class TooManyObjections(DomainError):
    """As many as a student may raise of one exam."""

    code: ClassVar[str] = "too_many_objections"


def raise_objection(
    *, by: User, student_id: int, exam_id: int, scan_id: int, label: str, values: list[str] | None, note: str
) -> Objection:
    """Say of the student's own result that something on the page was read wrong.

    Of an answer ``values`` says what was marked; of an essay, or of the whole page with ``label`` "", a note alone says
    it. Raises ``Missing`` for what is not theirs or not published, ``Invalid`` for what the page does not have,
    ``SheetNotShown``, ``AlreadyAsked`` and ``TooManyObjections``.
    """
    with transaction.atomic():
        # Behind this lock nothing is decided, read or withdrawn: what is objected to is there and is shown.
        row = published_results_of(student_id).filter(pk=exam_id).first() if hold_key(exam_id) else None
        pages = pages_of_result(exam_id=exam_id, student_id=student_id).select_related("exam__layout")
        scan: Scan | None = pages.filter(pk=scan_id).first()
        if row is None or scan is None:
            raise Missing
        if not row["shows_sheet"]:
            raise SheetNotShown(gettext("The academy does not show the sheets of this exam."))
        _check(scan, label, values, note)
        stands = what_stands(scan, label)
        _check_earlier(scan, student_id, label, stands)
        objection = Objection(
            scan=scan, student_id=student_id, label=label, values=values, note=note, read_as=stands, by=by
        )
        objection.save(force_insert=True)
        return objection


def _check(scan: Scan, label: str, values: list[str] | None, note: str) -> None:
    reading = effective_reading(scan)
    if not label or any(crop.label == label for crop in reading.essays):
        if values is not None:
            raise Invalid(gettext("Only a note can be left here."), attr="values")
        if not note:
            raise Invalid(gettext("Write what is wrong."), attr="note")
        return
    meant = tuple(values or ())
    check_answer(scan, reading, label, meant, attr="values")
    if values is None:
        raise Invalid(gettext("Say what you had marked."), attr="values")
    field = markable_fields(scan.exam.layout).get(label)
    is_markable = field is None or (
        all(parse_number(value) is not None for value in meant) if field.is_number else set(meant) <= set(field.choices)
    )
    if not is_markable:
        raise Invalid(
            gettext('Question "{name}" cannot be answered by "{answer}".').format(name=label, answer=", ".join(meant)),
            attr="values",
        )
    read = next(found for found in reading.fields if found.label == label)
    if read.values == meant and read.status is not FieldStatus.UNSURE:
        raise Invalid(gettext("That is how it was read."), attr="values")


def objections_left(earlier: Iterable[Objection]) -> int:
    """How many more a student may raise of an exam. Those that lapsed do not count: nobody has looked at them."""
    return max(0, MAX_OBJECTIONS - sum(found.state != ObjectionState.LAPSED for found in earlier))


def _check_earlier(scan: Scan, student_id: int, label: str, stands: list[str]) -> None:
    """What was decided stays decided until something else stands there; a deadline there is none."""
    earlier = own_objections(scan.exam_id, student_id)
    for found in earlier:
        if (found.scan_id, found.label) != (scan.pk, label) or found.state == ObjectionState.LAPSED:
            continue
        if found.state == ObjectionState.ASKED:
            raise AlreadyAsked(gettext("You have asked this already. The answer appears here."))
        if found.decided_as == stands:
            raise AlreadyAsked(gettext("This was checked already. Please speak with your teacher."))
    if not objections_left(earlier):
        raise TooManyObjections(
            gettext("Of one exam {count} answers can be asked about. Please speak with your teacher.").format(
                count=MAX_OBJECTIONS
            )
        )


def accept_objection(*, by: User, objection_id: int) -> Objection:
    """Put what the student says in place of what was read: a correction as any other, scored at once.

    Raises ``Missing``, ``AlreadyDecided``, and ``Invalid`` where only a note says what is wrong.
    """
    with transaction.atomic():
        objection = _held(by, objection_id)
        if objection.values is None:
            raise Invalid(gettext("Correct the sheet itself: that decides it."), attr="is_accepted")
        said = Said(CorrectionKind.ANSWER, tuple(objection.values), objection.label)
        correct_scan(scan_id=objection.scan_id, said=[said], by=by)
        objection.refresh_from_db()
        return objection


def keep_reading(*, by: User, objection_id: int, reply: str = "") -> Objection:
    """Leave what stands as it is, with a sentence back if there is one. Raises ``Missing``, ``AlreadyDecided``."""
    with transaction.atomic():
        objection = _held(by, objection_id)
        scan = with_corrections(Scan.objects.all()).get(pk=objection.scan_id)
        end_objection(objection, ObjectionState.KEPT, stands=what_stands(scan, objection.label), by=by, reply=reply)
        objection.refresh_from_db()
        return objection


def _held(by: User, objection_id: int) -> Objection:
    """An objection that is still to be decided, and by nobody else at the same time."""
    visible = objections_visible_to(by).filter(pk=objection_id)
    exam_id = visible.values_list("scan__exam_id", flat=True).first()
    if exam_id is None or not hold_key(exam_id):
        raise Missing
    objection: Objection | None = asked_objections().filter(pk=objection_id).first()
    if objection is None:
        raise AlreadyDecided(gettext("Somebody else has decided this already."))
    return objection
