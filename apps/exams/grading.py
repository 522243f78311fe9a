"""Writing down what was read and what it scores. Called inside the finishing transaction of a job, or of an edit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from django.utils import timezone

from apps.accounts.models import User
from apps.exams.asking import asked_of
from apps.exams.corrections import contradictions, effective_reading, standing
from apps.exams.models import Correction, CorrectionKind, Exam, Match, Scan, StudentSheet
from apps.exams.objections import settle_objections
from apps.exams.queries import ScoringRules, rules_of_exam, with_corrections
from apps.students.models import Student
from sheets.reading import FieldReading, FieldStatus, SheetReading

REGRADE_CHUNK: Final = 500  # scans held in memory at once
SCORE_COLUMNS: Final = ("points", "max_points", "unsure_count", "awaited_count", "asked_count")
PLACE_COLUMNS: Final = ("match", "student", "is_disputed", *SCORE_COLUMNS)

Place: TypeAlias = tuple[int | None, int | None]
"""Whose page it is and which: ids of the student, number of the page. Of one place one scan counts."""


def hold_key(exam_id: int) -> bool:
    """Keep the exam's key as it is until this transaction ends; ``False`` when there is no such exam.

    Taken before any lock on a scan by whoever scores: a page that is read while the key changes would otherwise be
    scored by the old key and missed by the regrading. It also makes one out of two who find, at the same time, which
    of a student's scans counts, or that nothing is left to ask.
    """
    return Exam.objects.select_for_update(no_key=True).filter(pk=exam_id).first() is not None


def record_reading(
    scan: Scan, reading: SheetReading, *, overlay_key: str, essay_keys: Mapping[str, str] | None = None
) -> None:
    """Store ``reading``, match the student and score the page. Every re-read overwrites what the machine read.

    What people corrected is in rows of its own and holds for the new reading as well. The caller holds the exam's key.
    """
    number, was = _number_of(scan, reading), place_of(scan)
    scan.reading = reading.to_json()
    scan.read_at = timezone.now()
    scan.page = reading.page
    scan.is_sheet_confirmed = reading.sheet_id is not None
    scan.overlay_key = overlay_key
    scan.number_read = "".join(number.values)[:20] if number else ""
    scan.essay_keys = dict(essay_keys or {})
    scan.save(update_fields=["reading", "read_at", "overlay_key", "is_sheet_confirmed", "essay_keys", "number_read"])
    settle_scan(scan, was=was)


def place_of(scan: Scan) -> Place:
    return scan.student_id, scan.page


def settle_scan(scan: Scan, *, was: Place, by: User | None = None) -> None:
    """Find again whose page ``scan`` is, which of that student's scans of it counts, and what they score; save.

    ``was``: its place before. What is left there is settled too, and what students object to that is settled by it.
    ``by``: the person whose doing it is. The caller holds the exam's key.
    """
    rules, said = rules_of_exam(scan.exam_id), {row.kind: row for row in standing(scan)}
    if CorrectionKind.SET_ASIDE in said:
        scan.match, scan.student = Match.SET_ASIDE, None
    elif scan.reading is None:
        scan.match, scan.student = Match.PENDING, None
    else:
        scan.match, scan.student = _match(scan, said.get(CorrectionKind.STUDENT))
    scan.is_disputed = False
    rivals = _scans_at(scan, place_of(scan)) if scan.match == Match.MATCHED else []
    changed = _elect([*rivals, scan])
    if was != place_of(scan):
        changed += _elect(_scans_at(scan, was))
    touched = {other.pk: other for other in (*changed, scan)}
    for other in touched.values():
        _apply_score(other, rules)
    # those that count no more go first, then the one that leaves its place: of one place only one may ever count
    for other in sorted(touched.values(), key=lambda found: (found.match == Match.MATCHED, found.pk != scan.pk)):
        other.save(update_fields=["page", *PLACE_COLUMNS])
    settle_objections(touched.values(), by=by)


def _scans_at(scan: Scan, place: Place) -> list[Scan]:
    """The other scans of the exam at ``place``, locked."""
    student_id, page = place
    if student_id is None:
        return []
    found = Scan.objects.filter(exam_id=scan.exam_id, student_id=student_id, page=page, reading__isnull=False)
    found = found.filter(match__in=(Match.MATCHED, Match.DUPLICATE)).exclude(pk=scan.pk).order_by("pk")
    return list(with_corrections(found.select_for_update(of=("self",))))


def _elect(scans: list[Scan]) -> list[Scan]:
    """Say of scans of one place which counts: what a person chose or worked on, else the better. Returns the changed.

    A duplicate is disputed when it contradicts the one that counts and no person has chosen.
    """
    placed = [scan for scan in scans if scan.match in (Match.MATCHED, Match.DUPLICATE)]
    if not placed:
        return []
    readings = {scan.pk: effective_reading(scan) for scan in placed}
    chosen = {scan.pk: _chosen_at(scan) for scan in placed}
    best = max(placed, key=lambda scan: (chosen[scan.pk], _is_worked_on(scan), *_quality(scan, readings[scan.pk])))
    changed = []
    for scan in placed:
        match = Match.MATCHED if scan is best else Match.DUPLICATE
        is_open = scan is not best and not any(chosen.values())
        is_disputed = is_open and bool(contradictions(readings[best.pk], readings[scan.pk]))
        if (scan.match, scan.is_disputed) != (match, is_disputed):
            scan.match, scan.is_disputed = match, is_disputed
            changed.append(scan)
    return changed


def _chosen_at(scan: Scan) -> int:
    """When a person said that this one counts, as a number that grows with time; 0 for never."""
    return max((row.pk for row in standing(scan) if row.kind == CorrectionKind.COUNTS), default=0)


def _is_worked_on(scan: Scan) -> bool:
    """Whether people looked at it, whose work would be lost with another scan of the same sheet."""
    kinds = (CorrectionKind.ANSWER, CorrectionKind.VERSION)
    return bool(scan.essay_points) or any(row.kind in kinds for row in standing(scan))


def _quality(scan: Scan, reading: SheetReading) -> tuple[int, int, float, int]:
    """How good a scan is, the better the greater; of two alike the one that came first."""
    fields = [*reading.fields, *([reading.version] if reading.version else [])]
    unsure = sum(field.status is FieldStatus.UNSURE for field in fields)
    confidence = sum(field.confidence for field in fields) / len(fields) if fields else 0.0
    return -unsure, reading.corners_found, round(confidence, 2), -scan.pk


@dataclass(frozen=True, slots=True)
class PointsChange:
    """A student whose points of an exam a key changes, over all pages that count. None: nothing to score."""

    student_id: int
    number: str
    name: str
    points_before: Decimal | None
    points_after: Decimal | None
    max_points_before: Decimal | None
    max_points_after: Decimal | None


@dataclass(frozen=True, slots=True)
class Regrading:
    """How many pages were scored anew, and whom that changes, by number."""

    page_count: int
    changes: tuple[PointsChange, ...]


def regrade_exam(exam_id: int) -> Regrading:
    """Score every page of the exam that was read, against the key as it is now."""
    return _regrade(exam_id, rules_of_exam(exam_id), is_written=True)


def preview_regrading(exam_id: int, rules: ScoringRules) -> Regrading:
    """What scoring every page by ``rules`` would change. Writes nothing."""
    return _regrade(exam_id, rules, is_written=False)


def _regrade(exam_id: int, rules: ScoringRules, *, is_written: bool) -> Regrading:
    count, sums = 0, defaultdict[int, list[Decimal | None]](lambda: [None] * 4)
    for chunk in chunks_of_read_scans(exam_id, is_locked=is_written):
        for scan in chunk:
            before = scan.points, scan.max_points
            _apply_score(scan, rules)
            if scan.match == Match.MATCHED and scan.student_id is not None:
                known = sums[scan.student_id]
                for place, points in enumerate((before[0], scan.points, before[1], scan.max_points)):
                    known[place] = _sum(known[place], points)
        if is_written:
            Scan.objects.bulk_update(chunk, SCORE_COLUMNS)
        count += len(chunk)
    changed = {pk: found for pk, found in sums.items() if found[0] != found[1] or found[2] != found[3]}
    students = Student.objects.filter(pk__in=changed).order_by("number").values_list("pk", "number", "name")
    return Regrading(count, tuple(PointsChange(*student, *changed[student[0]]) for student in students))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one if other is None else one + other


def chunks_of_read_scans(exam_id: int, *, is_locked: bool = False) -> Iterator[list[Scan]]:
    last = 0
    while True:
        read = with_corrections(Scan.objects.filter(exam_id=exam_id, reading__isnull=False, pk__gt=last))
        chunk = list((read.select_for_update(of=("self",)) if is_locked else read).order_by("pk")[:REGRADE_CHUNK])
        if not chunk:
            return
        yield chunk
        last = chunk[-1].pk


def regrade_scan(scan: Scan, *, by: User) -> None:
    """Score one page that was read, after what ``by`` gave for its essays changed."""
    _apply_score(scan, rules_of_exam(scan.exam_id))
    scan.save(update_fields=["essay_points", *SCORE_COLUMNS])
    settle_objections([scan], by=by)


def _apply_score(scan: Scan, rules: ScoringRules) -> None:
    if scan.reading is None:
        return
    score = rules.score_scan(scan)
    scan.points, scan.max_points = score.points, score.max_points
    scan.unsure_count, scan.awaited_count = score.unsure_count, score.awaited_count
    scan.asked_count = len(asked_of(scan, score, rules.keyed))


def _number_of(scan: Scan, reading: SheetReading) -> FieldReading | None:
    if reading.student_number is not None:
        return reading.student_number
    label = scan.exam.layout.number_label
    return next((field for field in reading.fields if label and field.label == label), None)


def _match(scan: Scan, said: Correction | None) -> tuple[Match, Student | None]:
    """The student a person named, whose copy it is, or with exactly this number; else nobody.

    A doubtful digit matches nobody. Whether another scan of the page counts is not asked here.
    """
    if said is not None:
        return Match.MATCHED, said.student
    assert scan.reading is not None
    reading = SheetReading.from_json(scan.reading)
    number = _number_of(scan, reading)
    is_read = number is not None and number.status is FieldStatus.OK
    read = "".join(number.values) if number is not None else ""
    owner = owner_of(scan, reading.token)
    if owner is not None:
        # a surely read number that is somebody else's: they changed sheets, and a person has to say who wrote it
        if is_read and len(owner.number) == len(read) and owner.number != read:
            return Match.NUMBER_CONTRADICTS, None
        return Match.MATCHED, owner
    if number is None:
        return Match.NO_NUMBER, None
    if not is_read:
        return Match.NUMBER_UNREADABLE, None
    student = Student.objects.filter(number=read).first()
    return (Match.MATCHED, student) if student is not None else (Match.NUMBER_UNKNOWN, None)


def owner_of(scan: Scan, token: str | None) -> Student | None:
    if token is None:
        return None
    sheet = StudentSheet.objects.select_related("student").filter(exam_id=scan.exam_id, token=token).first()
    return sheet.student if sheet else None
