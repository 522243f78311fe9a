"""How a job ends badly: recorded with a reason, retried with back-off, given up after its attempts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from academy.jobs.compute import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeFailed,
    ComputeRefused,
    JobCancelled,
    JobTimedOut,
)
from academy.jobs.disposition import Disposition
from academy.jobs.errors import KindNotIncluded, PermanentFailure, TransientFailure
from academy.jobs.models import Job, JobState
from academy.jobs.runner import BACKOFF_FACTOR, BACKOFF_SECONDS, GAVE_UP, TOO_DEMANDING, TOOK_TOO_LONG
from academy.tenancy.models import Tenant, TenantStatus
from tests.db.kernel import FakeSandbox, change, delivery, fresh, new_job, use_test_kinds
from tests.factories import make_academy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)


@pytest.fixture
def job(db: None) -> Job:
    return new_job(make_academy())


def raising(error: Exception) -> FakeSandbox:
    def answer(*_: object) -> None:
        raise error

    return FakeSandbox(answer)


def run_until_final(job: Job, error: Exception) -> int:
    """Deliver again and again, as if every back-off had passed. Returns the number of attempts."""
    for attempt in range(1, 10):
        assert delivery(job, raising(error)).run() == Disposition.delete()
        if fresh(job).state != JobState.QUEUED:
            assert fresh(job).attempt == attempt
            return attempt
        change(job, available_at=timezone.now() - timedelta(seconds=1))
    raise AssertionError("never final")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (PermanentFailure("other_sheet", "Another exam's sheet."), "other_sheet", "Another exam's sheet."),
        (ComputeRefused("UnreadableSheet", "blurred", "Too blurred."), "blurred", "Too blurred."),
        (KindNotIncluded("Not in the plan."), "plan_excludes_job", "Not in the plan."),
    ],
)
def test_a_permanent_failure_is_recorded_at_the_first_attempt(
    job: Job, error: Exception, code: str, message: str
) -> None:
    assert run_until_final(job, error) == 1
    after = fresh(job)
    assert (after.state, after.error_code, after.error_message) == (JobState.FAILED, code, message)
    assert after.finished_at is not None
    assert after.lease_expires_at is None


@pytest.mark.parametrize(
    ("error", "attempts", "code", "message"),
    [
        (TransientFailure("S3 is away"), 3, "internal_error", GAVE_UP),
        (RuntimeError("a bug"), 3, "internal_error", GAVE_UP),
        (ComputeFailed("a bug in the child", "Traceback ..."), 3, "internal_error", GAVE_UP),
        (JobTimedOut("30 s"), 2, "took_too_long", TOOK_TOO_LONG),
        (JobCancelled("no progress"), 2, "took_too_long", TOOK_TOO_LONG),
        (ChildCrashed("signal 11"), 2, "too_demanding", TOO_DEMANDING),
        (ChildOutOfMemory("1 GiB"), 2, "too_demanding", TOO_DEMANDING),
    ],
)
def test_what_may_pass_is_tried_again_and_then_given_up(
    job: Job, error: Exception, attempts: int, code: str, message: str
) -> None:
    assert run_until_final(job, error) == attempts
    after = fresh(job)
    assert (after.state, after.error_code, after.error_message) == (JobState.FAILED, code, message)


def test_the_reason_that_people_see_holds_nothing_of_the_inside(job: Job) -> None:
    run_until_final(job, RuntimeError("password=secret at /srv/app/tasks.py"))
    assert "secret" not in fresh(job).error_message


def test_each_attempt_waits_longer(job: Job) -> None:
    for attempt in range(2):
        before = timezone.now()
        delivery(job, raising(TransientFailure("away"))).run()
        delay = (fresh(job).available_at - before).total_seconds()
        expected = BACKOFF_SECONDS * BACKOFF_FACTOR**attempt
        assert 0.7 * expected < delay < 1.3 * expected + 5
        change(job, available_at=timezone.now() - timedelta(seconds=1))


def test_a_job_in_its_back_off_is_queued_without_a_lease(job: Job) -> None:
    delivery(job, raising(TransientFailure("away"))).run()
    after = fresh(job)
    assert (after.state, after.attempt, after.lease_expires_at, after.finished_at) == (JobState.QUEUED, 1, None, None)
    assert after.error_code == "internal_error"


def test_a_later_success_is_a_success(job: Job) -> None:
    delivery(job, raising(TransientFailure("away"))).run()
    change(job, available_at=timezone.now() - timedelta(seconds=1))
    assert delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).attempt) == (JobState.SUCCEEDED, 2)


def test_a_job_of_one_attempt_is_not_tried_again(db: None) -> None:
    job = new_job(make_academy(), max_attempts=1)
    assert run_until_final(job, TransientFailure("away")) == 1


def test_a_job_whose_workers_all_died_is_given_up(job: Job) -> None:
    change(job, state=JobState.RUNNING, attempt=3, lease_expires_at=timezone.now() - timedelta(seconds=1))
    sandbox = FakeSandbox()
    assert delivery(job, sandbox).run().is_delete
    assert (fresh(job).state, fresh(job).error_code, sandbox.calls) == (JobState.FAILED, "worker_died", [])


def test_a_kind_that_nobody_knows_fails_at_once(db: None) -> None:
    job = new_job(make_academy(), "tests.of_a_later_version")
    assert delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).error_code) == (JobState.FAILED, "unknown_kind")


def test_arguments_that_do_not_fit_are_a_failure_not_a_crash(db: None) -> None:
    job = new_job(make_academy(), "tests.say_nothing", 1, 2, 3)
    assert delivery(job).run().is_delete
    assert fresh(job).error_code == "internal_error"


def test_a_suspended_academys_jobs_are_not_run(job: Job) -> None:
    Tenant.objects.filter(pk=job.tenant_id).update(status=TenantStatus.SUSPENDED)
    sandbox = FakeSandbox()
    assert delivery(job, sandbox).run().is_delete
    assert (fresh(job).state, fresh(job).error_code, sandbox.calls) == (JobState.FAILED, "academy_suspended", [])


@pytest.mark.parametrize("text", ["a\x00b", "lone \ud800 surrogate", "x" * 1_000_000, ""])
def test_a_reason_of_any_kind_is_recorded(job: Job, text: str) -> None:
    assert run_until_final(job, ComputeRefused("BrokenMedia", text, text)) == 1
    assert fresh(job).state == JobState.FAILED
    assert len(fresh(job).error_message) <= 2000


def test_a_task_that_fails_after_finishing_stays_finished(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from academy.jobs.backend import JobTask
    from tests.db import kernel

    job = new_job(make_academy())
    monkeypatch.setitem(kernel.KINDS, "tests.compute", JobTask(func=finish_and_fail, queue_name="basic"))
    assert not delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).error_code) == (JobState.SUCCEEDED, "")
    assert delivery(job).run().is_delete


def finish_and_fail() -> None:
    from academy.jobs.context import current_job

    with current_job().finishing():
        pass
    raise RuntimeError("too late to matter")
