"""What operators see across academies: counts, codes and states. No name, phone, file or answer of anybody."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from psycopg import sql

from academy.audits.report import PURPOSE
from academy.audits.signing import is_genuine
from academy.jobs.dispatcher import connect, schemas
from academy.jobs.queues import Tier, dead_letter_name, queue_name, queue_url, sqs_client
from academy.storage import s3

WAITING: Final = "ApproximateNumberOfMessages"
IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
MAX_REPORT_BYTES: Final = 4 * 1024 * 1024
_COUNTS: Final = """
    SELECT tenant_id, queue, state, count(*) FROM jobs_job
    WHERE state IN ('queued', 'sent', 'running')
    GROUP BY tenant_id, queue, state
"""


@dataclass(frozen=True, slots=True)
class UnfinishedJobs:
    """How many jobs of one academy wait or run in one queue."""

    tenant_id: int
    queue: str
    state: str
    count: int


def unfinished_jobs() -> list[UnfinishedJobs]:
    """Of every academy, as the dispatcher's role: it sees job rows, and of them neither arguments nor results.

    Raises ``psycopg.Error`` when that role cannot connect.
    """
    found: list[UnfinishedJobs] = []
    with contextlib.closing(connect()) as connection:
        for schema in schemas(connection):
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
                found += [UnfinishedJobs(*row) for row in connection.execute(_COUNTS)]
    return found


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """Messages of one queue as SQS counts them, roughly; ``None`` where it did not answer."""

    tier: str
    name: str
    waiting: int | None
    in_flight: int | None
    dead: int | None


def queue_depths() -> list[QueueDepth]:
    """One line for each queue."""
    return [_depth(tier) for tier in Tier]


def _depth(tier: Tier) -> QueueDepth:
    client = sqs_client()
    try:
        live = client.get_queue_attributes(QueueUrl=queue_url(tier), AttributeNames=[WAITING, IN_FLIGHT])["Attributes"]
        dead_url = client.get_queue_url(QueueName=dead_letter_name(tier))["QueueUrl"]
        dead = client.get_queue_attributes(QueueUrl=dead_url, AttributeNames=[WAITING])["Attributes"]
    except (BotoCoreError, ClientError):
        return QueueDepth(tier.value, queue_name(tier), None, None, None)
    return QueueDepth(tier.value, queue_name(tier), int(live[WAITING]), int(live[IN_FLIGHT]), int(dead[WAITING]))


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The newest report of the audit of isolation, and whether its signature fits."""

    name: str
    is_genuine: bool
    content: dict[str, Any]


def newest_audit() -> AuditReport | None:
    """``None`` when there is no report yet. Raises botocore's errors when S3 does not answer."""
    names = [key for key in s3.prefixes_below(f"{s3.PLATFORM_PREFIX}audits/") if key.endswith(".json")]
    if not names:
        return None
    name = max(names).removeprefix(s3.PLATFORM_PREFIX)  # they begin with their time
    try:
        content = json.loads(s3.read_platform_object(name, max_bytes=MAX_REPORT_BYTES))
    except (ValueError, s3.ObjectMissing):
        return AuditReport(name, False, {})
    if not isinstance(content, dict):
        return AuditReport(name, False, {})
    return AuditReport(name, is_genuine(content, purpose=PURPOSE), content)
