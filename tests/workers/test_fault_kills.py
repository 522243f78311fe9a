"""Workers, dispatchers and requests killed, stopped and ended at every step: each job ends once, with one effect."""

from __future__ import annotations

import signal
from collections.abc import Callable

from django.db import transaction

from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier, queue_url, sqs_client
from academy.tenancy.context import acting_for
from tests.faults.proxies import Fault
from tests.faults.world import FaultWorld, body_of, wait_until

CLAIM = """UPDATE "jobs_job" SET "state" = 'running'"""
FINISH = """UPDATE "jobs_job" SET "state" = 'succeeded'"""


def jobs_of(world: FaultWorld) -> list[Job]:
    with acting_for(world.tenant), transaction.atomic():
        return list(Job.objects.all())


# --- a worker, kill -9 --------------------------------------------------------------------------------------------
def before_the_claim(world: FaultWorld, job: Job) -> None:
    """The message is received, the row untouched."""
    world.database.add(Fault.HOLD_REQUEST, f'{CLAIM}.*"id" = {job.pk}\\b').await_reached()
    assert world.fresh(job).state == JobState.SENT


def after_the_claim(world: FaultWorld, job: Job) -> None:
    """The claim is committed, the worker does not know it yet."""
    world.database.add(Fault.HOLD_ANSWER, "COMMIT", after=f'{CLAIM}.*"id" = {job.pk}\\b').await_reached()
    assert world.fresh(job).state == JobState.RUNNING


def while_it_computes(world: FaultWorld, job: Job) -> None:
    world.await_running(job)


def before_the_finish(world: FaultWorld, job: Job) -> None:
    """The result is there, nothing of it is written."""
    world.database.add(Fault.HOLD_REQUEST, f'{FINISH}.*"id" = {job.pk}\\b').await_reached()
    assert world.effects([job]) == {}


def after_the_finish(world: FaultWorld, job: Job) -> None:
    """The finish is committed, the worker does not know it yet."""
    world.database.add(Fault.HOLD_ANSWER, "COMMIT", after=f'{FINISH}.*"id" = {job.pk}\\b').await_reached()
    assert world.fresh(job).state == JobState.SUCCEEDED


def before_the_delete(world: FaultWorld, job: Job) -> None:
    """Finished, and SQS is not told yet."""
    world.sqs.add(Fault.HOLD_REQUEST, "DeleteMessageBatch").await_reached()
    assert world.fresh(job).state == JobState.SUCCEEDED


ATTEMPTS_AFTER_KILL: dict[Callable[[FaultWorld, Job], None], int] = {
    before_the_delete: 1,
    after_the_finish: 1,
    before_the_finish: 2,
    while_it_computes: 2,
    after_the_claim: 2,
    before_the_claim: 1,
}


def test_worker_killed_at_each_step(alone: FaultWorld) -> None:
    alone.start_dispatcher()
    jobs: dict[str, tuple[Job, int]] = {}
    for step, attempts in ATTEMPTS_AFTER_KILL.items():
        worker = alone.start_worker()
        (job,) = alone.submit(300)
        step(alone, job)
        worker.kill()
        alone.database.cut()  # as the system does with what a dead process had open
        alone.database.clear()
        alone.sqs.cut()
        alone.sqs.clear()
        jobs[step.__name__] = (job, attempts)
    alone.start_worker(slots=2)
    alone.assert_each_took_effect_once([job for job, _ in jobs.values()])
    assert {step: alone.fresh(job).attempt for step, (job, _) in jobs.items()} == {
        step: attempts for step, (_, attempts) in jobs.items()
    }
    alone.await_empty_queues()


def test_message_deleted_by_a_stale_receipt_and_the_worker_killed(alone: FaultWorld) -> None:
    """Nothing is left but the row: the sweeper sends it again."""
    (job,) = alone.submit(2_500, state=JobState.SENT)
    alone.send(body_of(job))
    url = queue_url(Tier.LITE)
    (stale,) = sqs_client().receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    worker = alone.start_worker()
    alone.await_running(job)
    sqs_client().delete_message(QueueUrl=url, ReceiptHandle=stale["ReceiptHandle"])
    sqs_client().purge_queue(QueueUrl=url)  # AWS may ignore a stale receipt; this is the worse case
    worker.kill()
    alone.start_worker(has_dispatcher=True)
    alone.assert_each_took_effect_once([job])
    assert alone.fresh(job).attempt == 2


def test_message_deleted_by_a_stale_receipt_while_its_job_runs(alone: FaultWorld) -> None:
    (job,) = alone.submit(800, state=JobState.SENT)
    alone.send(body_of(job))
    worker = alone.start_worker()
    alone.await_running(job)
    sqs_client().purge_queue(QueueUrl=queue_url(Tier.LITE))
    alone.assert_each_took_effect_once([job])
    after = alone.submit(0, state=JobState.SENT)
    alone.send(body_of(after[0]))
    alone.assert_each_took_effect_once(after)
    assert worker.is_alive


# --- a worker, stopped beyond its lease ---------------------------------------------------------------------------
def test_zombie_writes_nothing(alone: FaultWorld) -> None:
    zombie = alone.start_worker()
    (job,) = alone.submit(500, state=JobState.SENT)
    alone.send(body_of(job))
    alone.await_running(job)
    zombie.send(signal.SIGSTOP)
    other = alone.start_worker()
    alone.assert_each_took_effect_once([job])
    done = alone.fresh(job)

    zombie.send(signal.SIGCONT)
    wait_until(
        lambda: zombie.says("nothing written") or zombie.says("no longer ours"), "the zombie sees that it is one"
    )
    other.kill()
    (next_job,) = alone.submit(0, state=JobState.SENT)
    alone.send(body_of(next_job))
    alone.assert_each_took_effect_once([next_job])  # by the former zombie
    alone.await_empty_queues()
    after = alone.fresh(job)
    assert (after.attempt, after.finished_at, after.result) == (2, done.finished_at, done.result)
    alone.assert_each_took_effect_once([job])


# --- a worker, ended ----------------------------------------------------------------------------------------------
def test_sigterm_ends_an_idle_worker(alone: FaultWorld) -> None:
    worker = alone.start_worker()
    worker.await_saying("serving")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0


def test_sigterm_lets_a_short_job_finish(alone: FaultWorld) -> None:
    worker = alone.start_worker()
    running, waiting = alone.submit(700, count=2, state=JobState.SENT)
    alone.send(body_of(running), body_of(waiting))
    wait_until(lambda: any(job.progress > 0 for job in jobs_of(alone)), "a job runs")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert sorted(job.state for job in jobs_of(alone)) == [JobState.SENT, JobState.SUCCEEDED]
    alone.start_worker()
    alone.assert_each_took_effect_once([running, waiting])
    assert {job.attempt for job in jobs_of(alone)} == {1}
    alone.await_empty_queues()


def test_sigterm_hands_a_long_job_back_at_once(alone: FaultWorld) -> None:
    worker = alone.start_worker(arguments=["--stop-timeout", "4.5"])
    (job,) = alone.submit(2_500, state=JobState.SENT)
    alone.send(body_of(job))
    alone.await_running(job)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    counts = sqs_client().get_queue_attributes(QueueUrl=queue_url(Tier.LITE), AttributeNames=["All"])["Attributes"]
    assert (counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]) == ("1", "0")
    handed_back = alone.fresh(job)
    assert (handed_back.state, handed_back.tries, handed_back.lease_expires_at) == (JobState.SENT, 0, None)
    alone.start_worker()
    alone.assert_each_took_effect_once([job])
    assert (alone.fresh(job).attempt, alone.fresh(job).tries) == (2, 1)


# --- the sender ---------------------------------------------------------------------------------------------------
def test_dispatcher_killed_between_send_and_mark(alone: FaultWorld) -> None:
    held = alone.sqs.add(Fault.HOLD_ANSWER, "SendMessageBatch")
    dispatcher = alone.start_dispatcher()
    jobs = alone.submit(count=3)
    held.await_reached()
    wait_until(lambda: alone.left(Tier.LITE) == 3, "SQS has the messages")
    dispatcher.kill()
    alone.database.cut()
    assert {alone.fresh(job).state for job in jobs} == {JobState.QUEUED}
    alone.sqs.clear()
    alone.start_worker(has_dispatcher=True)
    alone.assert_each_took_effect_once(jobs)
    assert {alone.fresh(job).attempt for job in jobs} == {1}
    alone.await_empty_queues()
    assert alone.sqs.requests["SendMessageBatch"] >= 2


def test_request_killed_after_its_commit_is_sent_all_the_same(alone: FaultWorld) -> None:
    held = alone.database.add(Fault.HOLD_ANSWER, "COMMIT", after='INSERT INTO "jobs_job"')
    request = alone.run("tests.faults.submit", str(alone.tenant.pk))
    held.await_reached()
    request.kill()
    alone.database.cut()
    alone.start_worker(has_dispatcher=True)
    jobs = jobs_of(alone)
    assert len(jobs) == 1
    alone.assert_each_took_effect_once(jobs)


def test_request_killed_before_its_commit_leaves_nothing(alone: FaultWorld) -> None:
    held = alone.database.add(Fault.HOLD_REQUEST, "COMMIT", after='INSERT INTO "jobs_job"')
    request = alone.run("tests.faults.submit", str(alone.tenant.pk))
    held.await_reached()
    request.kill()
    alone.database.cut()
    alone.database.clear()
    alone.start_dispatcher()
    (later,) = alone.submit()
    alone.await_state(later, JobState.SENT)
    assert jobs_of(alone) == [later]
    assert alone.left(Tier.LITE) == 1
