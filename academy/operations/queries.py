"""What operators see across academies: counts, codes and states. No name, phone, file or answer of anybody."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from academy.audits.report import PURPOSE
from academy.audits.signing import is_genuine
from academy.jobs.dispatcher import connect
from academy.jobs.operating import Load, QueueCounts, load_by_tenant, queue_counts
from academy.jobs.queues import Tier
from academy.storage import s3

MAX_REPORT_BYTES: Final = 4 * 1024 * 1024


def loads() -> dict[tuple[int, Tier], Load]:
    """What waits and runs, by academy and tier. Raises ``psycopg.Error`` when the dispatcher's role cannot connect."""
    with contextlib.closing(connect()) as connection:
        return load_by_tenant(connection)


def counts_by_queue() -> dict[Tier, QueueCounts | None]:
    """What SQS counts of each tier, roughly; ``None`` where it did not answer."""
    return {tier: _counts_of(tier) for tier in Tier}


def _counts_of(tier: Tier) -> QueueCounts | None:
    try:
        return queue_counts(tier)
    except (BotoCoreError, ClientError):
        return None


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
