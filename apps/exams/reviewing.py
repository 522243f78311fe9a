"""What people say of a page in place of what the machine read: written once, undone at will, scored at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import Invalid, Missing
from apps.accounts.models import User
from apps.exams.announcing import announce_results
from apps.exams.corrections import is_markable
from apps.exams.grading import hold_key, place_of, settle_scan
from apps.exams.models import Correction, CorrectionKind, Maker, Scan
from apps.exams.objections import confirm_answers
from apps.exams.queries import scans_visible_to, students_sitting, with_corrections
from apps.exams.versions import version_maps
from apps.students.models import Student
from apps.students.queries import students_visible_to
from sheets.layout import VERSION, Layout
from sheets.reading import SheetReading


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a person says of a page; with ``values`` None they take back what was said.

    ``label`` names the field of an answer; ``student`` is an id, for whose page it is.
    """

    kind: CorrectionKind
    values: tuple[str, ...] | None
    label: str = ""
    student: int | None = None


# Which scan counts can only be said once it is clear whose page it is.
_ORDER = (
    CorrectionKind.SET_ASIDE,
    CorrectionKind.STUDENT,
    CorrectionKind.VERSION,
    CorrectionKind.ANSWER,
    CorrectionKind.COUNTS,
)


def correct_scan(*, scan_id: int, said: Sequence[Said], by: User) -> None:
    """Put what ``by`` says of a page in place of what was read, and score it anew at once.

    What is not said stays; what stands already stays whose it was. Raises ``Missing``, also for a student who does not
    sit the exam, and ``Invalid`` for what the page does not have.
    """
    with transaction.atomic():
        exam_id = scans_visible_to(by).filter(pk=scan_id).values_list("exam_id", flat=True).first()
        if exam_id is None or not hold_key(exam_id):
            raise Missing
        scans = Scan.objects.select_related("exam__layout").select_for_update(of=("self",))
        scan = with_corrections(scans).get(pk=scan_id)
        reading = SheetReading.from_json(scan.reading) if scan.reading is not None else None
        changed = False
        for one in sorted(said, key=lambda found: _ORDER.index(found.kind)):
            if one.values is not None:
                _check(scan, reading, one, by)
            if one.kind == CorrectionKind.COUNTS and one.values is not None:
                if changed:
                    scan = _settled(scan, by)
                _check_counts(scan)
            changed |= _say(scan, one, by)
        if changed:
            scan = _settled(scan, by)
        answers = {
            one.label: one.values for one in said if one.kind == CorrectionKind.ANSWER and one.values is not None
        }
        confirm_answers(scan, answers, by=by)
        if scan.student_id is not None:
            announce_results(scan.exam_id, [scan.student_id])


def _settled(scan: Scan, by: User) -> Scan:
    """``scan`` as its corrections have it now, saved."""
    was = place_of(scan)
    fresh = with_corrections(Scan.objects.select_related("exam__layout")).get(pk=scan.pk)
    settle_scan(fresh, was=was, by=by)
    return fresh


def _say(scan: Scan, one: Said, by: User) -> bool:
    """Whether that changed what stands."""
    stands = Correction.objects.filter(scan=scan, kind=one.kind, label=one.label, undone_at=None).first()
    if stands is not None:
        if one.values is not None and (tuple(stands.values), stands.student_id) == (one.values, one.student):
            return False
        _undo([stands.pk], by)
    elif one.values is None:
        return False
    if one.values is None:
        return True
    if one.kind == CorrectionKind.COUNTS:
        _undo(_chosen_instead(scan), by)
    Correction(scan=scan, kind=one.kind, label=one.label, values=list(one.values), student_id=one.student, by=by).save(
        force_insert=True
    )
    return True


def _undo(ids: Sequence[int], by: User) -> None:
    Correction.objects.filter(pk__in=ids, undone_at=None).update(undone_at=timezone.now(), undone_by=by)


def _chosen_instead(scan: Scan) -> list[int]:
    """What says of other scans of the same page that they count."""
    if scan.student_id is None:
        return []
    said = Correction.objects.filter(kind=CorrectionKind.COUNTS, undone_at=None, scan__exam_id=scan.exam_id)
    said = said.filter(scan__student_id=scan.student_id, scan__page=scan.page).exclude(scan_id=scan.pk)
    return list(said.values_list("pk", flat=True))


def _check(scan: Scan, reading: SheetReading | None, one: Said, by: User) -> None:
    if one.kind == CorrectionKind.SET_ASIDE:
        return
    if reading is None:
        raise Invalid(gettext("The page has not been read: it can only be set aside."), attr=_ATTRS[one.kind])
    if one.kind == CorrectionKind.STUDENT:
        # also who has left the course since, as far as the person sees them
        known = Q(pk__in=students_sitting(scan.exam, by)) | Q(pk__in=students_visible_to(by))
        if not Student.objects.filter(known, pk=one.student or 0).exists():
            raise Missing
    elif one.kind == CorrectionKind.VERSION:
        _check_version(scan, one)
    elif one.kind == CorrectionKind.ANSWER:
        check_answer(scan, reading, one.label, one.values or (), attr=_ATTRS[one.kind])


def _check_counts(scan: Scan) -> None:
    if scan.student_id is None:
        raise Invalid(gettext("Say first whose page it is."), attr="counts")


def _check_version(scan: Scan, one: Said) -> None:
    known = set(version_maps(scan.exam.versions))
    if not known and scan.exam.layout.maker == Maker.OWN:
        known = set(Layout.from_json(scan.exam.layout.definition).versions)
    if len(one.values or ()) != 1 or not known.issuperset(one.values or ()):
        raise Invalid(
            gettext('The exam has no version "{name}".').format(name=", ".join(one.values or ())), attr=VERSION
        )


def check_answer(scan: Scan, reading: SheetReading, label: str, values: tuple[str, ...], *, attr: str) -> None:
    """Raises ``Invalid`` when ``values`` cannot be marked at ``label`` of the page."""
    is_there = any(field.label == label for field in reading.fields)
    if is_there and scan.exam.layout.maker == Maker.OWN:
        questions = Layout.from_json(scan.exam.layout.definition).questions
        field = next((found for found in questions if found.label == label), None)
        is_there = field is not None
        if field is not None and not is_markable(field, values):
            raise Invalid(
                gettext('Question "{name}" cannot be answered by "{answer}".').format(
                    name=label, answer=", ".join(values)
                ),
                attr=attr,
            )
    if not is_there or label == scan.exam.layout.number_label:
        raise Invalid(gettext('The page has no question "{name}".').format(name=label), attr=attr)


_ATTRS = {
    CorrectionKind.ANSWER: "answers",
    CorrectionKind.STUDENT: "student",
    CorrectionKind.VERSION: "version",
    CorrectionKind.COUNTS: "counts",
    CorrectionKind.SET_ASIDE: "set_aside",
}
