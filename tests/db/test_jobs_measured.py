"""What is counted about jobs: every attempt by its outcome, every redelivery, and the queues as they stand."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import urllib.request
from datetime import timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import pytest
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from academy.audits.measuring import AuditMetrics
from academy.audits.models import AuditRun
from academy.jobs import measuring
from academy.jobs.compute import ComputeRefused
from academy.jobs.measuring import OUTCOMES, SERVICE_SECONDS, TRIES, WAIT_SECONDS, QueueMetrics
from academy.jobs.models import Job, JobState
from academy.jobs.queues import MAX_RECEIVE_COUNT
from academy.jobs.runner import JobRun
from academy.jobs.services import cancel_job
from academy.metrics.process import address_of, serve_metrics
from academy.tenancy.context import acting_for
from tests.db.kernel import FakeSandbox, body_of, change, delivery, new_job, use_test_kinds
from tests.factories import World, make_academy

KIND, TIER = "tests.compute", "basic"


@pytest.fixture
def job(db: None, monkeypatch: pytest.MonkeyPatch) -> Job:
    use_test_kinds(monkeypatch)
    return new_job(make_academy(), available_at=timezone.now() - timedelta(seconds=90))


def samples(metric: object, suffix: str, **labels: str) -> float:
    registry = CollectorRegistry()
    registry.register(metric)  # type: ignore[arg-type]
    found = next(iter(registry.collect())).samples
    wanted = {"kind": KIND, "tier": TIER, **labels}
    return sum(one.value for one in found if one.name.endswith(suffix) and wanted.items() <= one.labels.items())


def outcomes(outcome: str) -> float:
    return samples(OUTCOMES, "_total", outcome=outcome)


def refuse(*_: object) -> None:
    raise ComputeRefused("UnreadableSheet", "blurred", "Too blurred.")


def break_down(*_: object) -> None:
    raise RuntimeError("a bug")


def test_a_success_is_counted_with_its_wait_and_its_tries(job: Job) -> None:
    before = outcomes("succeeded"), samples(WAIT_SECONDS, "_sum"), samples(SERVICE_SECONDS, "_count")
    tries = samples(TRIES, "_count")
    delivery(job).run()
    assert outcomes("succeeded") == before[0] + 1
    assert 89 < samples(WAIT_SECONDS, "_sum") - before[1] < 300
    assert samples(SERVICE_SECONDS, "_count") == before[2] + 1
    assert samples(TRIES, "_count") == tries + 1


@pytest.mark.parametrize(("answer", "outcome"), [(refuse, "failed"), (break_down, "queued")])
def test_a_failure_is_counted_by_what_follows(job: Job, answer: object, outcome: str) -> None:
    before = outcomes(outcome)
    delivery(job, FakeSandbox(answer)).run()  # type: ignore[arg-type]
    assert outcomes(outcome) == before + 1


def test_a_cancel_a_hand_back_and_an_overtaking_are_told_apart(job: Job) -> None:
    before = {name: outcomes(name) for name in ("cancelled", "sent", "overtaken")}
    run = delivery(job)
    run.abandon()
    run.run()
    delivery(job, FakeSandbox(lambda *_: change(job, attempt=9))).run()
    change(job, state=JobState.SENT, lease_expires_at=None, spent_attempts=9)

    def cancel(*_: object) -> None:
        with acting_for(job.tenant):
            cancel_job(job_id=job.pk)

    delivery(job, FakeSandbox(cancel)).run()
    assert {name: outcomes(name) - count for name, count in before.items()} == dict.fromkeys(before, 1)


@pytest.mark.parametrize(("receive_count", "again", "nearly_dead"), [(1, 0, 0), (2, 1, 0), (MAX_RECEIVE_COUNT, 1, 1)])
def test_redeliveries_are_counted_and_a_nearly_dead_message_is_logged(
    job: Job, receive_count: int, again: int, nearly_dead: int, caplog: pytest.LogCaptureFixture
) -> None:
    def now() -> tuple[float, float]:
        return measuring.REDELIVERIES._value.get(), measuring.NEARLY_DEAD._value.get()

    before = now()
    with caplog.at_level(logging.WARNING, "academy.jobs.measuring"):
        JobRun(body_of(job), receive_count, FakeSandbox()).run()
    assert now() == (before[0] + again, before[1] + nearly_dead)
    assert len(caplog.records) == nearly_dead


# ---------------------------------------------------------------- the queues


def values_of(collector: object) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(collector)  # type: ignore[arg-type]
    return {
        f"{one.name}{json.dumps(one.labels, sort_keys=True)}": one.value
        for metric in registry.collect()
        for one in metric.samples
    }


@pytest.mark.usefixtures("aws")
def test_the_queues_are_shown_by_tier(committed_world: World) -> None:
    queued = 'academy_queue_jobs{"state": "queued", "tier": "basic"}'
    of_the_world = values_of(QueueMetrics())[queued]
    new_job(committed_world.hana.tenant, available_at=timezone.now() - timedelta(seconds=700))
    found = values_of(QueueMetrics())
    assert found[queued] == of_the_world + 1
    assert 699 < found['academy_queue_oldest_seconds{"tier": "basic"}'] < 1200
    assert found['academy_queue_messages{"state": "dead", "tier": "video"}'] == 0
    assert found['academy_queue_is_read{"source": "database"}'] == found['academy_queue_is_read{"source": "sqs"}'] == 1
    assert not any("hana" in name or "tenant" in name for name in found)


@pytest.mark.usefixtures("aws")
def test_the_queues_are_asked_about_now_and_then(committed_world: World) -> None:
    patient, eager = QueueMetrics(cached_seconds=1000), QueueMetrics(cached_seconds=0)
    name = 'academy_queue_jobs{"state": "queued", "tier": "basic"}'
    before = values_of(patient)[name], values_of(eager)[name]
    new_job(committed_world.hana.tenant)
    assert values_of(patient)[name] == before[0]
    assert values_of(eager)[name] == before[1] + 1


@pytest.mark.usefixtures("aws")
def test_a_database_that_does_not_answer_is_shown_as_such(committed: None, settings: object) -> None:
    settings.DISPATCHER_DATABASE_URL = "postgresql://nobody:x@127.0.0.1:1/none"  # type: ignore[attr-defined]
    found = values_of(QueueMetrics())
    assert found['academy_queue_is_read{"source": "database"}'] == 0
    assert found['academy_queue_is_read{"source": "sqs"}'] == 1
    assert not any(name.startswith("academy_queue_jobs") for name in found)


def test_the_last_audit_is_shown_with_its_age(db: None) -> None:
    assert values_of(AuditMetrics()) == {}
    AuditRun.objects.create(seconds=2.0, problem_count=0, finished_at=timezone.now() - timedelta(days=3))
    AuditRun.objects.create(seconds=1.5, problem_count=4, finished_at=timezone.now() - timedelta(hours=2))
    found = values_of(AuditMetrics())
    assert found["academy_isolation_last_problems{}"] == 4
    assert 7199 < found["academy_isolation_last_age_seconds{}"] < 8000


# ---------------------------------------------------------------- how they are read


@pytest.mark.parametrize("bind", ["", "9464", ":9464", "host:", "host:0", "host:65536", "host:x", "host:９"])
def test_what_is_no_address_is_refused(bind: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        address_of(bind)


COUNTING = """
import django
from django.conf import settings
settings.configure()
from academy.metrics.web import REQUESTS
REQUESTS.labels("job", "GET", "200").inc({count})
"""


def test_processes_that_take_turns_in_a_place_count_on_and_are_added_up(tmp_path: Path) -> None:
    for slot, count in (("0", 2), ("1", 5), ("0", 10)):
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "METRICS_SLOT": slot}
        subprocess.run([sys.executable, "-c", COUNTING.format(count=count)], env=environment, check=True)
    assert sorted(file.name for file in tmp_path.glob("counter_*")) == ["counter_0.db", "counter_1.db"]
    server = serve_metrics_somewhere(str(tmp_path))
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics").read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert 'academy_http_requests_total{endpoint="job",method="GET",status="200"} 17.0' in text


def serve_metrics_somewhere(of_folder: str | None) -> WSGIServer:
    from tests.environment import _free_port

    return serve_metrics(f"127.0.0.1:{_free_port()}", of_folder=of_folder)


def test_a_workers_own_numbers_are_read(job: Job) -> None:
    delivery(job).run()
    server = serve_metrics_somewhere(None)
    try:
        text = urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics").read()
    finally:
        server.shutdown()
        server.server_close()
    assert b"academy_job_outcomes_total" in text
    assert b"academy_job_outcomes_total" in generate_latest()
