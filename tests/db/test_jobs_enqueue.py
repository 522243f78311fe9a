"""Enqueueing writes a row and rings the dispatcher at commit, and does nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from unittest import mock

import psycopg
import pytest
from django.db import transaction

from academy.jobs.backend import DOORBELL, job_kinds
from academy.jobs.dispatcher import connect
from academy.jobs.errors import KindNotIncluded
from academy.jobs.models import Job, JobState
from academy.tenancy.context import acting_for
from academy.tenancy.errors import NoActingTenant
from academy.tenancy.models import Tenant
from apps.exams.tasks import open_batch, read_scan
from tests.factories import make_academy, make_plan


@pytest.fixture
def bell(committed: None) -> Iterator[psycopg.Connection]:
    with contextlib.closing(connect()) as listening:
        listening.execute(f"LISTEN {DOORBELL}")
        yield listening


def rings(bell: psycopg.Connection, *, timeout_seconds: float) -> list[str]:
    return [ring.payload for ring in bell.notifies(timeout=timeout_seconds, stop_after=1)]


@pytest.mark.django_db
def test_a_job_is_a_row_with_ids_only() -> None:
    with acting_for(make_academy()), transaction.atomic():
        result = read_scan.enqueue(7)
        job = Job.objects.get(pk=int(result.id))
    assert (job.kind, job.queue, job.state) == ("exams.read_scan", "basic", JobState.QUEUED)
    assert job.arguments == {"args": [7], "kwargs": {}}
    assert (job.attempt, job.max_attempts) == (0, 3)


@pytest.mark.django_db
def test_enqueueing_speaks_to_no_queue() -> None:
    with mock.patch("academy.jobs.queues.boto3.client") as made, acting_for(make_academy()), transaction.atomic():
        read_scan.enqueue(7)
    made.assert_not_called()


def test_the_bell_rings_at_commit_and_not_before(bell: psycopg.Connection) -> None:
    with acting_for(make_academy()), transaction.atomic():
        read_scan.enqueue(1)
        read_scan.enqueue(2)
        assert rings(bell, timeout_seconds=0) == []
    assert rings(bell, timeout_seconds=10) == [""]
    assert rings(bell, timeout_seconds=0) == []  # one ring for the whole transaction


def test_what_is_rolled_back_rings_nothing_and_leaves_no_row(bell: psycopg.Connection) -> None:
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        read_scan.enqueue(1)
        transaction.set_rollback(True)
    assert rings(bell, timeout_seconds=0) == []
    with acting_for(tenant), transaction.atomic():
        assert not Job.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(("plan", "queue"), [("basic", "basic"), ("premium", "premium")])
def test_the_plan_routes_each_kind(plan: str, queue: str) -> None:
    with acting_for(make_academy(plan=plan)), transaction.atomic():
        jobs = [read_scan.enqueue(1), open_batch.enqueue(1)]
        found = Job.objects.filter(pk__in=[int(job.id) for job in jobs])
        assert {job.queue for job in found} == {queue}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "job_kinds",
    [
        {},
        {"exams.open_batch": "basic"},
        {"exams.read_scan": "lite"},  # a tier that cannot run it
        {"exams.read_scan": "video"},
        {"exams.read_scan": None},
        {"exams.read_scan": ""},
        {"exams.read_scan": "gold"},
        {"exams.read_scan": ["basic"]},
    ],
)
def test_a_kind_that_the_plan_does_not_cover_is_refused_never_downgraded(job_kinds: dict[str, str]) -> None:
    make_plan("odd", job_kinds)
    tenant = make_academy(plan="odd")
    with acting_for(tenant), transaction.atomic():
        with pytest.raises(KindNotIncluded):
            read_scan.enqueue(1)
        assert not Job.objects.exists()


@pytest.mark.django_db
def test_nobody_acting_can_enqueue_nothing() -> None:
    with pytest.raises(NoActingTenant):
        read_scan.enqueue(1)


def test_every_kind_has_a_name_a_tier_and_a_time_limit() -> None:
    kinds = job_kinds()
    assert {"exams.read_scan", "exams.open_batch"} <= set(kinds)
    for name, task in kinds.items():
        assert task.kind == name
        assert 0 < task.time_limit_seconds <= 1800
        assert task.max_attempts >= 1


@pytest.mark.django_db
def test_a_job_stays_in_its_academy() -> None:
    hana, duri = make_academy("hana"), make_academy("duri")
    with acting_for(hana), transaction.atomic():
        job = read_scan.enqueue(1)
    with acting_for(duri), transaction.atomic():
        assert not Job.objects.filter(pk=int(job.id)).exists()
    assert isinstance(duri, Tenant)
