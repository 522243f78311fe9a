"""Reading homework: every page recorded once, corrections kept, failures with a reason that a teacher understands."""

from __future__ import annotations

from typing import Any

import pytest

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.homework.models import PageReading, Submission, WorksheetPage
from apps.homework.services import correct_page, reread_submission, set_regions
from sheets.homework import HomeworkReading, Region
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import (
    Cast,
    World,
    make_assignment,
    make_homework_reading,
    make_submission,
    make_worksheet,
)

pytestmark = pytest.mark.usefixtures("aws")
JPEG = b"\xff\xd8 a picture"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


def new_submission(cast: Cast, *, files: int = 1, with_worksheet: bool = True) -> Submission:
    with cast.acting():
        worksheet = make_worksheet(created_by=cast.teacher) if with_worksheet else None
        assignment = make_assignment(worksheet, [cast.student], created_by=cast.teacher)
        submission = make_submission(assignment, cast.student, created_by=cast.teacher, files=files)
        for file in submission.files.select_related("upload"):
            s3.write_object(file.upload.key, b"photo %d" % file.position, content_type="image/jpeg")
        if worksheet is not None:
            for page in worksheet.pages.all():
                s3.write_object(page.picture_key, b"blank", content_type="image/jpeg")
    return submission


def sandbox_that_finds(reading: HomeworkReading, *, pages: int = 1) -> FakeSandbox:
    def compute(function: str, *_: Any) -> Any:
        if function == "workers.compute:count_pages":
            return pages
        labels = [region.label for region in reading.regions]
        is_page = reading.page is not None or not reading.is_registered
        return {
            "reading": reading.to_json(),
            "overlay_jpeg": JPEG if is_page else None,
            "region_jpegs": dict.fromkeys(labels, JPEG),
        }

    return FakeSandbox(compute)


def read(cast: Cast, submission: Submission, reading: HomeworkReading, *, pages: int = 1) -> Submission:
    assert submission.job_id is not None
    deliver(cast.tenant, submission.job_id, sandbox_that_finds(reading, pages=pages))
    with cast.acting():
        return Submission.objects.select_related("job", "assignment").get(pk=submission.pk)


def counts(submission: Submission) -> tuple[int | None, ...]:
    return (
        submission.problem_count,
        submission.attempted_count,
        submission.blank_count,
        submission.unsure_count,
        submission.unmatched_count,
    )


def test_a_hand_in_is_read_counted_and_its_pictures_kept(hana: Cast) -> None:
    submission = new_submission(hana)
    assert counts(submission) == (None,) * 5
    after = read(hana, submission, make_homework_reading({"1": "attempted", "2": "blank", "3": "unsure"}))
    assert after.job is not None
    assert after.job.state == JobState.SUCCEEDED
    assert (after.page_count, counts(after)) == (1, (3, 1, 1, 1, 0))
    with hana.acting():
        page = PageReading.objects.get(submission=after)
        assert page.overlay_key == f"t/{hana.tenant.pk}/homework/{after.pk}/1-0-0.jpg"
        assert set(page.region_keys) == {"1", "2", "3"}
        assert s3.read_object(page.region_keys["2"], max_bytes=100) == JPEG


def test_a_picture_that_is_no_page_of_the_worksheet_counts_no_problem_as_blank(hana: Cast) -> None:
    after = read(hana, new_submission(hana), make_homework_reading(page=None))
    assert counts(after) == (3, 0, 0, 0, 1)


def test_two_photos_of_one_page_count_each_problem_once_and_work_before_blank(hana: Cast) -> None:
    submission = new_submission(hana, files=2)
    assert counts(read(hana, submission, make_homework_reading({"1": "attempted", "2": "blank", "3": "blank"}))) == (
        3,
        1,
        2,
        0,
        0,
    )


def test_a_second_delivery_changes_nothing(hana: Cast) -> None:
    submission = new_submission(hana)
    read(hana, submission, make_homework_reading({"1": "attempted", "2": "blank", "3": "blank"}))
    after = read(hana, submission, make_homework_reading({"1": "blank", "2": "blank", "3": "blank"}))
    assert counts(after) == (3, 1, 2, 0, 0)


def test_a_correction_counts_at_once_and_survives_a_reread(hana: Cast) -> None:
    reading = make_homework_reading({"1": "attempted", "2": "unsure", "3": "blank"})
    submission = read(hana, new_submission(hana), reading)
    with hana.acting():
        page = PageReading.objects.get(submission=submission)
        correct_page(page_reading_id=page.pk, verdicts={"2": "attempted", "3": "unsure"}, by=hana.teacher)
        correct_page(page_reading_id=page.pk, verdicts={"3": None}, by=hana.teacher)
        assert counts(Submission.objects.get(pk=submission.pk)) == (3, 2, 1, 0, 0)
        again = reread_submission(submission_id=submission.pk, by=hana.teacher)
    after = read(hana, again, make_homework_reading({"1": "attempted", "2": "blank", "3": "blank"}))
    assert counts(after) == (3, 2, 1, 0, 0)
    with hana.acting():
        page.refresh_from_db()
        assert (page.corrections, page.corrected_by_id) == ({"2": "attempted"}, hana.teacher.pk)
        assert HomeworkReading.from_json(page.reading).regions[1].verdict == "blank"


def test_without_a_worksheet_it_is_read_and_said_so(hana: Cast) -> None:
    submission = new_submission(hana, with_worksheet=False)
    after = read(hana, submission, make_homework_reading({"1": "attempted"}, page=None, is_registered=False))
    assert counts(after) == (1, 1, 0, 0, 0)


def test_too_many_pages_are_refused_before_any_is_read(hana: Cast) -> None:
    after = read(hana, new_submission(hana), make_homework_reading(), pages=5000)
    assert after.job is not None
    assert (after.job.state, after.job.error_code) == (JobState.FAILED, "too_many_pages")
    with hana.acting():
        assert not PageReading.objects.filter(submission=after).exists()


def test_a_file_that_is_gone_fails_with_its_reason(hana: Cast) -> None:
    submission = new_submission(hana)
    with hana.acting():
        file = submission.files.select_related("upload").get()
        s3.erase_objects(file.upload.key)
    after = read(hana, submission, make_homework_reading())
    assert after.job is not None
    assert after.job.error_code == "file_lost"


def test_registering_keeps_the_regions_that_a_person_drew(hana: Cast) -> None:
    with hana.acting():
        worksheet = make_worksheet(created_by=hana.teacher)
        s3.write_object(worksheet.upload.key, b"%PDF-", content_type="application/pdf")
        page = worksheet.pages.get()
        set_regions(worksheet_page_id=page.pk, regions=[Region("가", 10, 10, 50, 50)])
    answers = {
        "workers.compute:count_pages": 2,
        "workers.compute:register_homework_page": {
            "picture_jpeg": JPEG,
            "paper_mm": [210.0, 297.0],
            "regions": [Region("9", 1, 1, 20, 20).to_json()],
        },
    }
    assert worksheet.job_id is not None
    sandbox = FakeSandbox(lambda function, *_: answers[function])
    deliver(hana.tenant, worksheet.job_id, sandbox)
    with hana.acting():
        assert Job.objects.get(pk=worksheet.job_id).state == JobState.SUCCEEDED
        first, second = WorksheetPage.objects.filter(worksheet=worksheet).order_by("page_index")
        assert [region["label"] for region in first.current_regions] == ["가"]
        assert [region["label"] for region in second.current_regions] == ["9"]
    labels = [args[2] for function, args in sandbox.calls if function.endswith("register_homework_page")]
    assert labels == [1, 2]  # problems are numbered on from page to page
