"""The dispatcher: the only sender. It moves committed jobs from their rows to SQS, and puts back what got stuck.

It works across academies, which nothing else may: on a connection and a role of its own, whose policy covers the job
table and whose column rights show no arguments and no results. Any number may run; one works at a time.
"""

from __future__ import annotations

import contextlib
import logging
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from psycopg import sql

from academy.jobs.backend import DOORBELL
from academy.jobs.message import TRACEPARENT, JobMessage
from academy.jobs.queues import Tier, is_empty, queue_url, sqs_client
from academy.tenancy.models import POOL_SCHEMA
from academy.traces.spans import Role, begin

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

# At most this many messages of one academy wait in one queue, so that whoever comes next waits for at most this many
# jobs of each other academy, and for what runs. Those that run do not count: an academy alone may fill every slot.
MAX_WAITING_PER_TENANT: Final = 10
BATCH: Final = 10  # messages: what SQS takes in one call
ROUND_LIMIT: Final = 500  # jobs sent in one transaction
POLL_SECONDS: Final = 1.0  # how late a job is noticed when its ring was missed
SWEEP_SECONDS: Final = 5.0
RECOVERY_SECONDS: Final = (0.5, 2.0)  # between two tries where the database, or a round, has failed
# A ring that comes sooner than this after the last round waits, so that a busy queue is served in batches.
ROUND_SECONDS: Final = 0.02
# A lease may be this much over before the sweeper acts: the heartbeat may be late by a round trip.
LEASE_GRACE_SECONDS: Final = 5.0
# A message that was sent but never claimed for so long is taken for lost. Sending twice is harmless. Where the queue
# is empty it is known to be lost, and sent again after a visibility time-out.
RESEND_AFTER_SECONDS: Final = 3600.0
DISPATCH_LOCK: Final = 7_244_002

_SCHEMA_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")

_ADMISSIBLE: Final = """
    SELECT due.id, due.tenant_id, due.queue, due.traceparent
    FROM (
        SELECT tenant_id, queue, count(*) FILTER (WHERE state = 'sent') AS sent
        FROM jobs_job
        WHERE state IN ('queued', 'sent')
        GROUP BY tenant_id, queue
    ) AS load
    CROSS JOIN LATERAL (
        SELECT id, tenant_id, queue, traceparent, row_number() OVER (ORDER BY id) AS place
        FROM (
            SELECT id, tenant_id, queue, traceparent
            FROM jobs_job
            WHERE tenant_id = load.tenant_id AND queue = load.queue AND state = 'queued' AND available_at <= now()
            ORDER BY id
            LIMIT greatest(%(cap)s - load.sent, 0)
            FOR UPDATE SKIP LOCKED
        ) AS waiting
    ) AS due
    ORDER BY due.place, due.id
    LIMIT %(limit)s
"""
_MARK_SENT: Final = "UPDATE jobs_job SET state = 'sent', sent_at = now() WHERE id = ANY(%s) AND state = 'queued'"
# A worker that died with a job that somebody had cancelled cannot say so any more.
_END_CANCELLED: Final = """
    UPDATE jobs_job SET state = 'cancelled', lease_expires_at = NULL, finished_at = now()
    WHERE cancel_requested_at IS NOT NULL AND state IN ('queued', 'sent', 'running')
        AND (state <> 'running' OR lease_expires_at < now() - make_interval(secs => %s))
"""
_PUT_BACK_EXPIRED: Final = """
    UPDATE jobs_job SET state = 'queued', lease_expires_at = NULL
    WHERE state = 'running' AND lease_expires_at < now() - make_interval(secs => %s)
"""
_PUT_BACK_UNCLAIMED: Final = """
    UPDATE jobs_job SET state = 'queued'
    WHERE state = 'sent' AND (
        sent_at < now() - make_interval(secs => %(resend)s)
        OR (queue = ANY(%(empty)s) AND sent_at < now() - make_interval(secs => %(visibility)s))
    )
"""
_QUEUES_OF_UNCLAIMED: Final = """
    SELECT DISTINCT queue FROM jobs_job
    WHERE state = 'sent' AND sent_at < now() - make_interval(secs => %s)
"""


@dataclass(frozen=True, slots=True)
class _Due:
    message: JobMessage
    tier: Tier
    traceparent: str = ""


def connect() -> psycopg.Connection:
    """A connection as the dispatcher's role, in autocommit mode so that it can listen."""
    return psycopg.connect(
        settings.DISPATCHER_DATABASE_URL, autocommit=True, connect_timeout=5, application_name="academy-dispatcher"
    )


def schemas(connection: psycopg.Connection) -> list[str]:
    """The pool and every silo."""
    rows = connection.execute("SELECT DISTINCT schema_name FROM public.tenancy_tenant WHERE isolation = 'silo'")
    return [POOL_SCHEMA, *(name for (name,) in rows if _SCHEMA_NAME.match(name))]


def dispatch_once(connection: psycopg.Connection) -> int:
    """Send what is due in every schema. Returns how many messages went out; 0 while another dispatcher works.

    The rows stay locked while SQS is called: a crash in between leaves them queued, to be sent again.
    """
    return sum(_dispatch_schema(connection, schema) for schema in schemas(connection))


def _dispatch_schema(connection: psycopg.Connection, schema: str) -> int:
    with connection.transaction():
        if not _enter(connection, schema):
            return 0
        rows = connection.execute(_ADMISSIBLE, {"cap": MAX_WAITING_PER_TENANT, "limit": ROUND_LIMIT}).fetchall()
        due = [_Due(JobMessage(job_id=job, tenant_id=tenant), Tier(queue), trace) for job, tenant, queue, trace in rows]
        sent = _send(due)
        if sent:
            connection.execute(_MARK_SENT, [sent])
        return len(sent)


def sweep_once(connection: psycopg.Connection) -> int:
    """Put back jobs whose worker died or whose message was lost, and end those that were cancelled meanwhile.

    Returns how many were put back.
    """
    put_back = 0
    for schema in schemas(connection):
        with connection.transaction():
            if not _enter(connection, schema):
                continue
            connection.execute(_END_CANCELLED, [LEASE_GRACE_SECONDS])
            put_back += connection.execute(_PUT_BACK_EXPIRED, [LEASE_GRACE_SECONDS]).rowcount
            unclaimed = connection.execute(_QUEUES_OF_UNCLAIMED, [settings.JOB_VISIBILITY_SECONDS]).fetchall()
            ages = {"resend": RESEND_AFTER_SECONDS, "visibility": settings.JOB_VISIBILITY_SECONDS}
            empty = [queue for (queue,) in unclaimed if _is_empty(Tier(queue))]
            put_back += connection.execute(_PUT_BACK_UNCLAIMED, {**ages, "empty": empty}).rowcount
    if put_back:
        logger.warning("put back %d jobs whose worker or message was lost", put_back)
    return put_back


def _is_empty(tier: Tier) -> bool:
    try:
        return is_empty(tier)
    except (BotoCoreError, ClientError) as error:
        logger.warning("SQS did not say how many messages %s holds: %s", tier, error)
        return False


def _enter(connection: psycopg.Connection, schema: str) -> bool:
    """Work in ``schema`` until the transaction ends; ``False`` when another dispatcher does."""
    connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", [DISPATCH_LOCK, schema]).fetchone()
    return bool(row and row[0])


def _send(due: list[_Due]) -> list[int]:
    """The ids of the jobs that SQS has accepted. What it has not stays queued for the next round."""
    by_tier: dict[Tier, list[_Due]] = defaultdict(list)
    for item in due:
        by_tier[item.tier].append(item)
    sent: list[int] = []
    for tier, items in by_tier.items():
        for start in range(0, len(items), BATCH):
            chunk = items[start : start + BATCH]
            try:
                with _traced(chunk) as traceparents:
                    answer = sqs_client().send_message_batch(
                        QueueUrl=queue_url(tier),
                        Entries=[_entry(item.message, traceparents.get(item.message.job_id)) for item in chunk],
                    )
            except (BotoCoreError, ClientError) as error:
                logger.warning("SQS did not take %d messages for %s: %s", len(chunk), tier, error)
                return sent
            sent += [int(entry["Id"]) for entry in answer.get("Successful", [])]
            for failure in answer.get("Failed", []):
                logger.warning("SQS refused job %s: %s", failure["Id"], failure.get("Message"))
    return sent


def _entry(message: JobMessage, traceparent: str | None) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(message.job_id),
        "MessageBody": message.to_body(),
        "MessageGroupId": str(message.tenant_id),
    }
    if traceparent:
        entry["MessageAttributes"] = {TRACEPARENT: {"DataType": "String", "StringValue": traceparent}}
    return entry


@contextmanager
def _traced(chunk: list[_Due]) -> Iterator[dict[int, str]]:
    """A span for each job while they are sent together; gives what each message carries on of its trace.

    A dispatcher that records nothing hands on what the row says.
    """
    spans = {
        item.message.job_id: begin(
            "job.send",
            role=Role.PRODUCER,
            follows=item.traceparent,
            job_id=item.message.job_id,
            tenant_id=item.message.tenant_id,
            tier=item.tier.value,
        )
        for item in chunk
        if item.traceparent
    }
    handed_on = {item.message.job_id: item.traceparent for item in chunk if item.traceparent}
    try:
        yield handed_on | {job: opened.traceparent for job, opened in spans.items() if opened.traceparent}
    except BaseException as error:
        for opened in spans.values():
            opened.fail(type(error))
        raise
    finally:
        for opened in spans.values():
            opened.end()


def run_forever(stop: threading.Event) -> None:
    """Dispatch at every ring and at least once a second, sweep every five, until ``stop`` is set."""
    while not stop.is_set():
        try:
            with contextlib.closing(connect()) as connection:
                connection.execute(f"LISTEN {DOORBELL}")
                _run_connected(connection, stop)
        except psycopg.Error as error:
            logger.warning("the dispatcher lost its database: %s", error)
        except Exception:  # one bad round must not end the thread that every job waits for
            logger.exception("a round of the dispatcher failed")
        else:
            continue
        stop.wait(random.uniform(*RECOVERY_SECONDS))  # noqa: S311  jitter, not secrecy


def _run_connected(connection: psycopg.Connection, stop: threading.Event) -> None:
    next_sweep = 0.0
    while not stop.is_set():
        if time.monotonic() >= next_sweep:
            sweep_once(connection)
            next_sweep = time.monotonic() + SWEEP_SECONDS
        began = time.monotonic()
        if dispatch_once(connection) >= ROUND_LIMIT:
            continue  # there may be more
        for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
            stop.wait(max(began + ROUND_SECONDS - time.monotonic(), 0))
        for _ in connection.notifies(timeout=0):
            pass  # the next round answers all rings at once
