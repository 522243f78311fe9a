"""The dispatcher: every due job is sent once, fairly, and none is lost when SQS or the dispatcher breaks."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from academy.jobs import dispatcher
from academy.jobs.dispatcher import MAX_WAITING_PER_TENANT, connect, dispatch_once, run_forever
from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier
from academy.jobs.runner import JobRun
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.students.models import Student
from tests.db.kernel import FakeSandbox, fresh, in_threads, new_job, use_test_kinds
from tests.db.sending import WatchedSqs, received
from tests.factories import make_academy

pytestmark = pytest.mark.usefixtures("aws", "committed")


@pytest.fixture
def sqs(committed: None, aws: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[WatchedSqs]:
    watched = WatchedSqs()
    monkeypatch.setattr(dispatcher, "sqs_client", lambda: watched)
    for tier in Tier:
        received(tier)
    yield watched
    for tier in Tier:
        received(tier)


@pytest.fixture
def connection(sqs: WatchedSqs) -> Iterator[psycopg.Connection]:
    with contextlib.closing(connect()) as opened:
        yield opened


def new_jobs(tenant: Tenant, count: int, *, queue: str = "basic", state: str = JobState.QUEUED) -> list[int]:
    with acting_for(tenant), transaction.atomic():
        rows = Job.objects.bulk_create(Job(kind="tests.compute", queue=queue, state=state) for _ in range(count))
        return [row.pk for row in rows]


def states(tenant: Tenant) -> Counter[str]:
    with acting_for(tenant), transaction.atomic():
        return Counter(Job.objects.values_list("state", flat=True))


def test_each_job_is_sent_once(connection: psycopg.Connection) -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    jobs = {new_job(hana).pk: hana.pk, new_job(duri).pk: duri.pk}
    assert dispatch_once(connection) == 2
    assert dispatch_once(connection) == 0
    messages = received()
    assert {row["body"]["job_id"]: row["body"]["tenant_id"] for row in messages} == jobs
    assert [row["body"]["v"] for row in messages] == [1, 1]
    assert states(hana) == states(duri) == {"sent": 1}


def test_a_sent_job_knows_when(connection: psycopg.Connection) -> None:
    job = new_job(make_academy())
    dispatch_once(connection)
    sent_at = fresh(job).sent_at
    assert sent_at is not None
    assert abs(timezone.now() - sent_at) < timedelta(seconds=60)


def test_each_message_is_grouped_by_its_academy(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    groups = {new_job(hana).pk: str(hana.pk), new_job(duri).pk: str(duri.pk)}
    dispatch_once(connection)
    assert dict(sqs.sent) == groups


@pytest.mark.parametrize("tier", list(Tier))
def test_each_job_goes_to_its_own_queue(connection: psycopg.Connection, tier: Tier) -> None:
    (job,) = new_jobs(make_academy(), 1, queue=tier.value)
    dispatch_once(connection)
    assert {other: [row["body"]["job_id"] for row in received(other)] for other in Tier} == {
        other: [job] if other is tier else [] for other in Tier
    }


@pytest.mark.parametrize("state", [state for state in JobState if state != JobState.QUEUED])
def test_only_queued_jobs_are_sent(connection: psycopg.Connection, state: JobState) -> None:
    new_jobs(make_academy(), 2, state=state)
    assert dispatch_once(connection) == 0


def test_a_job_in_its_back_off_waits(connection: psycopg.Connection) -> None:
    job = new_job(make_academy(), available_at=timezone.now() + timedelta(hours=1))
    assert dispatch_once(connection) == 0
    with acting_for(job.tenant), transaction.atomic():
        Job.objects.update(available_at=timezone.now() - timedelta(seconds=1))
    assert dispatch_once(connection) == 1


def test_one_academy_has_at_most_so_many_waiting_in_a_queue(connection: psycopg.Connection) -> None:
    hana = make_academy()
    jobs = new_jobs(hana, MAX_WAITING_PER_TENANT + 5)
    new_jobs(hana, 2, queue="premium")
    assert dispatch_once(connection) == MAX_WAITING_PER_TENANT + 2
    assert dispatch_once(connection) == 0
    with acting_for(hana), transaction.atomic():
        Job.objects.filter(pk__in=jobs[:3]).update(state=JobState.RUNNING)  # its place is another's now
    assert dispatch_once(connection) == 3
    assert dispatch_once(connection) == 0
    assert states(hana) == {"running": 3, "sent": MAX_WAITING_PER_TENANT + 2, "queued": 2}


def test_the_academies_take_turns(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    many, few = new_jobs(hana, 30), new_jobs(duri, 3)
    dispatch_once(connection)
    order = [job for job, _ in sqs.sent]
    assert order[:6] == [many[0], few[0], many[1], few[1], many[2], few[2]]
    assert order[6:] == many[3:MAX_WAITING_PER_TENANT]


def test_sqs_gets_at_most_ten_at_once(
    connection: psycopg.Connection, sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "MAX_WAITING_PER_TENANT", 20)
    new_jobs(make_academy("hana"), 12)
    new_jobs(make_academy("duri"), 11)
    assert dispatch_once(connection) == 23
    assert sqs.batches == [10, 10, 3]


def test_a_round_has_an_end(connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "ROUND_LIMIT", 5)
    monkeypatch.setattr(dispatcher, "MAX_WAITING_PER_TENANT", 20)
    new_jobs(make_academy(), 12)
    assert [dispatch_once(connection) for _ in range(4)] == [5, 5, 2, 0]


def test_two_dispatchers_at_once_send_nothing_twice(sqs: WatchedSqs) -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    jobs = new_jobs(hana, 10) + new_jobs(duri, 10)

    def dispatch(_: int) -> int:
        with contextlib.closing(connect()) as own:
            return sum(dispatch_once(own) for _ in range(3))

    assert sum(in_threads(4, dispatch)) == 20
    assert sorted(job for job, _ in sqs.sent) == sorted(jobs)


def test_while_one_dispatcher_sends_another_has_nothing_to_do(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    new_job(make_academy())
    sent_meanwhile: list[int] = []

    def dispatch_too() -> None:
        with contextlib.closing(connect()) as other:
            sent_meanwhile.append(dispatch_once(other))

    sqs.after_send = dispatch_too
    assert dispatch_once(connection) == 1
    assert sent_meanwhile == [0]


def test_jobs_stay_queued_while_sqs_is_down(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    hana = make_academy()
    new_jobs(hana, 3)
    sqs.is_down = True
    assert dispatch_once(connection) == 0
    assert states(hana) == {"queued": 3}
    sqs.is_down = False
    assert dispatch_once(connection) == 3


def test_sqs_that_breaks_half_way_keeps_what_it_took(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    hana = make_academy()
    new_jobs(hana, 15)

    def go_down() -> None:
        sqs.is_down = True

    sqs.after_send = go_down
    assert dispatch_once(connection) == 10
    assert states(hana) == {"sent": 10, "queued": 5}


def test_a_message_that_sqs_refuses_is_sent_again(connection: psycopg.Connection, sqs: WatchedSqs) -> None:
    hana = make_academy()
    jobs = new_jobs(hana, 3)
    sqs.refused = {jobs[1]}
    assert dispatch_once(connection) == 2
    assert states(hana) == {"sent": 2, "queued": 1}
    sqs.refused = set()
    assert dispatch_once(connection) == 1


def test_a_crash_between_send_and_mark_sends_twice_and_runs_once(
    connection: psycopg.Connection, sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_test_kinds(monkeypatch)
    job = new_job(make_academy())

    def crash() -> None:
        sqs.after_send = None
        raise SystemExit("killed")

    sqs.after_send = crash
    with pytest.raises(SystemExit):
        dispatch_once(connection)
    assert fresh(job).state == JobState.QUEUED
    assert dispatch_once(connection) == 1
    messages = received()
    assert [row["body"]["job_id"] for row in messages] == [job.pk, job.pk]
    assert all(JobRun(row["Body"], 1, FakeSandbox()).run().is_delete for row in messages)
    assert (fresh(job).state, fresh(job).attempt) == (JobState.SUCCEEDED, 1)
    with acting_for(job.tenant), transaction.atomic():
        assert Student.objects.count() == 1


def test_a_message_that_overtakes_its_mark_is_run_all_the_same(
    connection: psycopg.Connection, sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may receive a message before the dispatcher has committed that it was sent."""
    use_test_kinds(monkeypatch)
    job = new_job(make_academy())
    worker = threading.Thread(target=lambda: in_threads(1, lambda _: JobRun(bodies[0], 1, FakeSandbox()).run()))
    bodies: list[str] = []

    def receive() -> None:
        bodies.extend(row["Body"] for row in received())
        worker.start()

    sqs.after_send = receive
    assert dispatch_once(connection) == 1
    worker.join(timeout=30)
    assert (fresh(job).state, fresh(job).attempt) == (JobState.SUCCEEDED, 1)


def test_the_dispatcher_sees_no_arguments_and_no_results(connection: psycopg.Connection) -> None:
    for column in ("arguments", "result", "error_message", "attempt"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"SELECT {column} FROM pool.jobs_job")
    for statement in ("DELETE FROM pool.jobs_job", "UPDATE pool.jobs_job SET attempt = 0", "TABLE pool.accounts_user"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement)


def test_a_ring_wakes_the_dispatcher_and_stop_ends_it(sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", 0.2)
    stop = threading.Event()
    thread = threading.Thread(target=run_forever, args=[stop])
    thread.start()
    try:
        job = new_job(make_academy())
        assert sqs.has_sent.wait(timeout=20)
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert [sent for sent, _ in sqs.sent] == [job.pk]


def test_the_dispatcher_comes_back_after_it_lost_its_database(sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", 0.05)
    monkeypatch.setattr("academy.jobs.dispatcher.random.uniform", lambda *_: 0.01)
    attempts: list[int] = []

    def flaky() -> psycopg.Connection:
        attempts.append(1)
        if len(attempts) == 1:
            raise psycopg.OperationalError("the database is away")
        return connect()

    monkeypatch.setattr(dispatcher, "connect", flaky)
    new_job(make_academy())
    stop = threading.Event()
    thread = threading.Thread(target=run_forever, args=[stop])
    thread.start()
    try:
        assert sqs.has_sent.wait(timeout=20)
    finally:
        stop.set()
        thread.join(timeout=20)
    assert len(attempts) == 2


def test_a_round_that_fails_does_not_end_the_dispatcher(sqs: WatchedSqs, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a worker it is a thread: nobody would notice, and nothing would be sent any more."""
    monkeypatch.setattr(dispatcher, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(dispatcher, "RECOVERY_SECONDS", (0.01, 0.02))
    stop = threading.Event()

    def fail_once() -> None:
        sqs.after_send = None
        sqs.has_sent.clear()
        raise LookupError("a bug")

    sqs.after_send = fail_once
    thread = threading.Thread(target=run_forever, args=[stop])
    thread.start()
    try:
        job = new_job(make_academy())
        assert sqs.has_sent.wait(timeout=20)
    finally:
        stop.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert fresh(job).state == JobState.SENT
