"""What SQS may deliver: twice, ten times at once, too early, in any order, and what nobody of ours has sent."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.db import transaction

from academy.jobs.backend import ring_dispatcher
from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier, queue_url, sqs_client
from academy.tenancy.context import acting_for
from tests.factories import make_academy
from tests.faults.world import FaultWorld, Process, body_of, wait_until

MAX_RECEIVES = 2


@pytest.fixture(scope="module")
def worker(faulty_services: FaultWorld) -> Iterator[Process]:
    """One for all tests here: what it outlives in one test, it has outlived when the next one starts."""
    url = queue_url(Tier.LITE)
    policy = json.loads(
        sqs_client().get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    )
    policy["maxReceiveCount"] = str(MAX_RECEIVES)
    sqs_client().set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": json.dumps(policy)})
    process = faulty_services.start_worker(slots=4, has_dispatcher=True)
    yield process
    assert process.is_alive, process.log.read_text()[-3000:]
    faulty_services.end_processes()


@pytest.fixture(autouse=True)
def _worker_lives(worker: Process) -> Iterator[None]:
    yield
    assert worker.is_alive


def copies(world: FaultWorld, job: Job, count: int) -> None:
    sqs_client().send_message_batch(
        QueueUrl=queue_url(Tier.LITE),
        Entries=[{"Id": str(number), "MessageBody": body_of(job)} for number in range(count)],
    )


def test_ten_copies_at_once_have_one_effect(faults: FaultWorld) -> None:
    (job,) = faults.submit(300, state=JobState.SENT)
    copies(faults, job, 10)
    faults.assert_each_took_effect_once([job])
    faults.await_empty_queues()
    assert faults.fresh(job).attempt == 1


def test_copies_that_come_when_all_is_done_change_nothing(faults: FaultWorld) -> None:
    (job,) = faults.submit()
    faults.assert_each_took_effect_once([job])
    before = faults.fresh(job)
    copies(faults, job, 5)
    faults.await_empty_queues()
    faults.assert_each_took_effect_once([job])
    assert (faults.fresh(job).attempt, faults.fresh(job).finished_at) == (1, before.finished_at)


def test_message_before_its_row_is_committed(faults: FaultWorld, worker: Process) -> None:
    with acting_for(faults.tenant), transaction.atomic():
        job = Job(kind="faults.work", queue="lite", state=JobState.SENT, arguments={"args": [0], "kwargs": {}})
        job.save(force_insert=True)
        faults.send(body_of(job))
        wait_until(lambda: worker.says(f"job {job.pk} of tenant {job.tenant_id} does not exist"), "the message is seen")
    faults.assert_each_took_effect_once([job])
    faults.await_empty_queues()


def test_messages_in_any_order(faults: FaultWorld) -> None:
    jobs = faults.submit(20, count=8, state=JobState.SENT)
    faults.send(*[body_of(job) for job in reversed(jobs)], *[body_of(job) for job in jobs[::3]])
    faults.assert_each_took_effect_once(jobs)
    faults.await_empty_queues()
    assert {faults.fresh(job).attempt for job in jobs} == {1}


def test_message_of_an_earlier_attempt_that_comes_late(faults: FaultWorld) -> None:
    """The job was put back and sent again: whichever message comes first runs it."""
    (job,) = faults.submit(200, state=JobState.QUEUED, attempt=1)
    faults.send(body_of(job))
    with acting_for(faults.tenant), transaction.atomic():
        ring_dispatcher()
    faults.assert_each_took_effect_once([job])
    faults.await_empty_queues()
    assert faults.fresh(job).attempt == 2


def test_what_is_none_of_ours_ends_in_the_dead_letters(faults: FaultWorld) -> None:
    theirs = make_academy("duri", name="두리영어")
    (victim,) = faults.submit(tenant=theirs, state=JobState.SENT)
    bad = [
        "nonsense",
        "{}",
        json.dumps({"v": 2, "job_id": victim.pk, "tenant_id": theirs.pk}),
        json.dumps({"v": 1, "job_id": victim.pk, "tenant_id": faults.tenant.pk}),  # the other academy's job
        json.dumps({"v": 1, "job_id": victim.pk, "tenant_id": 2**62}),
        json.dumps({"v": 1, "job_id": 2**62, "tenant_id": theirs.pk}),
        json.dumps({"v": 1, "job_id": f"{victim.pk}; DROP TABLE jobs_job", "tenant_id": theirs.pk}),
        "[" * 100_000,
        "x" * 262_144,
    ]
    faults.send(*bad)
    (good,) = faults.submit()
    faults.assert_each_took_effect_once([good])
    found: list[str] = []

    def are_all_there() -> bool:
        found.extend(faults.dead_letters())
        return len(found) >= len(bad)

    wait_until(are_all_there, "the dead letters")
    assert sorted(found) == sorted(bad)
    faults.await_empty_queues()
    untouched = faults.fresh(victim)
    assert (untouched.state, untouched.attempt) == (JobState.SENT, 0)


def test_native_crash_of_a_child_is_recorded_and_the_worker_lives(faults: FaultWorld, worker: Process) -> None:
    (bad,) = faults.submit(kind="faults.crash")
    (good,) = faults.submit(100)
    after = faults.await_state(bad, JobState.FAILED)
    assert (after.error_code, after.attempt, after.lease_expires_at) == ("too_demanding", 2, None)
    assert faults.effects([bad]) == {}
    faults.assert_each_took_effect_once([good])
    faults.await_empty_queues()
