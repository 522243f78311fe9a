"""What operators do to the jobs of any academy, from the command line.

There is one way across academies: which jobs there are, the dispatcher's role says, who sees no arguments and no
results; whatever is then read or written of a job is done acting for its one academy, and every write is logged with
who did it. Of all this only the counts are reachable over HTTP, by operators.
"""

from __future__ import annotations

import contextlib
import getpass
import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, LiteralString

import psycopg
from django.db import transaction
from django.db.models.functions import Now
from psycopg import sql

from academy.jobs.backend import ring_dispatcher
from academy.jobs.dispatcher import connect, schemas
from academy.jobs.message import JobMessage, MalformedMessage
from academy.jobs.models import FINAL_STATES, Job, JobState
from academy.jobs.queues import LONG_POLL_SECONDS, Tier, dead_letter_url, queue_url, sqs_client
from academy.jobs.services import cancel_job, retry_job
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant

if TYPE_CHECKING:
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger("academy.operators")

BATCH: Final = 10  # messages: what SQS gives in one call
HOLD_SECONDS: Final = 300
"""For so long a redrive keeps a message from another; killed in the middle, what it held is there again then."""

_COUNTS: Final[Sequence[QueueAttributeNameType]] = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
)
_LOAD: Final = """
    SELECT tenant_id, queue, count(*) FILTER (WHERE state = 'queued'), count(*) FILTER (WHERE state = 'sent'),
        count(*) FILTER (WHERE state = 'running'),
        coalesce(extract(epoch FROM now() - min(available_at) FILTER (WHERE state IN ('queued', 'sent'))), 0)::float8
    FROM jobs_job WHERE state IN ('queued', 'sent', 'running') GROUP BY tenant_id, queue
"""
_FIND: Final = """
    SELECT id, tenant_id FROM jobs_job
    WHERE (%(id)s::bigint IS NULL OR id = %(id)s) AND (%(tenant)s::bigint IS NULL OR tenant_id = %(tenant)s)
        AND (%(state)s::text IS NULL OR state = %(state)s) AND (%(kind)s::text IS NULL OR kind = %(kind)s)
        AND (%(queue)s::text IS NULL OR queue = %(queue)s)
    ORDER BY id DESC LIMIT %(limit)s
"""


class NoSuchJob(Exception):
    """No academy has a job of this number."""


@dataclass(slots=True)
class Load:
    """What waits and runs of one tier, or of one academy in it. Ages in seconds, of what is due and waits longest."""

    queued: int = 0
    sent: int = 0
    running: int = 0
    oldest_seconds: float = 0.0

    def add(self, other: Load) -> None:
        self.queued += other.queued
        self.sent += other.sent
        self.running += other.running
        self.oldest_seconds = max(self.oldest_seconds, other.oldest_seconds)


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """What SQS says of one tier: messages that wait, that workers hold, and dead letters. Approximate, as SQS's are."""

    waiting: int
    in_flight: int
    dead: int


def queue_counts(tier: Tier) -> QueueCounts:
    waiting, in_flight = _counts(queue_url(tier))
    return QueueCounts(waiting, in_flight, sum(_counts(dead_letter_url(tier))))


def _counts(url: str) -> tuple[int, int]:
    attributes = sqs_client().get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))["Attributes"]
    return int(attributes[_COUNTS[0]]), int(attributes[_COUNTS[1]])


def load_by_tenant(connection: psycopg.Connection) -> dict[tuple[int, Tier], Load]:
    """What waits and runs, by academy and tier, in every schema; asked as the dispatcher."""
    found: dict[tuple[int, Tier], Load] = {}
    for row in _in_every_schema(connection, _LOAD, {}):
        tenant, queue, queued, sent, running, age = row
        found.setdefault((int(tenant), Tier(queue)), Load()).add(Load(queued, sent, running, max(age, 0.0)))
    return found


def load_by_tier(connection: psycopg.Connection) -> dict[Tier, Load]:
    total = {tier: Load() for tier in Tier}
    for (_, tier), load in load_by_tenant(connection).items():
        total[tier].add(load)
    return total


def find_jobs(
    *,
    tenant: Tenant | None = None,
    state: str | None = None,
    kind: str | None = None,
    queue: str | None = None,
    limit: int = 50,
) -> list[Job]:
    """Jobs of any academy, newest first."""
    asked = {"id": None, "tenant": tenant.pk if tenant else None, "state": state, "kind": kind, "queue": queue}
    with contextlib.closing(connect()) as connection:
        rows = sorted(_in_every_schema(connection, _FIND, {**asked, "limit": limit}), reverse=True)[:limit]
    tenants = Tenant.objects.in_bulk({owner for _, owner in rows})
    jobs: list[Job] = []
    for job_id, owner in rows:
        with acting_for(tenants[owner]), transaction.atomic():
            jobs += list(Job.objects.filter(pk=job_id).defer("arguments", "result"))
    return jobs


def tenant_of_job(job_id: int) -> Tenant:
    """Raises ``NoSuchJob``."""
    asked = {"id": job_id, "tenant": None, "state": None, "kind": None, "queue": None, "limit": 1}
    with contextlib.closing(connect()) as connection:
        for _, owner in _in_every_schema(connection, _FIND, asked):
            return Tenant.objects.select_related("plan").get(pk=owner)
    raise NoSuchJob(f"there is no job {job_id}")


def show_job(job_id: int) -> Job:
    """One job of whichever academy. Raises ``NoSuchJob``."""
    tenant = tenant_of_job(job_id)
    with acting_for(tenant), transaction.atomic():
        job: Job | None = Job.objects.filter(pk=job_id).defer("arguments", "result").first()
    if job is None:
        raise NoSuchJob(f"there is no job {job_id}")
    return job


def cancel_any(job_id: int) -> Job:
    """Cancel a job of whichever academy. Raises ``NoSuchJob`` and ``JobFinished``."""
    tenant = tenant_of_job(job_id)
    _note("cancels", tenant, job_id)
    with acting_for(tenant), transaction.atomic():
        return cancel_job(job_id=job_id)


def retry_any(job_id: int) -> Job:
    """Run a job of whichever academy again; it does not count against the academy's day.

    Raises ``NoSuchJob``, ``JobNotOver`` and ``KindNotIncluded``.
    """
    tenant = tenant_of_job(job_id)
    _note("runs again", tenant, job_id)
    with acting_for(tenant), transaction.atomic():
        return retry_job(job_id=job_id, is_counted=False)


def _note(deed: str, tenant: Tenant, job_id: int) -> None:
    logger.warning("operator %s %s job %d of academy %s", getpass.getuser(), deed, job_id, tenant.slug)


def _in_every_schema(
    connection: psycopg.Connection, statement: LiteralString, parameters: Mapping[str, object]
) -> Iterator[tuple[Any, ...]]:
    for schema in schemas(connection):
        with connection.transaction():
            connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
            yield from connection.execute(statement, parameters).fetchall()


# ---------------------------------------------------------------- dead letters


@dataclass(slots=True)
class Redriven:
    """What became of dead letters, by what was found: see ``redrive``."""

    by_outcome: Counter[str] = field(default_factory=Counter)

    @property
    def seen(self) -> int:
        return self.by_outcome.total()


REQUEUED: Final = "requeued"
UNDER_WAY: Final = "under way, deleted"
FINISHED: Final = "finished, deleted"
FORGED: Final = "forged, left"
OTHER: Final = "not asked for, left"


def redrive(
    tier: Tier,
    *,
    kind: str | None = None,
    tenant: Tenant | None = None,
    limit: int | None = None,
    is_dry: bool = False,
) -> Redriven:
    """Have the jobs of dead letters run again. Doing it twice, or being killed in the middle, does no harm.

    A letter only says whose turn it was; the job's row says what is to be done:

    * SENT, so the letter was its only message: QUEUED, for the dispatcher to send; then the letter is deleted;
    * QUEUED or RUNNING: its row already sees to it that it goes on; the letter is deleted;
    * finished: the letter is deleted (``jobs retry`` is what runs a failed job again);
    * no such job of that academy, or no message of ours: left where it is, and counted.

    The row is committed before the letter is deleted. At most ``limit`` letters that fit are treated.
    """
    url, found = dead_letter_url(tier), Redriven()
    kept: list[str] = []
    treated = 0
    try:
        while limit is None or treated < limit:
            asked = BATCH if limit is None else min(BATCH, limit - treated)
            messages = (
                sqs_client()
                .receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=asked,
                    WaitTimeSeconds=min(1, LONG_POLL_SECONDS),
                    VisibilityTimeout=HOLD_SECONDS,
                )
                .get("Messages", [])
            )
            if not messages:
                break
            for message in messages:
                kept.append(message["ReceiptHandle"])
                outcome = _redrive_one(message, kind=kind, tenant=tenant, is_dry=is_dry)
                found.by_outcome[outcome] += 1
                treated += outcome != OTHER
                if outcome not in (FORGED, OTHER) and not is_dry:
                    sqs_client().delete_message(QueueUrl=url, ReceiptHandle=kept.pop())
    finally:
        _let_go(url, kept)
    if not is_dry:
        logger.warning("operator %s redrives %s: %s", getpass.getuser(), tier, dict(found.by_outcome))
    return found


def _redrive_one(message: MessageTypeDef, *, kind: str | None, tenant: Tenant | None, is_dry: bool) -> str:
    try:
        letter = JobMessage.from_body(message.get("Body", ""))
    except MalformedMessage:
        return FORGED
    if tenant is not None and letter.tenant_id != tenant.pk:
        return OTHER
    owner = Tenant.objects.filter(pk=letter.tenant_id).first()
    if owner is None:
        return FORGED
    with acting_for(owner), transaction.atomic():
        rows = Job.objects.filter(pk=letter.job_id)
        row = rows.values_list("kind", "state").first()
        if row is None:
            return FORGED
        if kind is not None and row[0] != kind:
            return OTHER
        if row[1] in FINAL_STATES:
            return FINISHED
        if row[1] != JobState.SENT:
            return UNDER_WAY
        if is_dry:
            return REQUEUED
        requeued = rows.filter(state=JobState.SENT).update(state=JobState.QUEUED, available_at=Now(), sent_at=None)
        ring_dispatcher()
        return REQUEUED if requeued else UNDER_WAY


def _let_go(url: str, handles: list[str]) -> None:
    """Show the messages again at once."""
    for start in range(0, len(handles), BATCH):
        sqs_client().change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[start : start + BATCH])
            ],
        )
