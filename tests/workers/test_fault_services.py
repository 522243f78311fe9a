"""SQS, S3 and PostgreSQL break while jobs are under way, and clocks are wrong: each job ends once, with one effect."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier, queue_url, sqs_client
from academy.jobs.runner import JobRun
from academy.tenancy.context import acting_for
from tests.db.kernel import FakeSandbox
from tests.faults.proxies import Fault
from tests.faults.world import FaultWorld, body_of, wait_until
from tests.workers.test_fault_kills import CLAIM, FINISH

SQS_CALLS = "^(Send|Receive|Delete|Change)Message"


# --- SQS ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.HANG, Fault.LOSE_ANSWER])
def test_outage_of_sqs_loses_nothing(alone: FaultWorld, fault: Fault) -> None:
    """Refused, hanging, or arrived without anybody knowing: whatever was sent twice has one effect."""
    worker = alone.start_worker(slots=2, has_dispatcher=True)
    worker.await_saying("serving")
    running = alone.submit(400, count=2)
    wait_until(lambda: alone.fresh(running[0]).state == JobState.RUNNING, "a job runs")
    outage = alone.sqs.add(fault, SQS_CALLS, times=None)
    outage.await_reached()
    waiting = alone.submit(count=5)
    wait_until(lambda: worker.says("SQS did not take"), "the dispatcher has tried")
    # A poll that was under way when the answers began to get lost may still bring what has arrived, and it is run.
    told = {JobState.SENT} if fault is Fault.LOSE_ANSWER else set(JobState) - {JobState.QUEUED}
    assert not {alone.fresh(job).state for job in waiting} & told, "nothing counts as sent that SQS has not confirmed"
    alone.sqs.clear()
    alone.assert_each_took_effect_once([*running, *waiting])
    alone.await_empty_queues()
    assert worker.is_alive


def test_while_sqs_hangs_a_job_that_waits_can_be_cancelled(alone: FaultWorld) -> None:
    """The dispatcher holds the rows that it is sending: no longer than a person who cancels can wait."""
    hanging = alone.sqs.add(Fault.HANG, "^SendMessage", times=None)
    alone.start_dispatcher()
    (job,) = alone.submit()
    hanging.await_reached()
    with acting_for(alone.tenant), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
        assert Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(state=JobState.CANCELLED) == 1


def test_messages_that_sqs_lost_are_sent_again_soon(alone: FaultWorld) -> None:
    alone.start_dispatcher()
    jobs = alone.submit(count=3)
    for job in jobs:
        alone.await_state(job, JobState.SENT)
    sqs_client().purge_queue(QueueUrl=queue_url(Tier.LITE))
    alone.start_worker()
    alone.assert_each_took_effect_once(jobs)


def test_messages_that_only_wait_long_are_not_sent_again(alone: FaultWorld) -> None:
    dispatcher = alone.start_dispatcher()
    jobs = alone.submit(count=3)
    for job in jobs:
        alone.await_state(job, JobState.SENT)
    sent_at = [alone.fresh(job).sent_at for job in jobs]
    time.sleep(alone.visibility_seconds + 1.5)  # some sweeps, which must find nothing to do
    assert [alone.fresh(job).sent_at for job in jobs] == sent_at
    assert alone.left(Tier.LITE) == 3
    assert dispatcher.is_alive


# --- PostgreSQL ---------------------------------------------------------------------------------------------------
def cut(world: FaultWorld) -> None:
    world.database.is_refusing = True
    assert world.database.cut() > 0


def terminate(world: FaultWorld) -> None:
    """As an administrator or a failover does."""
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename <> current_user AND pid <> %s",
            [connection.connection.info.backend_pid],
        )


@pytest.mark.parametrize("end_connections", [cut, terminate])
def test_database_that_goes_away_in_the_middle_of_a_job(
    alone: FaultWorld, end_connections: Callable[[FaultWorld], None]
) -> None:
    worker = alone.start_worker(has_dispatcher=True)
    jobs = alone.submit(600, count=2)
    alone.await_running(jobs[0])
    end_connections(alone)
    wait_until(lambda: worker.says("lost its database"), "the worker has noticed")
    alone.database.clear()
    alone.assert_each_took_effect_once(jobs)
    alone.await_empty_queues()
    assert worker.is_alive


@pytest.mark.parametrize(
    ("statement", "fault", "attempts"),
    [
        (FINISH, Fault.LOSE_ANSWER, 1),
        (FINISH, Fault.REFUSE, 2),
        (CLAIM, Fault.LOSE_ANSWER, 2),
        (CLAIM, Fault.REFUSE, 1),
    ],
    ids=["finish, committed", "finish, not committed", "claim, committed", "claim, not committed"],
)
def test_connection_lost_at_commit(alone: FaultWorld, statement: str, fault: Fault, attempts: int) -> None:
    """Nobody can know whether it was committed: the row does."""
    worker = alone.start_worker(has_dispatcher=True)
    (job,) = alone.submit(state=JobState.SENT)
    lost = alone.database.add(fault, "COMMIT", after=f'{statement}.*"id" = {job.pk}\\b')
    alone.send(body_of(job))
    lost.await_reached()
    alone.assert_each_took_effect_once([job])
    alone.await_empty_queues()
    assert alone.fresh(job).attempt == attempts
    assert worker.is_alive


# --- clocks -------------------------------------------------------------------------------------------------------
def test_only_the_clock_of_the_database_counts(alone: FaultWorld) -> None:
    """A worker an hour ahead and one an hour behind take no job from each other, and keep no lease for an hour."""
    workers = [
        alone.start_worker(slots=2, clock_seconds=3600, has_dispatcher=True),
        alone.start_worker(slots=2, clock_seconds=-3600, has_dispatcher=True),
    ]
    for worker in workers:
        worker.await_saying("serving")
    began = timezone.now()
    jobs = alone.submit(alone.visibility_seconds * 1000 + 1_000, count=4)
    for job in jobs:
        alone.await_running(job)
    for job in jobs:  # every copy meets a live lease
        alone.send(body_of(job))
    alone.assert_each_took_effect_once(jobs)
    for job in jobs:
        after = alone.fresh(job)
        assert after.attempt == 1
        assert after.sent_at is not None
        assert after.started_at is not None
        assert after.finished_at is not None
        assert began - timedelta(seconds=5) < after.sent_at <= after.started_at < after.finished_at
        assert after.finished_at < timezone.now() + timedelta(seconds=5)
    alone.await_empty_queues()


def test_killed_worker_whose_clock_is_wrong_is_replaced_in_time(alone: FaultWorld) -> None:
    worker = alone.start_worker(clock_seconds=3600)
    (job,) = alone.submit(500, state=JobState.SENT)
    alone.send(body_of(job))
    alone.await_running(job)
    worker.kill()
    alone.start_worker(clock_seconds=-3600)
    alone.assert_each_took_effect_once([job])
    assert alone.fresh(job).attempt == 2


@pytest.mark.parametrize("off_seconds", [3600, -3600])
def test_back_off_is_counted_on_the_clock_of_the_database(
    faults: FaultWorld, off_seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = faults.submit(state=JobState.SENT, kind="exams.of_nobody", max_attempts=1)
    (retried,) = faults.submit(state=JobState.SENT, kind="exams.read_scan")
    retried_sandbox = FakeSandbox()
    monkeypatch.setattr("apps.exams.tasks.Scan.objects", None)  # whatever a task raises
    with time_machine.travel(timezone.now() + timedelta(seconds=off_seconds), tick=True):
        assert JobRun(body_of(job), 1, FakeSandbox()).run().is_delete
        assert JobRun(body_of(retried), 1, retried_sandbox).run().is_delete
    failed, waiting = faults.fresh(job), faults.fresh(retried)
    assert failed.finished_at is not None
    assert abs(timezone.now() - failed.finished_at) < timedelta(seconds=60)
    assert waiting.state == JobState.QUEUED
    assert timedelta() < waiting.available_at - timezone.now() < timedelta(seconds=60)
