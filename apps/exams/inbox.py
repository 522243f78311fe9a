"""The review inbox of an exam: page by page what a person is asked, where it is, what the machine saw there."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from django.db.models import Q, QuerySet

from academy.jobs.models import UNFINISHED_STATES, JobState
from academy.jobs.reasons import text_of
from apps.accounts.models import User
from apps.exams.asking import NOBODYS, Ask, Asked, asked_of
from apps.exams.corrections import contradictions, effective_reading
from apps.exams.models import Batch, Exam, Maker, Match, Objection, Scan, StudentSheet
from apps.exams.objections import asked_objections, is_objected_to
from apps.exams.queries import (
    ScoringRules,
    rules_of_exam,
    students_sitting,
    with_corrections,
)
from apps.exams.scoring import version_of
from apps.students.models import Student
from sheets.boxes import overlay_boxes
from sheets.layout import STUDENT_NUMBER, VERSION, ChoiceField, Layout
from sheets.reading import FieldReading, FieldStatus, SheetReading

MAX_PROPOSALS: Final = 10
"""Students shown for one number. More are no help: the number has to be read by eye."""
UNREAD: Final = "?"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value that can be marked in a field, and how dark its bubble is: 0 (paper) to 1 (solid)."""

    value: str
    ink: float


@dataclass(frozen=True, slots=True)
class InboxItem:
    """One thing asked of a page.

    ``values``, ``status`` and ``confidence`` are the machine's; ``box`` is [x, y, width, height] in pixels of the
    page's picture, None where the whole page is meant. ``picture_key``: a picture of its own, "" for that of the page.
    ``proposals``: students whose number is close, for a person to choose from, never chosen here. ``rival``: the scan
    that counts instead of this duplicate; ``contradictions``: the labels in which the two differ. ``objection``: what
    the student says of this place.
    """

    kind: Ask
    label: str = ""
    question: str = ""
    values: tuple[str, ...] = ()
    status: FieldStatus | None = None
    confidence: float | None = None
    candidates: tuple[Candidate, ...] = ()
    box: list[int] | None = None
    picture_key: str = ""
    proposals: tuple[Student, ...] = ()
    rival: int | None = None
    contradictions: tuple[str, ...] = ()
    message: str = ""
    objection: Objection | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    scan: Scan
    items: tuple[InboxItem, ...]


# Read by a version that did not count yet what is asked.
_UNCOUNTED: Final = Q(asked_count=None, reading__isnull=False) & (
    Q(unsure_count__gt=0) | Q(awaited_count__gt=0) | Q(match__in=NOBODYS)
)
_FAILED: Final = Q(reading__isnull=True, job__state=JobState.FAILED) & ~Q(match=Match.SET_ASIDE)
_ASKED: Final = Q(asked_count__gt=0) | _UNCOUNTED | _FAILED


def asked_pages(exam_id: int) -> QuerySet[Scan]:
    """The exam's pages of which a person is asked something."""
    scans = Scan.objects.filter(exam_id=exam_id).select_related("job", "student", "batch__upload")
    return with_corrections(scans.filter(_ASKED | is_objected_to()))


def open_pages_of_exam(exam_id: int) -> int:
    """How many pages somebody has yet to look at, or are not read yet; a file that is not opened yet is one page.

    It is what publishing waits for. Objections are no part of it: students raise them of what is published.
    """
    unfinished = Q(reading__isnull=True, job__state__in=UNFINISHED_STATES) & ~Q(match=Match.SET_ASIDE)
    unopened = Batch.objects.filter(exam_id=exam_id, page_count=None, job__state__in=UNFINISHED_STATES)
    return Scan.objects.filter(exam_id=exam_id).filter(_ASKED | unfinished).count() + unopened.count()


def inbox_pages(exam: Exam, scans: Sequence[Scan], *, person: User) -> list[InboxPage]:
    """What ``person`` is asked of ``scans``, which ``asked_pages`` gave. As many queries for many as for one."""
    lookup = _Lookup(exam, scans, person)
    return [InboxPage(scan, tuple(lookup.items_of(scan))) for scan in scans]


class _Lookup:
    """What the items of a few pages of one exam need, asked of the database once for all of them."""

    def __init__(self, exam: Exam, scans: Sequence[Scan], person: User) -> None:
        self.exam, self.scans, self.person = exam, scans, person
        self.layout = Layout.from_json(exam.layout.definition) if exam.layout.maker == Maker.OWN else None
        self.rules: ScoringRules = rules_of_exam(exam.pk)

    def items_of(self, scan: Scan) -> Iterable[InboxItem]:
        if scan.reading is None:
            return [InboxItem(Ask.PAGE_FAILED, message=text_of(scan.job.error_code) if scan.job else "")]
        machine = SheetReading.from_json(scan.reading)
        asked = asked_of(scan, self.rules.score_scan(scan), self.rules.keyed)
        boxes = overlay_boxes(self.layout, machine.page) if self.layout is not None else {}
        objections = {objection.label: objection for objection in self._objections[scan.pk]}
        items = [
            replace(
                self._item(scan, machine, one, boxes), objection=objections.pop(one.label, None) if one.label else None
            )
            for one in asked
        ]
        return items + [self._objected(scan, machine, objection, boxes) for objection in objections.values()]

    def _objected(
        self, scan: Scan, machine: SheetReading, objection: Objection, boxes: dict[str, list[int]]
    ) -> InboxItem:
        """What nothing else is asked about: beside the machine's reading, or what people said in its place."""
        label, reading = objection.label, effective_reading(scan)
        version = version_of(reading, self.rules.versions)
        question = version.label_of(label) if label and version is not None else label
        if any(crop.label == label for crop in machine.essays):
            found = self._item(scan, machine, Asked(Ask.ESSAY, label, question), boxes)
            return replace(found, kind=Ask.OBJECTION, objection=objection)
        found = self._read(Asked(Ask.OBJECTION, label, question), _field(reading, label), boxes.get(label), ())
        return replace(found, objection=objection)

    @cached_property
    def _objections(self) -> dict[int, list[Objection]]:
        found = defaultdict[int, list[Objection]](list)
        for objection in asked_objections().filter(scan__in=[scan.pk for scan in self.scans]).order_by("pk"):
            found[objection.scan_id].append(objection)
        return found

    def _item(self, scan: Scan, machine: SheetReading, one: Asked, boxes: dict[str, list[int]]) -> InboxItem:
        match one.kind:
            case Ask.ESSAY:
                key = str(scan.essay_keys.get(one.label, ""))
                box = None if key else boxes.get(one.label)
                return InboxItem(one.kind, one.label, one.question, box=box, picture_key=key)
            case Ask.DUPLICATE:
                rival = self._rivals.get((scan.student_id, scan.page))
                labels = contradictions(effective_reading(rival), effective_reading(scan)) if rival else []
                return InboxItem(one.kind, rival=rival.pk if rival else None, contradictions=tuple(labels))
            case Ask.STUDENT:
                number = machine.student_number or _field(machine, self.exam.layout.number_label)
                return self._read(one, number, boxes.get(STUDENT_NUMBER), self._proposals(scan, machine))
            case Ask.VERSION:
                return self._read(one, machine.version, boxes.get(VERSION), ())
            case _:
                return self._read(one, _field(machine, one.label), boxes.get(one.label), ())

    def _read(
        self, one: Asked, field: FieldReading | None, box: list[int] | None, proposals: tuple[Student, ...]
    ) -> InboxItem:
        if field is None:
            return InboxItem(one.kind, one.label, one.question, box=box, proposals=proposals)
        return InboxItem(
            kind=one.kind,
            label=one.label,
            question=one.question,
            values=field.values,
            status=field.status,
            confidence=field.confidence,
            candidates=self._candidates(field),
            box=box,
            proposals=proposals,
        )

    def _candidates(self, field: FieldReading) -> tuple[Candidate, ...]:
        """The darkest first, of a field with one bubble for each value."""
        choices = self._choices.get(field.label, ())
        if len(choices) != len(field.ink):
            return ()
        found = (Candidate(*pair) for pair in zip(choices, field.ink, strict=True))
        return tuple(sorted(found, key=lambda candidate: -candidate.ink))

    @cached_property
    def _choices(self) -> dict[str, tuple[str, ...]]:
        if self.layout is None:
            return {}
        choices = {field.label: field.choices for field in self.layout.questions if isinstance(field, ChoiceField)}
        return choices | {VERSION: self.layout.versions}

    @cached_property
    def _rivals(self) -> dict[tuple[int | None, int | None], Scan]:
        """By student and page, the scans that count instead of duplicates among these."""
        students = {scan.student_id for scan in self.scans if scan.match == Match.DUPLICATE}
        counting = Scan.objects.filter(exam_id=self.exam.pk, student_id__in=students, match=Match.MATCHED)
        return {(scan.student_id, scan.page): scan for scan in with_corrections(counting)}

    # ------------------------------------------------------------ whose page it may be

    def _proposals(self, scan: Scan, machine: SheetReading) -> tuple[Student, ...]:
        found = list(self._owners.get(machine.token or "", ()))
        pattern = _pattern(scan.number_read, is_exact=scan.match == Match.NUMBER_CONTRADICTS)
        if pattern:
            close = re.compile(pattern)
            found += [student for student in self._close if close.fullmatch(student.number) and student not in found]
        return tuple(found) if len(found) <= MAX_PROPOSALS else ()

    @cached_property
    def _owners(self) -> dict[str, tuple[Student, ...]]:
        """By the token in the code of a page that contradicts it, whose copy it was."""
        tokens = [
            scan.reading.get("token")
            for scan in self.scans
            if scan.match == Match.NUMBER_CONTRADICTS and scan.reading is not None
        ]
        sheets = StudentSheet.objects.filter(exam_id=self.exam.pk, token__in=tokens).select_related("student")
        return {sheet.token: (sheet.student,) for sheet in sheets}

    @cached_property
    def _close(self) -> list[Student]:
        """Students of the exam whose number is close to one that was read on these pages, by number."""
        patterns = {
            _pattern(scan.number_read, is_exact=scan.match == Match.NUMBER_CONTRADICTS)
            for scan in self.scans
            if scan.match in NOBODYS
        } - {""}
        if not patterns:
            return []
        whole = "^(" + "|".join(sorted(patterns)) + ")$"
        return list(students_sitting(self.exam, self.person).filter(number__regex=whole).order_by("number"))


def _field(reading: SheetReading, label: str) -> FieldReading | None:
    return next((field for field in reading.fields if label and field.label == label), None)


def _pattern(number: str, *, is_exact: bool) -> str:
    """A regular expression of the numbers that ``number`` may be: with its unread digits, or one digit off.

    "" when there are none worth showing: less than half of it was read.
    """
    if not number or number.count(UNREAD) * 2 > len(number):
        return ""
    parts = ["." if symbol == UNREAD else re.escape(symbol) for symbol in number]
    if UNREAD in number or is_exact:
        return "".join(parts)
    return "|".join("".join([*parts[:place], ".", *parts[place + 1 :]]) for place in range(len(parts)))
