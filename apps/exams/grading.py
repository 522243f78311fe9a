"""Writing down what was read and what it scores. Called inside the finishing transaction of a job, or of an edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from django.utils import timezone

from apps.exams.models import Exam, Match, Scan, StudentSheet
from apps.exams.queries import ScoringRules, rules_of_exam
from apps.students.models import Student
from sheets.reading import FieldReading, FieldStatus, SheetReading

REGRADE_CHUNK: Final = 500  # scans held in memory at once
SCORE_COLUMNS: Final = ("points", "max_points", "unsure_count", "awaited_count")


def hold_key(exam_id: int) -> bool:
    """Keep the exam's key as it is until this transaction ends; ``False`` when there is no such exam.

    Taken before any lock on a scan by whoever scores: a page that is read while the key changes would otherwise be
    scored by the old key and missed by the regrading.
    """
    return Exam.objects.select_for_update(no_key=True).filter(pk=exam_id).first() is not None


def record_reading(
    scan: Scan, reading: SheetReading, *, overlay_key: str, essay_keys: Mapping[str, str] | None = None
) -> None:
    """Store ``reading``, match the student and score the page. Every re-read overwrites what the machine read."""
    number = _number_of(scan, reading)
    scan.reading = reading.to_json()
    scan.read_at = timezone.now()
    scan.page = reading.page
    scan.is_sheet_confirmed = reading.sheet_id is not None
    scan.overlay_key = overlay_key
    scan.number_read = "".join(number.values)[:20] if number else ""
    scan.essay_keys = dict(essay_keys or {})
    scan.match, scan.student = _match(scan, number, reading.token)
    _apply_score(scan, reading, rules_of_exam(scan.exam_id))
    scan.save(
        update_fields=[
            "reading",
            "read_at",
            "page",
            "is_sheet_confirmed",
            "overlay_key",
            "essay_keys",
            "number_read",
            "match",
            "student",
            *SCORE_COLUMNS,
        ]
    )


def regrade_exam(exam_id: int) -> int:
    """Score every page of the exam that was read, against the key as it is now. Returns how many there were."""
    rules, count = rules_of_exam(exam_id), 0
    for chunk in _chunks_of_read_scans(exam_id):
        for scan in chunk:
            assert scan.reading is not None
            _apply_score(scan, SheetReading.from_json(scan.reading), rules)
        Scan.objects.bulk_update(chunk, SCORE_COLUMNS)
        count += len(chunk)
    return count


def _chunks_of_read_scans(exam_id: int) -> Iterator[list[Scan]]:
    last = 0
    while True:
        unread_excluded = Scan.objects.filter(exam_id=exam_id, reading__isnull=False, pk__gt=last)
        chunk = list(unread_excluded.select_for_update().order_by("pk")[:REGRADE_CHUNK])
        if not chunk:
            return
        yield chunk
        last = chunk[-1].pk


def regrade_scan(scan: Scan) -> None:
    """Score one page that was read, after what people gave for its essays changed."""
    assert scan.reading is not None
    _apply_score(scan, SheetReading.from_json(scan.reading), rules_of_exam(scan.exam_id))
    scan.save(update_fields=["essay_points", *SCORE_COLUMNS])


def _apply_score(scan: Scan, reading: SheetReading, rules: ScoringRules) -> None:
    score = rules.score(scan, reading)
    scan.points, scan.max_points = score.points, score.max_points
    scan.unsure_count, scan.awaited_count = score.unsure_count, score.awaited_count


def _number_of(scan: Scan, reading: SheetReading) -> FieldReading | None:
    if reading.student_number is not None:
        return reading.student_number
    label = scan.exam.layout.number_label
    return next((field for field in reading.fields if label and field.label == label), None)


def _match(scan: Scan, number: FieldReading | None, token: str | None) -> tuple[Match, Student | None]:
    """The student whose copy it is, or with exactly this number, or nobody. A doubtful digit matches nobody."""
    is_read = number is not None and number.status is FieldStatus.OK
    read = "".join(number.values) if number is not None else ""
    owner = _owner_of(scan, token)
    if owner is not None:
        # a surely read number that is somebody else's: they changed sheets, and a person has to say who wrote it
        if is_read and len(owner.number) == len(read) and owner.number != read:
            return Match.NUMBER_CONTRADICTS, None
        wanted = owner.number
    elif number is None:
        return Match.NO_NUMBER, None
    elif not is_read:
        return Match.NUMBER_UNREADABLE, None
    else:
        wanted = read
    # Locked, so that two scans of one page cannot both find that they are the first.
    student = Student.objects.select_for_update().filter(number=wanted).first()
    if student is None:
        return Match.NUMBER_UNKNOWN, None
    counted = Scan.objects.filter(exam_id=scan.exam_id, student=student, page=scan.page, match=Match.MATCHED)
    if counted.exclude(pk=scan.pk).exists():
        return Match.DUPLICATE, student
    return Match.MATCHED, student


def _owner_of(scan: Scan, token: str | None) -> Student | None:
    if token is None:
        return None
    sheet = StudentSheet.objects.select_related("student").filter(exam_id=scan.exam_id, token=token).first()
    return sheet.student if sheet else None
