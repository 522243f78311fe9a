"""The sweeper: what a dead worker or a lost message left behind is queued again, nothing else is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from django.conf import settings
from django.utils import timezone

from academy.jobs import dispatcher
from academy.jobs.dispatcher import LEASE_GRACE_SECONDS, RESEND_AFTER_SECONDS, connect, sweep_once
from academy.jobs.models import JobState
from academy.jobs.queues import Tier
from tests.db.kernel import change, fresh, new_job
from tests.factories import make_academy

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def connection(committed: None) -> Iterator[psycopg.Connection]:
    with contextlib.closing(connect()) as opened:
        yield opened


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> set[Tier]:
    """The queues in which SQS counts no message; the others hold some."""
    found: set[Tier] = set()
    monkeypatch.setattr(dispatcher, "is_empty", lambda tier: tier in found)
    return found


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def test_a_job_whose_lease_ran_out_is_queued_again(connection: psycopg.Connection) -> None:
    expired = ago(LEASE_GRACE_SECONDS + 5)
    job = new_job(make_academy(), state=JobState.RUNNING, attempt=1, lease_expires_at=expired)
    assert sweep_once(connection) == 1
    after = fresh(job)
    assert (after.state, after.attempt, after.lease_expires_at) == (JobState.QUEUED, 1, None)
    assert sweep_once(connection) == 0


def test_a_heartbeat_that_is_a_little_late_loses_nothing(connection: psycopg.Connection) -> None:
    job = new_job(make_academy(), state=JobState.RUNNING, attempt=1, lease_expires_at=ago(1))
    assert sweep_once(connection) == 0
    assert fresh(job).state == JobState.RUNNING


def test_a_message_that_was_never_claimed_is_sent_again(connection: psycopg.Connection) -> None:
    tenant = make_academy()
    lost = new_job(tenant, state=JobState.SENT, sent_at=ago(RESEND_AFTER_SECONDS + 60))
    waiting = new_job(tenant, state=JobState.SENT, sent_at=ago(RESEND_AFTER_SECONDS - 60))
    assert sweep_once(connection) == 1
    assert (fresh(lost).state, fresh(waiting).state) == (JobState.QUEUED, JobState.SENT)


def test_what_was_sent_to_a_queue_that_is_empty_is_lost(connection: psycopg.Connection, empty: set[Tier]) -> None:
    tenant = make_academy()
    a_while_ago = ago(settings.JOB_VISIBILITY_SECONDS + 5)
    lost = new_job(tenant, state=JobState.SENT, sent_at=a_while_ago)
    just_sent = new_job(tenant, state=JobState.SENT, sent_at=ago(5))
    elsewhere = new_job(tenant, state=JobState.SENT, sent_at=a_while_ago)
    change(elsewhere, queue="premium")
    running = new_job(tenant, state=JobState.RUNNING, attempt=1, sent_at=a_while_ago, lease_expires_at=ago(-60))
    assert sweep_once(connection) == 0
    empty.add(Tier.BASIC)
    assert sweep_once(connection) == 1
    assert fresh(lost).state == JobState.QUEUED
    assert (fresh(just_sent).state, fresh(elsewhere).state) == (JobState.SENT, JobState.SENT)
    assert fresh(running).state == JobState.RUNNING


def test_sqs_is_not_asked_while_all_is_claimed_in_time(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "is_empty", None)
    new_job(make_academy(), state=JobState.SENT, sent_at=ago(5))
    assert sweep_once(connection) == 0


def test_sqs_that_does_not_say_is_not_taken_for_empty(
    connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Tier) -> bool:
        raise EndpointConnectionError(endpoint_url="sqs")

    monkeypatch.setattr(dispatcher, "is_empty", fail)
    new_job(make_academy(), state=JobState.SENT, sent_at=ago(settings.JOB_VISIBILITY_SECONDS + 5))
    assert sweep_once(connection) == 0


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_what_is_final_stays_final(connection: psycopg.Connection, state: JobState) -> None:
    job = new_job(make_academy(), state=state, sent_at=ago(10**6), lease_expires_at=ago(10**6))
    assert sweep_once(connection) == 0
    assert fresh(job).state == state


def test_every_academy_is_swept(connection: psycopg.Connection) -> None:
    for slug in ("hana", "duri"):
        new_job(make_academy(slug), state=JobState.RUNNING, attempt=1, lease_expires_at=ago(100))
    assert sweep_once(connection) == 2
