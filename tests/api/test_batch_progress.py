"""How far a handed-in file is, and what went wrong with which page."""

from __future__ import annotations

from typing import Any

from academy.jobs.models import Job, JobState
from academy.jobs.reasons import text_of
from apps.exams.models import Batch, Scan
from tests.api.answers import error_of
from tests.db.kernel import job_id_of
from tests.factories import World, client_of, make_batch, make_job, make_scan


def shown(world: World, batch: Batch) -> Any:
    answer = client_of(world.hana.teacher).get(f"/api/v1/batches/{batch.pk}")
    assert answer.status_code == 200
    return answer.json()


def finish(scan: Scan, state: JobState, code: str = "", message: str = "") -> None:
    Job.objects.filter(pk=job_id_of(scan)).update(state=state, error_code=code, error_message=message)


def test_pages_that_wait_are_neither_read_nor_failed(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, page_count=2, created_by=world.hana.teacher)
        for index in range(2):
            make_scan(batch, page_index=index)
    body = shown(world, batch)
    assert set(body) == {
        "id",
        "exam",
        "file_name",
        "page_count",
        "read",
        "failed",
        "cancelled",
        "is_finished",
        "failures",
    }
    assert (body["page_count"], body["read"], body["failed"], body["is_finished"]) == (2, 0, 0, False)


def test_a_partial_failure_is_visible_page_by_page(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, page_count=4, created_by=world.hana.teacher)
        scans = [make_scan(batch, page_index=index) for index in range(4)]
        finish(scans[0], JobState.SUCCEEDED)
        finish(scans[3], JobState.FAILED, "blurred", "The picture is blurred.")
        finish(scans[1], JobState.FAILED, "other_sheet", "This is a sheet of another exam.")
    body = shown(world, batch)
    assert (body["read"], body["failed"], body["is_finished"]) == (1, 2, False)
    assert body["failures"] == [
        {"page_index": 1, "entry_name": "", "code": "other_sheet", "message": text_of("other_sheet")},
        {"page_index": 3, "entry_name": "", "code": "blurred", "message": text_of("blurred")},
    ]
    with world.hana.acting():
        finish(scans[2], JobState.SUCCEEDED)
    body = shown(world, batch)
    assert (body["read"], body["failed"], body["is_finished"]) == (2, 2, True)


def test_a_file_that_is_not_opened_yet_has_an_unknown_number_of_pages(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, page_count=None, created_by=world.hana.teacher)
        batch.job = make_job(batch.pk, kind="exams.open_batch", state=JobState.RUNNING)
        batch.save(update_fields=["job"])
        finish(make_scan(batch), JobState.SUCCEEDED)
    body = shown(world, batch)
    assert (body["page_count"], body["read"], body["is_finished"]) == (None, 1, False)


def test_a_file_that_could_not_be_opened_is_finished_and_says_why(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, page_count=None, created_by=world.hana.teacher)
        batch.job = make_job(
            batch.pk,
            kind="exams.open_batch",
            state=JobState.FAILED,
            fields=[("error_code", "encrypted"), ("error_message", "for the log")],
        )
        batch.save(update_fields=["job"])
    body = shown(world, batch)
    assert (body["page_count"], body["read"], body["failed"], body["is_finished"]) == (1, 0, 1, True)
    assert body["failures"] == [
        {"page_index": None, "entry_name": "", "code": "encrypted", "message": text_of("encrypted")}
    ]


def test_a_file_that_broke_half_way_keeps_its_pages(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, page_count=None, created_by=world.hana.teacher)
        batch.job = make_job(batch.pk, kind="exams.open_batch", state=JobState.FAILED)
        batch.save(update_fields=["job"])
        finish(make_scan(batch, page_index=0), JobState.SUCCEEDED)
        waiting = make_scan(batch, page_index=1)
    assert shown(world, batch)["is_finished"] is False
    with world.hana.acting():
        finish(waiting, JobState.SUCCEEDED)
    body = shown(world, batch)
    assert (body["page_count"], body["read"], body["failed"], body["is_finished"]) == (3, 2, 1, True)


def test_a_cancelled_page_is_counted_and_named_as_such(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, created_by=world.hana.teacher)
        finish(make_scan(batch), JobState.CANCELLED)
    body = shown(world, batch)
    assert (body["failed"], body["cancelled"], body["is_finished"]) == (0, 1, True)
    assert [failure["page_index"] for failure in body["failures"]] == [0]


def test_another_academys_batch_is_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign, missing = client.get(f"/api/v1/batches/{world.duri.batch.pk}"), client.get("/api/v1/batches/987654321")
    assert error_of(foreign, 404)["code"] == "not_found"
    assert foreign.content == missing.content
