"""Who owns a running job: the lease, the heartbeat that extends it, and the fence of the attempt number."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from academy.jobs.disposition import Disposition, LeaseLost
from academy.jobs.models import Job, JobState
from academy.jobs.runner import UNCLAIMABLE_SECONDS, JobRun
from tests.db.kernel import FakeSandbox, body_of, change, delivery, fresh, new_job, use_test_kinds
from tests.factories import make_academy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)


@pytest.fixture
def job(db: None) -> Job:
    return new_job(make_academy())


def expire(job: Job) -> None:
    change(job, lease_expires_at=timezone.now() - timedelta(seconds=1))


def lease_of(job: Job) -> float:
    """Seconds that the lease still holds."""
    expires = fresh(job).lease_expires_at
    assert expires is not None
    return (expires - timezone.now()).total_seconds()


def test_a_claimed_job_is_leased(job: Job) -> None:
    leases: list[float] = []
    delivery(job, FakeSandbox(lambda *_: leases.append(lease_of(job)))).run()
    assert settings.JOB_VISIBILITY_SECONDS - 10 < leases[0] <= settings.JOB_VISIBILITY_SECONDS + 1


def test_a_running_jobs_message_comes_back_when_the_lease_runs_out(job: Job) -> None:
    change(job, state=JobState.RUNNING, attempt=1, lease_expires_at=timezone.now() + timedelta(seconds=50))
    sandbox = FakeSandbox()
    deferred = delivery(job, sandbox).run().defer_seconds
    assert deferred is not None
    assert 40 < deferred <= 50
    assert (fresh(job).attempt, sandbox.calls) == (1, [])


def test_an_expired_lease_is_taken_over_as_a_new_attempt(job: Job) -> None:
    change(job, state=JobState.RUNNING, attempt=1, lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).attempt) == (JobState.SUCCEEDED, 2)


def test_a_zombies_finish_leaves_the_newer_result(job: Job) -> None:
    def sleep_until_overtaken(*_: object) -> str:
        expire(job)
        assert delivery(job, FakeSandbox(lambda *_: "newer")).run().is_delete
        return "older"

    assert delivery(job, FakeSandbox(sleep_until_overtaken)).run() == Disposition.defer(UNCLAIMABLE_SECONDS)
    after = fresh(job)
    assert (after.state, after.attempt, after.result) == (JobState.SUCCEEDED, 2, {"answer": "newer"})


def test_a_zombies_failure_leaves_the_newer_result(job: Job) -> None:
    def fail_when_overtaken(*_: object) -> None:
        expire(job)
        delivery(job, FakeSandbox(lambda *_: "newer")).run()
        raise RuntimeError("the older one broke")

    assert not delivery(job, FakeSandbox(fail_when_overtaken)).run().is_delete
    after = fresh(job)
    assert (after.state, after.result, after.error_code) == (JobState.SUCCEEDED, {"answer": "newer"}, "")


def test_a_zombie_takes_nothing_from_an_attempt_that_still_runs(job: Job) -> None:
    def overtake(*_: object) -> str:
        change(job, attempt=2, lease_expires_at=timezone.now() + timedelta(seconds=60))
        return "older"

    delivery(job, FakeSandbox(overtake)).run()
    after = fresh(job)
    assert (after.state, after.attempt, after.result) == (JobState.RUNNING, 2, None)


def test_the_heartbeat_extends_only_with_progress(job: Job) -> None:
    sandbox = FakeSandbox()
    run = JobRun(body_of(job), 1, sandbox)
    beats: list[tuple[bool, bool]] = []

    def beat() -> None:
        change(job, lease_expires_at=timezone.now() + timedelta(seconds=5))
        beats.append((run.beat(), lease_of(job) > 30))

    def work(*_: object) -> None:
        beat()
        beat()
        sandbox.token += 1
        beat()
        beat()

    sandbox._answer = work
    run.run()
    assert beats == [(True, True), (False, False), (True, True), (False, False)]


def test_the_steps_of_a_task_are_progress_too(job: Job) -> None:
    from academy.jobs.context import current_job

    sandbox = FakeSandbox()
    run = JobRun(body_of(job), 1, sandbox)
    beats: list[bool] = []

    def work(*_: object) -> None:
        beats.extend([run.beat(), run.beat()])
        current_job().step()
        beats.extend([run.beat(), run.beat()])

    sandbox._answer = work
    run.run()
    assert beats == [True, False, True, False]


def test_a_heartbeat_learns_that_it_was_overtaken(job: Job) -> None:
    sandbox = FakeSandbox()
    run = JobRun(body_of(job), 1, sandbox)
    lost: list[bool] = []

    def work(*_: object) -> None:
        change(job, attempt=2)
        with pytest.raises(LeaseLost):
            run.beat()
        lost.append(True)

    sandbox._answer = work
    run.run()
    assert lost == [True]


def test_a_heartbeat_before_the_claim_or_after_the_end_is_no_alarm(job: Job) -> None:
    run = delivery(job)
    assert run.beat() is True
    run.run()
    assert run.beat() is True
    assert fresh(job).lease_expires_at is None


def test_an_abandoned_job_is_handed_back_and_the_attempt_not_counted(job: Job) -> None:
    sandbox = FakeSandbox()
    run = JobRun(body_of(job), 1, sandbox)
    sandbox._answer = lambda *_: run.abandon()
    assert run.run() == Disposition.defer(0)
    after = fresh(job)
    assert (after.state, after.tries, after.lease_expires_at) == (JobState.SENT, 0, None)
    assert delivery(job).run().is_delete
    assert (fresh(job).state, fresh(job).tries) == (JobState.SUCCEEDED, 1)


def test_the_number_of_an_attempt_is_never_given_again(job: Job) -> None:
    """A heartbeat or a write of the worker that handed the job back may still be on its way."""
    numbers = []
    for _ in range(3):
        run = delivery(job)
        run.abandon()
        run.run()
        numbers.append(fresh(job).attempt)
    delivery(job).run()
    assert [*numbers, fresh(job).attempt] == [1, 2, 3, 4]


def test_a_job_that_is_abandoned_before_it_computes_is_handed_back(job: Job) -> None:
    run = delivery(job)
    run.abandon()
    assert run.run() == Disposition.defer(0)
    assert (fresh(job).state, fresh(job).tries) == (JobState.SENT, 0)


def test_an_abandoned_job_that_was_overtaken_is_left_alone(job: Job) -> None:
    sandbox = FakeSandbox()
    run = JobRun(body_of(job), 1, sandbox)

    def overtaken(*_: object) -> None:
        change(job, attempt=2)
        run.abandon()

    sandbox._answer = overtaken
    assert run.run() == Disposition.defer(UNCLAIMABLE_SECONDS)
    assert (fresh(job).state, fresh(job).attempt) == (JobState.RUNNING, 2)
