"""The sweeper: what a dead worker or a lost message left behind is queued again, nothing else is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from django.utils import timezone

from academy.jobs.dispatcher import LEASE_GRACE_SECONDS, RESEND_AFTER_SECONDS, connect, sweep_once
from academy.jobs.models import JobState
from tests.db.kernel import fresh, new_job
from tests.factories import make_academy

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def connection(committed: None) -> Iterator[psycopg.Connection]:
    with contextlib.closing(connect()) as opened:
        yield opened


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


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_what_is_final_stays_final(connection: psycopg.Connection, state: JobState) -> None:
    job = new_job(make_academy(), state=state, sent_at=ago(10**6), lease_expires_at=ago(10**6))
    assert sweep_once(connection) == 0
    assert fresh(job).state == state


def test_every_academy_is_swept(connection: psycopg.Connection) -> None:
    for slug in ("hana", "duri"):
        new_job(make_academy(slug), state=JobState.RUNNING, attempt=1, lease_expires_at=ago(100))
    assert sweep_once(connection) == 2
