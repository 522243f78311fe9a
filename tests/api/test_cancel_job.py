"""Cancel a job or a whole hand-in: by whoever may submit it, at once where nothing runs, never another academy's."""

from __future__ import annotations

import pytest

from academy.jobs.models import Job, JobState
from apps.accounts.roles import Role
from apps.exams.models import Scan
from tests.api.answers import error_of, post
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_batch, make_job, make_page_of, make_scan


def job_in(cast: Cast, state: JobState, kind: str = "exams.read_scan") -> Job:
    with cast.acting():
        job = make_job(kind=kind, state=state)
        make_page_of(job, cast.exam)
    return job


def state_of(cast: Cast, job_id: int) -> str:
    with cast.acting():
        return Job.objects.get(pk=job_id).state


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SENT])
def test_a_waiting_job_is_cancelled_at_once(world: World, state: JobState) -> None:
    job = job_in(world.hana, state)
    answer = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/cancel", None)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["state"], body["is_cancelling"], body["error_code"]) == ("cancelled", False, "cancelled")
    assert body["finished_at"] is not None
    assert body["error_message"]


def test_a_running_job_is_cancelling_until_its_worker_notices(world: World) -> None:
    job = job_in(world.hana, JobState.RUNNING)
    body = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/cancel", None).json()
    assert (body["state"], body["is_cancelling"], body["finished_at"]) == ("running", True, None)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_to_cancel_again_changes_nothing(world: World, state: JobState) -> None:
    job, client = job_in(world.hana, state), client_of(world.hana.teacher)
    url = f"/api/v1/jobs/{job.pk}/cancel"
    assert post(client, url, None).json() == post(client, url, None).json()


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_what_is_finished_cannot_be_cancelled(world: World, state: JobState) -> None:
    job = job_in(world.hana, state)
    answer = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/cancel", None)
    assert error_of(answer, 409)["code"] == "job_finished"
    assert state_of(world.hana, job.pk) == state


def test_another_academys_job_is_missing_and_goes_on(world: World) -> None:
    job, client = job_in(world.duri, JobState.QUEUED), client_of(world.hana.owner)
    foreign = post(client, f"/api/v1/jobs/{job.pk}/cancel", None)
    assert error_of(foreign, 404) == error_of(post(client, "/api/v1/jobs/987654321/cancel", None), 404)
    assert state_of(world.duri, job.pk) == JobState.QUEUED


def test_a_kind_that_nobody_submits_is_the_managers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_in(world.hana, JobState.QUEUED)
    monkeypatch.setattr("academy.jobs.services.job_kinds", dict)
    url = f"/api/v1/jobs/{job.pk}/cancel"
    error_of(post(client_of(world.hana.teacher), url, None), 403)
    assert state_of(world.hana, job.pk) == JobState.QUEUED
    assert post(client_of(world.hana.users[Role.MANAGER]), url, None).status_code == 200


def test_a_student_cancels_nothing(world: World) -> None:
    job = job_in(world.hana, JobState.QUEUED)
    error_of(post(client_of(world.hana.users[Role.STUDENT]), f"/api/v1/jobs/{job.pk}/cancel", None), 403)
    assert state_of(world.hana, job.pk) == JobState.QUEUED


def test_a_batch_is_cancelled_with_its_pages_and_what_is_read_stays(world: World) -> None:
    with world.hana.acting():
        batch = make_batch(world.hana.exam, created_by=world.hana.teacher)
        batch.job, batch.page_count = make_job(batch.pk, kind="exams.open_batch", state=JobState.RUNNING), None
        batch.save(update_fields=["job", "page_count"])
        read, waiting = make_scan(batch), make_scan(batch, page_index=1)
        Job.objects.filter(pk=job_id_of(read)).update(state=JobState.SUCCEEDED)
    body = post(client_of(world.hana.teacher), f"/api/v1/batches/{batch.pk}/cancel", None).json()
    assert (body["read"], body["cancelled"], body["is_finished"]) == (1, 1, False)
    with world.hana.acting():
        assert Scan.objects.filter(job__state=JobState.CANCELLED).get() == waiting
        opening = Job.objects.get(pk=job_id_of(batch))
        assert opening.is_cancelling
        assert not Job.objects.exclude(pk__in=[opening.pk, waiting.job_id]).exclude(cancel_requested_at=None).exists()


def test_another_academys_batch_is_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign = post(client, f"/api/v1/batches/{world.duri.batch.pk}/cancel", None)
    assert error_of(foreign, 404) == error_of(post(client, "/api/v1/batches/987654321/cancel", None), 404)


def test_a_persons_erasure_is_not_cancelled_as_a_job(world: World) -> None:
    with world.hana.acting():
        job = make_job(kind="privacy.erase_person")
    error_of(post(client_of(world.hana.owner), f"/api/v1/jobs/{job.pk}/cancel", None), 403)
    assert state_of(world.hana, job.pk) == JobState.QUEUED
