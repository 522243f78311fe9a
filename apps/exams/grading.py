"""Writing down what was read and what it scores. Called inside the finishing transaction of a job, or of an edit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils import timezone

from apps.exams.models import Exam, Match, Scan
from apps.exams.queries import key_of_exam
from apps.exams.scoring import KeyedQuestion, score_fields
from apps.students.models import Student
from sheets.reading import FieldReading, FieldStatus, SheetReading

REGRADE_CHUNK: Final = 500  # scans held in memory at once


def hold_key(exam_id: int) -> bool:
    """Keep the exam's key as it is until this transaction ends; ``False`` when there is no such exam.

    Taken before any lock on a scan by whoever scores: a page that is read while the key changes would otherwise be
    scored by the old key and missed by the regrading.
    """
    return Exam.objects.select_for_update(no_key=True).filter(pk=exam_id).first() is not None


def record_reading(scan: Scan, reading: SheetReading, *, overlay_key: str) -> None:
    """Store ``reading``, match the student and score the page. Every re-read overwrites what the machine read."""
    number = _number_of(scan, reading)
    scan.reading = reading.to_json()
    scan.read_at = timezone.now()
    scan.page = reading.page
    scan.is_sheet_confirmed = reading.sheet_id is not None
    scan.overlay_key = overlay_key
    scan.number_read = "".join(number.values)[:20] if number else ""
    scan.match, scan.student = _match(scan, number)
    _apply_score(scan, reading, key_of_exam(scan.exam_id))
    scan.save(
        update_fields=[
            "reading",
            "read_at",
            "page",
            "is_sheet_confirmed",
            "overlay_key",
            "number_read",
            "match",
            "student",
            "points",
            "max_points",
            "unsure_count",
        ]
    )


def regrade_exam(exam_id: int) -> int:
    """Score every page of the exam that was read, against the key as it is now. Returns how many there were."""
    key, count = key_of_exam(exam_id), 0
    for chunk in _chunks_of_read_scans(exam_id):
        for scan in chunk:
            assert scan.reading is not None
            _apply_score(scan, SheetReading.from_json(scan.reading), key)
        Scan.objects.bulk_update(chunk, ["points", "max_points", "unsure_count"])
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


def _apply_score(scan: Scan, reading: SheetReading, key: Sequence[KeyedQuestion]) -> None:
    score = score_fields(reading.fields, key)
    scan.points, scan.max_points, scan.unsure_count = score.points, score.max_points, score.unsure_count


def _number_of(scan: Scan, reading: SheetReading) -> FieldReading | None:
    if reading.student_number is not None:
        return reading.student_number
    label = scan.exam.layout.number_label
    return next((field for field in reading.fields if label and field.label == label), None)


def _match(scan: Scan, number: FieldReading | None) -> tuple[Match, Student | None]:
    """The student with exactly this number, or nobody. A doubtful digit matches nobody."""
    if number is None:
        return Match.NO_NUMBER, None
    if number.status is not FieldStatus.OK:
        return Match.NUMBER_UNREADABLE, None
    # Locked, so that two scans of one page cannot both find that they are the first.
    student = Student.objects.select_for_update().filter(number="".join(number.values)).first()
    if student is None:
        return Match.NUMBER_UNKNOWN, None
    counted = Scan.objects.filter(exam_id=scan.exam_id, student=student, page=scan.page, match=Match.MATCHED)
    if counted.exclude(pk=scan.pk).exists():
        return Match.DUPLICATE, student
    return Match.MATCHED, student
