"""Run a job again: once per click, within the plan and the day's limit, under an attempt number that was never used."""

from __future__ import annotations

import pytest

from academy.jobs.models import DailyUsage, Job, JobState
from academy.tenancy.models import Plan
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import Cast, World, client_of, make_job, make_page_of


def failed_job(cast: Cast, state: JobState = JobState.FAILED) -> Job:
    with cast.acting():
        job = make_job(10**9, state=state, attempt=3, fields=[("error_code", "blurred"), ("progress", 0.5)])
        make_page_of(job, cast.exam)
    return job


def job_of(cast: Cast, job_id: int) -> Job:
    with cast.acting():
        return Job.objects.get(pk=job_id)


def used(cast: Cast) -> int:
    with cast.acting():
        return sum(DailyUsage.objects.filter(kind="exams.read_scan").values_list("used", flat=True))


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED])
def test_what_ended_badly_is_queued_again_with_all_its_attempts(world: World, state: JobState) -> None:
    job, before = failed_job(world.hana, state), used(world.hana)
    answer = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/retry", None)
    assert answer.status_code == 202, answer.content
    body = answer.json()
    assert (body["state"], body["attempt"], body["progress"], body["error_code"]) == ("queued", 3, 0.0, "")
    assert body["finished_at"] is None
    after = job_of(world.hana, job.pk)
    assert (after.tries, after.cancel_requested_at) == (0, None)
    assert used(world.hana) == before + 1


def test_a_re_run_has_a_number_that_no_attempt_had(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_connection(monkeypatch)
    job = failed_job(world.hana)
    post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/retry", None)
    assert deliver(world.hana.tenant, job.pk, FakeSandbox()).is_delete
    after = job_of(world.hana, job.pk)  # the scan it names does not exist
    assert (after.state, after.error_code, after.attempt, after.tries) == ("failed", "scan_deleted", 4, 1)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SENT, JobState.RUNNING, JobState.SUCCEEDED])
def test_what_has_not_ended_badly_is_not_run_again(world: World, state: JobState) -> None:
    with world.hana.acting():
        job = make_job(state=state)
        make_page_of(job, world.hana.exam)
    before = used(world.hana)
    answer = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/retry", None)
    assert error_of(answer, 409)["code"] == "job_not_over"
    assert (job_of(world.hana, job.pk).state, used(world.hana)) == (state, before)


def test_a_second_click_is_refused_and_not_counted(world: World) -> None:
    job, client = failed_job(world.hana), client_of(world.hana.teacher)
    post(client, f"/api/v1/jobs/{job.pk}/retry", None)
    before = used(world.hana)
    error_of(post(client, f"/api/v1/jobs/{job.pk}/retry", None), 409)
    assert used(world.hana) == before


def test_a_second_click_with_the_same_key_gets_the_same_answer(world: World) -> None:
    job, client = failed_job(world.hana), client_of(world.hana.teacher)
    url, headers = f"/api/v1/jobs/{job.pk}/retry", {"Idempotency-Key": "click-1"}
    first, second = (client.post(url, content_type="application/json", headers=headers) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.status_code == 202


def test_the_days_limit_holds_and_the_job_stays_failed(world: World) -> None:
    job, client = failed_job(world.hana), client_of(world.hana.teacher)
    Plan.objects.filter(pk=world.hana.tenant.plan_id).update(
        daily_limits={"exams.read_scan": used(world.hana), "exams.open_batch": 1}
    )
    answer = post(client, f"/api/v1/jobs/{job.pk}/retry", None)
    assert error_of(answer, 429)["code"] == "daily_limit_reached"
    assert (job_of(world.hana, job.pk).state, job_of(world.hana, job.pk).error_code) == ("failed", "blurred")


def test_a_plan_without_the_kind_refuses(world: World) -> None:
    job = failed_job(world.hana)
    world.hana.tenant.plan = Plan.objects.get(code="lite")
    world.hana.tenant.save(update_fields=["plan"])
    answer = post(client_of(world.hana.teacher), f"/api/v1/jobs/{job.pk}/retry", None)
    assert error_of(answer, 403)["code"] == "plan_excludes_job"


def test_another_academys_job_is_missing_and_stays(world: World) -> None:
    job, client = failed_job(world.duri), client_of(world.hana.owner)
    foreign = post(client, f"/api/v1/jobs/{job.pk}/retry", None)
    assert error_of(foreign, 404) == error_of(post(client, "/api/v1/jobs/987654321/retry", None), 404)
    assert job_of(world.duri, job.pk).state == JobState.FAILED


def test_a_student_runs_nothing_again(world: World) -> None:
    job = failed_job(world.hana)
    error_of(post(client_of(world.hana.users[Role.STUDENT]), f"/api/v1/jobs/{job.pk}/retry", None), 403)


def test_what_was_erased_is_not_run_again(world: World) -> None:
    job = failed_job(world.hana, JobState.CANCELLED)
    with world.hana.acting():
        Job.objects.filter(pk=job.pk).update(arguments={})
    answer = post(client_of(world.hana.owner), f"/api/v1/jobs/{job.pk}/retry", None)
    assert error_of(answer, 409)["code"] == "job_not_over"
