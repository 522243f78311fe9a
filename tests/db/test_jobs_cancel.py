"""A cancel against a worker: whoever comes first wins whole, and nothing of a cancelled job appears."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from academy.jobs.compute import JobCancelled
from academy.jobs.dispatcher import LEASE_GRACE_SECONDS, connect, dispatch_once, sweep_once
from academy.jobs.disposition import Disposition
from academy.jobs.models import Job, JobState
from academy.jobs.runner import UNCLAIMABLE_SECONDS
from academy.jobs.services import JobFinished, cancel_job, retry_job
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant, TenantStatus
from apps.students.models import Student
from tests.db.kernel import KINDS, FakeSandbox, change, delivery, fresh, in_threads, new_job, use_test_kinds
from tests.db.sending import received
from tests.factories import make_academy


@pytest.fixture(autouse=True)
def _kinds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("committed" if "committed" in request.fixturenames else "db")
    use_test_kinds(monkeypatch)


def cancel(job: Job) -> Job:
    with acting_for(job.tenant):
        return cancel_job(job_id=job.pk)


def students(tenant: Tenant) -> int:
    with acting_for(tenant), transaction.atomic():
        return Student.objects.count()


def assert_cancelled(job: Job) -> None:
    after = fresh(job)
    assert (after.state, after.result, after.error_code) == (JobState.CANCELLED, None, "cancelled")
    assert after.finished_at is not None
    assert after.lease_expires_at is None
    assert students(job.tenant) == 0


@pytest.mark.django_db
def test_a_cancelled_jobs_message_is_deleted_at_its_claim() -> None:
    job, sandbox = new_job(make_academy(), state=JobState.SENT), FakeSandbox()
    cancel(job)
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert sandbox.calls == []
    assert_cancelled(job)


@pytest.mark.django_db
def test_a_job_that_is_cancelled_while_it_computes_writes_nothing() -> None:
    job = new_job(make_academy())
    assert delivery(job, FakeSandbox(lambda *_: cancel(job))).run() == Disposition.delete()
    assert_cancelled(job)


def _look(run: object) -> object:
    return run.end_if_cancelled()  # type: ignore[attr-defined]


def _beat(run: object) -> object:
    return run.beat()  # type: ignore[attr-defined]


@pytest.mark.django_db
@pytest.mark.parametrize("notice", [_look, _beat], ids=["the watch", "the heartbeat"])
def test_the_worker_that_notices_kills_the_child(notice: Callable[[object], object]) -> None:
    job, sandbox = new_job(make_academy()), FakeSandbox()
    run = delivery(job, sandbox)

    def work(*_: object) -> None:
        notice(run)
        assert not sandbox.is_killed
        cancel(job)
        notice(run)
        assert sandbox.is_killed

    sandbox._answer = work
    assert run.run() == Disposition.delete()
    assert_cancelled(job)


@pytest.mark.django_db
def test_a_notice_that_comes_late_kills_no_other_job() -> None:
    job, sandbox = new_job(make_academy()), FakeSandbox()
    run = delivery(job, sandbox)
    run.run()
    assert run.end_if_cancelled() is False
    assert not sandbox.is_killed


@pytest.mark.django_db
@pytest.mark.parametrize("error", [RuntimeError("a bug"), JobCancelled("killed")])
def test_a_failure_after_the_cancel_is_a_cancel(error: Exception) -> None:
    job = new_job(make_academy())

    def break_down(*_: object) -> None:
        cancel(job)
        raise error

    assert delivery(job, FakeSandbox(break_down)).run() == Disposition.delete()
    assert_cancelled(job)


@pytest.mark.django_db
def test_a_job_that_is_handed_back_after_the_cancel_is_cancelled() -> None:
    job, sandbox = new_job(make_academy()), FakeSandbox()
    run = delivery(job, sandbox)

    def stop(*_: object) -> None:
        cancel(job)
        run.abandon()

    sandbox._answer = stop
    assert run.run() == Disposition.delete()
    assert_cancelled(job)


@pytest.mark.django_db
def test_a_dead_workers_job_is_cancelled_at_the_next_claim() -> None:
    job = new_job(make_academy(), state=JobState.RUNNING, attempt=1)
    change(job, lease_expires_at=timezone.now() - timedelta(seconds=1))
    cancel(job)
    sandbox = FakeSandbox()
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert (fresh(job).attempt, sandbox.calls) == (1, [])
    assert_cancelled(job)


@pytest.mark.django_db
def test_a_running_job_is_not_taken_from_its_worker_by_a_second_message() -> None:
    job = new_job(make_academy(), state=JobState.RUNNING, attempt=1)
    change(job, lease_expires_at=timezone.now() + timedelta(seconds=30))
    cancel(job)
    assert delivery(job).run() == Disposition.defer(30), "not before the worker's lease is over"
    assert fresh(job).is_cancelling


@pytest.mark.django_db
def test_the_zombie_of_an_earlier_attempt_ends_nothing() -> None:
    job = new_job(make_academy())

    def overtaken(*_: object) -> None:
        change(job, attempt=2, lease_expires_at=timezone.now() + timedelta(seconds=30))
        cancel(job)

    assert delivery(job, FakeSandbox(overtaken)).run() == Disposition.defer(UNCLAIMABLE_SECONDS)
    assert (fresh(job).state, fresh(job).attempt) == (JobState.RUNNING, 2)


@pytest.mark.usefixtures("committed")
def test_a_dead_workers_job_is_cancelled_by_the_sweeper() -> None:
    job = new_job(make_academy(), state=JobState.RUNNING, attempt=1)
    change(job, lease_expires_at=timezone.now() - timedelta(seconds=LEASE_GRACE_SECONDS + 5))
    alive = new_job(job.tenant, state=JobState.RUNNING, attempt=1)
    change(alive, lease_expires_at=timezone.now() + timedelta(seconds=30))
    cancel(job)
    cancel(alive)
    with contextlib.closing(connect()) as connection:
        assert sweep_once(connection) == 0
    assert_cancelled(job)
    assert fresh(alive).is_cancelling


@pytest.mark.usefixtures("aws", "committed")
def test_a_cancelled_job_is_not_sent() -> None:
    received()
    job = new_job(make_academy())
    cancel(job)
    with contextlib.closing(connect()) as connection:
        assert dispatch_once(connection) == 0
    assert received() == []


@pytest.mark.usefixtures("committed")
def test_a_cancel_and_a_claim_at_once_agree() -> None:
    """Ten times a cancel and a delivery together: either nothing ran to its end, or the cancel was refused."""
    tenant = make_academy()
    for _ in range(10):
        job = new_job(tenant, state=JobState.SENT)

        def one(number: int, job: Job = job) -> bool:
            if number:
                return delivery(job).run().is_delete
            try:
                cancel(job)
            except JobFinished:
                return False
            return True

        before = students(tenant)
        is_cancelled, is_deleted = in_threads(2, one)
        after = fresh(job)
        assert is_deleted
        assert after.state == (JobState.CANCELLED if is_cancelled else JobState.SUCCEEDED)
        assert (after.result is None) == is_cancelled
        assert students(tenant) - before == (0 if is_cancelled else 1)
        with acting_for(tenant), transaction.atomic():
            Student.objects.all().delete()


@pytest.mark.django_db
def test_a_suspended_academys_waiting_jobs_fail_with_the_reason_and_run_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(KINDS, "exams.read_scan", KINDS["tests.compute"])
    tenant = make_academy()
    job, sandbox = new_job(tenant, "exams.read_scan", 10**9), FakeSandbox()
    Tenant.objects.filter(pk=tenant.pk).update(status=TenantStatus.SUSPENDED)
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert (fresh(job).state, fresh(job).error_code, sandbox.calls) == (JobState.FAILED, "academy_suspended", [])
    Tenant.objects.filter(pk=tenant.pk).update(status=TenantStatus.ACTIVE)
    with acting_for(tenant), transaction.atomic():
        assert retry_job(job_id=job.pk).state == JobState.QUEUED
    assert delivery(job, sandbox).run() == Disposition.delete()
    assert (fresh(job).state, fresh(job).attempt) == (JobState.SUCCEEDED, 2)
