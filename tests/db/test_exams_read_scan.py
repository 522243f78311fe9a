"""Reading one page: matched only when certain, scored by the key, failed for a reason that a teacher understands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from academy.jobs.compute import ComputeRefused
from academy.jobs.context import FILE_LOST
from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.exams import tasks
from apps.exams.models import Match, Scan
from apps.exams.services import set_answer_key
from sheets.reading import FieldReading, FieldStatus, SheetReading
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_batch, make_exam, make_job, make_reading, make_scan, make_student
from tests.factories.exams import make_student_sheet

pytestmark = pytest.mark.usefixtures("aws")
OVERLAY = b"\xff\xd8 the overlay"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


def new_scan(cast: Cast, *, page_index: int = 0, **exam: Any) -> Scan:
    with cast.acting():
        batch = make_batch(make_exam(created_by=cast.teacher, **exam), created_by=cast.teacher)
        scan = make_scan(batch, page_index=page_index)
        s3.write_object(scan.source_key, b"the picture", content_type="image/jpeg")
    return scan


def another_page(cast: Cast, scan: Scan) -> Scan:
    with cast.acting():
        new = make_scan(make_batch(scan.exam, created_by=cast.teacher))
        s3.write_object(new.source_key, b"the picture", content_type="image/jpeg")
    return new


def reading_of(scan: Scan, cast: Cast, **changes: Any) -> SheetReading:
    with cast.acting():
        return make_reading(scan.exam, **changes)


def read(cast: Cast, scan: Scan, reading: SheetReading, *, job: Job | None = None) -> Scan:
    """Run the job of ``scan`` with a sandbox that finds ``reading``; the scan as it is then."""
    answer: Mapping[str, Any] = {"reading": reading.to_json(), "overlay_jpeg": OVERLAY}
    deliver(cast.tenant, job.pk if job else scan.job_id, FakeSandbox(lambda *_: answer))
    with cast.acting():
        return Scan.objects.select_related("job", "exam__layout", "student").get(pk=scan.pk)


def state_of(scan: Scan) -> tuple[str, str]:
    assert scan.job is not None
    return scan.job.state, scan.job.error_code


def test_a_page_is_read_matched_and_scored(hana: Cast) -> None:
    scan = new_scan(hana, key={"q1": "1", "q2": "2"})
    after = read(hana, scan, reading_of(scan, hana, number=hana.student.number, answers={"q1": "1", "q2": "5"}))
    assert state_of(after) == (JobState.SUCCEEDED, "")
    assert (after.match, after.student_id, after.number_read) == (Match.MATCHED, hana.student.pk, "240101")
    assert (after.points, after.max_points, after.unsure_count) == (Decimal(1), Decimal(2), 0)
    assert (after.page, after.is_sheet_confirmed) == (1, True)
    assert after.read_at is not None


def test_the_sandbox_gets_the_picture_and_the_layout_and_nothing_else(hana: Cast) -> None:
    scan = new_scan(hana)
    answer = {"reading": reading_of(scan, hana).to_json(), "overlay_jpeg": OVERLAY}
    sandbox = FakeSandbox(lambda *_: answer)
    deliver(hana.tenant, scan.job_id, sandbox)
    assert sandbox.calls == [("workers.compute:read_sheet", (b"the picture", scan.exam.layout.definition))]


def test_the_overlay_is_kept_under_a_key_that_holds_the_attempt(hana: Cast) -> None:
    scan = new_scan(hana)
    after = read(hana, scan, reading_of(scan, hana))
    assert after.overlay_key == f"t/{hana.tenant.pk}/overlays/{scan.pk}/1.jpg"
    with hana.acting():
        assert s3.read_object(after.overlay_key, max_bytes=1000) == OVERLAY


def test_a_doubtful_digit_matches_nobody(hana: Cast) -> None:
    scan = new_scan(hana)
    for status in (FieldStatus.UNSURE, FieldStatus.BLANK, FieldStatus.MULTIPLE):
        page = another_page(hana, scan)
        reading = reading_of(scan, hana, number=hana.student.number)
        assert reading.student_number is not None
        doubtful = replace(reading, student_number=replace(reading.student_number, status=status))
        after = read(hana, page, doubtful)
        assert (after.match, after.student_id) == (Match.NUMBER_UNREADABLE, None)
        assert after.number_read == hana.student.number
        assert state_of(after) == (JobState.SUCCEEDED, "")


@pytest.mark.parametrize("number", ["24010", "2401010", "240102", "24010?", "", "%", "240101 "])
def test_only_the_exact_number_matches(hana: Cast, number: str) -> None:
    scan = new_scan(hana)
    field = FieldReading("student_number", (number,), FieldStatus.OK, 0.99)
    after = read(hana, scan, replace(reading_of(scan, hana), student_number=field))
    assert (after.match, after.student_id) == (Match.NUMBER_UNKNOWN, None)


def test_the_number_of_another_academys_student_is_unknown(hana: Cast, world: World) -> None:
    with world.duri.acting():
        make_student("777777")
    scan = new_scan(hana)
    after = read(hana, scan, reading_of(scan, hana, number="777777"))
    assert (after.match, after.student_id) == (Match.NUMBER_UNKNOWN, None)


def test_a_sheet_without_a_number_field_matches_nobody(hana: Cast) -> None:
    scan = new_scan(hana)
    after = read(hana, scan, replace(reading_of(scan, hana), student_number=None))
    assert (after.match, after.number_read, after.student_id) == (Match.NO_NUMBER, "", None)


def test_a_page_that_the_student_has_already_is_a_duplicate(hana: Cast) -> None:
    first = new_scan(hana)
    second, other_page = another_page(hana, first), another_page(hana, first)
    reading = reading_of(first, hana, number=hana.student.number)
    assert read(hana, first, reading).match == Match.MATCHED
    duplicate = read(hana, second, reading)
    assert (duplicate.match, duplicate.student_id) == (Match.DUPLICATE, hana.student.pk)
    assert read(hana, other_page, replace(reading, page=2)).match == Match.MATCHED


def test_the_same_student_may_sit_two_exams(hana: Cast) -> None:
    for _ in range(2):
        scan = new_scan(hana)
        assert read(hana, scan, reading_of(scan, hana, number=hana.student.number)).match == Match.MATCHED


def test_another_exams_sheet_is_refused_and_nothing_is_recorded(hana: Cast) -> None:
    scan = new_scan(hana)
    after = read(hana, scan, replace(reading_of(scan, hana, number=hana.student.number), sheet_id="OTHERSHEET"))
    assert state_of(after) == (JobState.FAILED, "other_sheet")
    assert after.job is not None
    assert after.job.error_message == tasks.OTHER_SHEET
    assert (after.reading, after.points, after.match, after.student_id) == (None, None, Match.PENDING, None)


def test_a_sheet_whose_code_was_not_read_is_taken_but_not_confirmed(hana: Cast) -> None:
    scan = new_scan(hana)
    after = read(hana, scan, replace(reading_of(scan, hana), sheet_id=None))
    assert state_of(after) == (JobState.SUCCEEDED, "")
    assert after.is_sheet_confirmed is False


def test_without_a_key_the_points_are_null_not_zero(hana: Cast) -> None:
    scan = new_scan(hana)
    reading = reading_of(scan, hana, number=hana.student.number, answers={"q1": "1"})
    after = read(hana, scan, reading)
    assert (after.points, after.max_points, after.unsure_count) == (None, None, 0)


def test_unsure_answers_are_counted_and_give_no_points(hana: Cast) -> None:
    scan = new_scan(hana, key={"q1": "1", "q2": "2", "q3": "3"})
    reading = reading_of(scan, hana, answers={"q1": "1", "q2": "2", "q3": "3"})
    unsure = [
        replace(field, status=FieldStatus.UNSURE) if field.label in {"q2", "q9"} else field for field in reading.fields
    ]
    after = read(hana, scan, replace(reading, fields=tuple(unsure)))
    assert (after.points, after.max_points, after.unsure_count) == (Decimal(2), Decimal(3), 2)


def test_a_re_read_overwrites_what_the_machine_read(hana: Cast) -> None:
    scan = new_scan(hana, key={"q1": "1"})
    first = read(hana, scan, reading_of(scan, hana, number=hana.student.number, answers={"q1": "1"}))
    assert (first.match, first.points) == (Match.MATCHED, Decimal(1))
    with hana.acting():
        again = make_job(scan.pk)
        Scan.objects.filter(pk=scan.pk).update(job=again)
    second = read(hana, scan, reading_of(scan, hana, number=None, answers={"q1": "4"}), job=again)
    assert (second.match, second.student_id, second.number_read) == (Match.NUMBER_UNREADABLE, None, "??????")
    assert second.points == Decimal(0)
    assert second.reading is not None
    assert {row["label"]: row["values"] for row in second.reading["fields"]}["q1"] == ["4"]


def test_a_re_read_of_the_counted_page_is_no_duplicate_of_itself(hana: Cast) -> None:
    scan = new_scan(hana)
    reading = reading_of(scan, hana, number=hana.student.number)
    read(hana, scan, reading)
    with hana.acting():
        again = make_job(scan.pk)
    assert read(hana, scan, reading, job=again).match == Match.MATCHED


def test_a_second_delivery_changes_nothing(hana: Cast) -> None:
    scan = new_scan(hana, key={"q1": "1"})
    before = read(hana, scan, reading_of(scan, hana, number=hana.student.number, answers={"q1": "1"}))
    after = read(hana, scan, reading_of(scan, hana, answers={"q1": "5"}))
    assert (after.reading, after.read_at, after.points) == (before.reading, before.read_at, before.points)


def test_a_file_that_is_gone_is_asked_for_again(hana: Cast) -> None:
    with hana.acting():
        scan = make_scan(make_batch(make_exam(created_by=hana.teacher), created_by=hana.teacher))
    after = read(hana, scan, reading_of(scan, hana))
    assert state_of(after) == (JobState.FAILED, "file_lost")
    assert after.job is not None
    assert after.job.error_message == FILE_LOST


def test_a_scan_that_was_deleted_meanwhile_fails_quietly(hana: Cast) -> None:
    scan = new_scan(hana)
    with hana.acting():
        Scan.objects.filter(pk=scan.pk).delete()
    deliver(hana.tenant, scan.job_id, FakeSandbox())
    with hana.acting():
        job = Job.objects.get(pk=job_id_of(scan))
    assert (job.state, job.error_code) == (JobState.FAILED, "scan_deleted")


def test_what_the_reader_refuses_reaches_the_teacher(hana: Cast) -> None:
    scan = new_scan(hana)

    def refuse(*_: object) -> None:
        raise ComputeRefused("UnreadableSheet", "blurred", "The picture is blurred. Take it again.")

    deliver(hana.tenant, scan.job_id, FakeSandbox(refuse))
    with hana.acting():
        after = Scan.objects.select_related("job").get(pk=scan.pk)
    assert state_of(after) == (JobState.FAILED, "blurred")
    assert (after.reading, after.match) == (None, Match.PENDING)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        {"reading": None, "overlay_jpeg": b""},
        {"reading": {"schema": 99}, "overlay_jpeg": b""},
        {"reading": {"schema": 1}, "overlay_jpeg": b""},
    ],
)
def test_an_answer_of_another_shape_is_a_fault_of_ours(hana: Cast, answer: object) -> None:
    scan = new_scan(hana)
    deliver(hana.tenant, scan.job_id, FakeSandbox(lambda *_: answer))
    with hana.acting():
        after = Scan.objects.select_related("job").get(pk=scan.pk)
    assert state_of(after) == (JobState.QUEUED, "internal_error")
    assert after.reading is None


def test_the_other_academy_is_not_touched(hana: Cast, world: World) -> None:
    scan = new_scan(hana)
    read(hana, scan, reading_of(scan, hana, number=hana.student.number))
    with world.duri.acting():
        (theirs,) = Scan.objects.all()
        assert theirs.points == Decimal(1)
        assert theirs.pk == world.duri.scan.pk


def test_a_later_key_regrades_a_page_that_had_none(hana: Cast) -> None:
    scan = new_scan(hana)
    read(hana, scan, reading_of(scan, hana, answers={"q1": "1"}))
    with hana.acting(), transaction.atomic():
        assert set_answer_key(by=hana.teacher, exam_id=scan.exam_id, answers={"q1": ["1"]}, points={}) == 1
        assert Scan.objects.get(pk=scan.pk).points == Decimal(1)


TOKEN = "23456789ABCDEFGH"


def read_copy(cast: Cast, scan: Scan, token: str, number: FieldReading | None) -> Scan:
    return read(cast, scan, replace(reading_of(scan, cast), token=token, student_number=number))


def number_field(number: str, status: FieldStatus = FieldStatus.OK) -> FieldReading:
    return FieldReading("student_number", (number,), status, 0.99)


def test_a_copys_token_says_whose_it_is_when_the_number_cannot_be_read(hana: Cast) -> None:
    scan = new_scan(hana)
    with hana.acting():
        make_student_sheet(scan.exam, hana.student, token=TOKEN)
    after = read_copy(hana, scan, TOKEN, number_field("2401??", FieldStatus.UNSURE))
    assert (after.match, after.student_id) == (Match.MATCHED, hana.student.pk)


def test_a_copy_with_somebody_elses_number_matches_nobody(hana: Cast) -> None:
    scan = new_scan(hana)
    with hana.acting():
        make_student_sheet(scan.exam, hana.student, token=TOKEN)
        make_student("777777")
    after = read_copy(hana, scan, TOKEN, number_field("777777"))
    assert (after.match, after.student_id) == (Match.NUMBER_CONTRADICTS, None)


def test_a_token_of_another_academy_or_exam_says_nothing(hana: Cast, world: World) -> None:
    scan = new_scan(hana)
    with world.duri.acting():
        make_student_sheet(make_exam(created_by=world.duri.teacher), world.duri.student, token=TOKEN)
    with hana.acting():
        make_student_sheet(make_exam(created_by=hana.teacher), hana.student, token=TOKEN)
    after = read_copy(hana, scan, TOKEN, number_field("2401??", FieldStatus.UNSURE))
    assert (after.match, after.student_id) == (Match.NUMBER_UNREADABLE, None)


def test_essays_are_kept_under_keys_that_hold_the_attempt_and_points_survive_a_re_read(hana: Cast) -> None:
    scan = new_scan(hana)
    answer = {"reading": reading_of(scan, hana).to_json(), "overlay_jpeg": OVERLAY, "essay_jpegs": {"q 1": b"an essay"}}
    with hana.acting():
        Scan.objects.filter(pk=scan.pk).update(essay_points={"q 1": "3.5"})
    deliver(hana.tenant, scan.job_id, FakeSandbox(lambda *_: answer))
    with hana.acting():
        after = Scan.objects.get(pk=scan.pk)
        assert after.essay_keys == {"q 1": f"t/{hana.tenant.pk}/essays/{scan.pk}/1-1.jpg"}
        assert s3.read_object(after.essay_keys["q 1"], max_bytes=1000) == b"an essay"
    assert after.essay_points == {"q 1": "3.5"}
