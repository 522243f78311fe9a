"""One trace from the request that hands something in to the worker that reads it, through outbox and SQS."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from opentelemetry.sdk.trace import ReadableSpan

from academy.jobs.backend import enqueue_job
from academy.jobs.dispatcher import connect, dispatch_once
from academy.jobs.disposition import Disposition
from academy.jobs.message import TRACEPARENT, JobMessage
from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier, polling_sqs_client, queue_url, sqs_client
from academy.jobs.runner import JobRun
from academy.jobs.services import retry_job
from academy.logs.bound import bound_fields
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from tests.db.kernel import KINDS, FakeSandbox, change, delivery, fresh, use_test_kinds
from tests.db.sending import received
from tests.factories import World, client_of, make_academy
from tests.faults.world import wait_until
from tests.sentinels import NAME, PHONE, Spans, found_in, recorded_spans
from tests.workers.consumer_world import WAIT_SECONDS
from tests.workers.test_whole_way import hand_in, new_exam
from workers.consumer import Consumer, ConsumerTimes
from workers.messages import QueueSpec, ReceivedMessage

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture(autouse=True)
def _empty_queues(aws: None) -> Iterator[None]:
    for tier in Tier:
        received(tier)
    yield
    for tier in Tier:
        received(tier)


@pytest.fixture
def teacher(committed_world: World, aws: None, spans: Spans) -> Client:
    """After ``spans``: the middleware of a client is loaded with its first request."""
    return client_of(committed_world.hana.teacher)


def dispatch() -> None:
    with contextlib.closing(connect()) as connection:
        assert dispatch_once(connection) > 0


class _Run(JobRun):
    """Leaves no connection to a thread that ends with its test."""

    def run(self) -> Disposition:
        try:
            return super().run()
        finally:
            connections.close_all()


@contextlib.contextmanager
def consuming(sandbox: FakeSandbox) -> Iterator[None]:
    """A worker of the basic queue as it is deployed, save its sandbox."""

    def start_job(message: ReceivedMessage, _: FakeSandbox) -> JobRun:
        return _Run(message.body, message.receive_count, sandbox, message.traceparent)

    consumer: Consumer[Any] = Consumer(
        client=sqs_client(),
        polling_client=polling_sqs_client(),
        queues=[QueueSpec("basic", queue_url(Tier.BASIC))],
        slots=1,
        make_sandbox=_Slot,
        start_job=start_job,
        times=ConsumerTimes(long_poll=1),
    )
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        yield
    finally:
        consumer.stop()
        thread.join(WAIT_SECONDS)


class _Slot:
    def kill(self) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


def trace_of(span: ReadableSpan) -> int:
    return int(span.context.trace_id)


def in_trace(spans: Spans, trace_id: int) -> dict[str, ReadableSpan]:
    """The last of each name; the world's own jobs are in none."""
    return {span.name: span for span in spans.all if trace_of(span) == trace_id}


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def test_one_trace_shows_the_request_the_wait_and_the_run(
    teacher: Client, spans: Spans, committed_world: World
) -> None:
    exam_id, _ = new_exam(teacher)
    hand_in(teacher, exam_id, b"no picture", "image/jpeg")
    [request] = [span for span in spans.all if span.name.startswith("POST") and "scans" in span.name]
    dispatch()
    logged: list[dict[str, str | int]] = []

    def answer(*_: object) -> None:
        logged.append(dict(bound_fields()))
        raise RuntimeError(PHONE)

    with consuming(FakeSandbox(answer)):
        wait_until(lambda: "job.receive" in in_trace(spans, trace_of(request)), "the end of the job's run")
    seen = in_trace(spans, trace_of(request))
    steps = [request.name, "job.enqueue", "job.send", "job.receive", "job.run"]
    for before, after in pairwise(steps):
        assert parent_of(seen[after]) == seen[before].context.span_id, after
    run, compute = seen["job.run"], seen["sandbox.compute"]
    assert parent_of(seen["job.wait"]) == seen["job.receive"].context.span_id
    assert parent_of(seen["storage.read"]) == parent_of(compute) == run.context.span_id
    said = dict(run.attributes or {})
    assert said == {
        "academy.job.id": said["academy.job.id"],
        "academy.tenant_id": committed_world.hana.tenant.pk,
        "academy.job.kind": "exams.read_scan",
        "academy.job.tier": "basic",
        "academy.job.attempt": 1,
        "academy.job.outcome": "queued",
        "error.type": "builtins.RuntimeError",
    }
    asked = dict(request.attributes or {})
    assert asked["academy.tenant_id"] == committed_world.hana.tenant.pk
    assert (asked["http.request.method"], asked["http.response.status_code"]) == ("POST", 202)
    named = {"trace_id": f"{trace_of(request):032x}", "span_id": f"{compute.context.span_id:016x}"}
    assert named.items() <= logged[-1].items()
    assert found_in(spans.text) == []


@pytest.fixture
def academy(committed: None, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    use_test_kinds(monkeypatch)
    monkeypatch.setattr("academy.jobs.services.job_kinds", lambda: KINDS)
    for module in ("backend", "services"):
        monkeypatch.setattr(f"academy.jobs.{module}.tier_for", lambda _: Tier.BASIC)
    return make_academy()


def enqueued(academy: Tenant) -> Job:
    with acting_for(academy), transaction.atomic():
        job = enqueue_job(KINDS["tests.compute"], args=[], kwargs={})
    change(job, kind="tests.compute")  # the tests' folder is no app, by which a kind is named
    return job


def failing() -> FakeSandbox:
    def answer(*_: object) -> None:
        raise RuntimeError(NAME)

    return FakeSandbox(answer)


def received_traceparent() -> str:
    """Of the next message; "" where it has none. Takes it away."""
    answer = sqs_client().receive_message(
        QueueUrl=queue_url(Tier.BASIC), MessageAttributeNames=["All"], WaitTimeSeconds=1
    )
    [message] = answer["Messages"]
    sqs_client().delete_message(QueueUrl=queue_url(Tier.BASIC), ReceiptHandle=message["ReceiptHandle"])
    assert JobMessage.from_body(message["Body"])
    attributes = message.get("MessageAttributes", {})
    assert set(attributes) <= {TRACEPARENT}
    return attributes[TRACEPARENT]["StringValue"] if attributes else ""


def run_by_message(job: Job, sandbox: FakeSandbox, traceparent: str) -> None:
    JobRun(JobMessage(job_id=job.pk, tenant_id=job.tenant_id).to_body(), 1, sandbox, traceparent).run()


def test_a_second_try_is_in_the_same_trace_and_linked_to_the_first(academy: Tenant, spans: Spans) -> None:
    job = enqueued(academy)
    dispatch()
    run_by_message(job, failing(), received_traceparent())
    change(job, available_at=timezone.now() - timedelta(seconds=1))
    dispatch()
    run_by_message(job, FakeSandbox(), received_traceparent())
    assert fresh(job).state == JobState.SUCCEEDED
    first, second = spans.named("job.run")
    assert trace_of(first) == trace_of(second) == trace_of(spans.one("job.enqueue"))
    assert first.links == ()
    assert [link.context.span_id for link in second.links] == [first.context.span_id]
    assert [(span.attributes or {})["academy.job.outcome"] for span in (first, second)] == ["queued", "succeeded"]


def test_what_somebody_runs_again_is_linked_to_what_failed(academy: Tenant, spans: Spans) -> None:
    job = enqueued(academy)
    change(job, max_attempts=1)
    run_by_message(job, failing(), fresh(job).traceparent)
    assert fresh(job).state == JobState.FAILED
    with acting_for(academy), transaction.atomic():
        retry_job(job_id=job.pk, is_counted=False)
    again = spans.named("job.enqueue")[-1]
    assert [link.context.span_id for link in again.links] == [spans.one("job.run").context.span_id]
    assert trace_of(again) != trace_of(spans.one("job.run"))
    assert fresh(job).traceparent.split("-")[2] == f"{again.context.span_id:016x}"


def test_a_dispatcher_without_traces_hands_on_what_the_row_says(academy: Tenant) -> None:
    with recorded_spans():
        job = enqueued(academy)
    dispatch()
    assert received_traceparent() == fresh(job).traceparent != ""


def test_without_traces_a_message_is_as_before(academy: Tenant) -> None:
    job = enqueued(academy)
    dispatch()
    assert received_traceparent() == fresh(job).traceparent == ""
    run_by_message(job, failing(), "")
    assert fresh(job).traceparent == ""


@pytest.mark.parametrize("forged", ["x" * 4096, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "표지인물"])
def test_a_message_with_a_forged_trace_is_worked_off_in_one_of_its_own(
    academy: Tenant, spans: Spans, forged: str
) -> None:
    job = enqueued(academy)
    run_by_message(job, FakeSandbox(), forged)
    assert fresh(job).state == JobState.SUCCEEDED
    assert spans.one("job.receive").parent is None
    assert found_in(spans.text) == []


def test_of_a_request_that_is_not_sampled_nothing_is_recorded_anywhere(academy: Tenant) -> None:
    with recorded_spans(share=0.0):
        job = enqueued(academy)
    assert fresh(job).traceparent.endswith("-00")
    with recorded_spans(share=1.0) as spans:
        dispatch()
        run_by_message(job, FakeSandbox(), received_traceparent())
        assert spans.all == ()
    assert fresh(job).state == JobState.SUCCEEDED


def test_the_dispatchers_role_reads_the_trace_and_writes_none(academy: Tenant) -> None:
    with contextlib.closing(connect()) as connection:
        connection.execute("SELECT traceparent FROM pool.jobs_job")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE pool.jobs_job SET traceparent = ''")


def test_a_delivery_without_a_trace_is_as_before(academy: Tenant, spans: Spans) -> None:
    job = enqueued(academy)
    delivery(job).run()
    assert spans.one("job.run").links == ()
