"""What is counted about jobs, by kind and tier: as they run in a worker, and as they wait, whenever somebody reads."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterable
from typing import Final

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Counter, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from academy.jobs.dispatcher import connect
from academy.jobs.models import FINAL_STATES, Job, JobState
from academy.jobs.operating import load_by_tier, queue_counts
from academy.jobs.queues import MAX_RECEIVE_COUNT, Tier
from academy.metrics import process  # noqa: F401  decides where the numbers below are kept

logger = logging.getLogger(__name__)

CACHED_SECONDS: Final = 10.0
"""What SQS and the database say is asked for at most this often, however many read."""
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0)

WAIT_SECONDS: Final = Histogram(
    "academy_job_wait_seconds", "From when a job was due to its claim.", ["kind", "tier"], buckets=_SECONDS
)
SERVICE_SECONDS: Final = Histogram(
    "academy_job_service_seconds", "From the claim to the end of an attempt.", ["kind", "tier"], buckets=_SECONDS
)
TRIES: Final = Histogram(
    "academy_job_tries", "Attempts of a job that is finished.", ["kind", "tier"], buckets=(1, 2, 3, 5, 10)
)
OUTCOMES: Final = Counter(
    "academy_job_outcomes",
    "How attempts ended: succeeded, failed, queued (to be tried again), sent (handed back), cancelled, overtaken.",
    ["kind", "tier", "outcome"],
)
REDELIVERIES: Final = Counter("academy_messages_received_again", "Messages that were delivered before.")
NEARLY_DEAD: Final = Counter(
    "academy_messages_nearly_dead", "Messages whose next delivery would be to the dead letters."
)
OVERTAKEN: Final = "overtaken"


def note_delivery(receive_count: int) -> None:
    """Count a message by how often SQS has delivered it; one that is nearly a dead letter is logged."""
    if receive_count > 1:
        REDELIVERIES.inc()
    if receive_count >= MAX_RECEIVE_COUNT:
        NEARLY_DEAD.inc()
        logger.warning("a message was delivered %d times: its next delivery is to the dead letters", receive_count)


def note_attempt(job: Job, *, outcome: JobState | None, seconds: float) -> None:
    """Count an attempt that took ``seconds``; ``outcome`` is the state it left the job in, None where it could not."""
    OUTCOMES.labels(job.kind, job.queue, outcome.value if outcome else OVERTAKEN).inc()
    SERVICE_SECONDS.labels(job.kind, job.queue).observe(seconds)
    if job.started_at is not None:
        WAIT_SECONDS.labels(job.kind, job.queue).observe(max((job.started_at - job.available_at).total_seconds(), 0))
    if outcome in FINAL_STATES:
        TRIES.labels(job.kind, job.queue).observe(job.tries)


class QueueMetrics(Collector):
    """Depths and ages by tier, asked of SQS and the database when they are read. For processes that dispatch."""

    def __init__(self, *, cached_seconds: float = CACHED_SECONDS) -> None:
        self._cached_seconds = cached_seconds
        self._read_at = float("-inf")
        self._latest: list[GaugeMetricFamily] = []

    def describe(self) -> Iterable[Metric]:
        return []  # or it would be asked when it is registered, before there need be a database

    def collect(self) -> Iterable[Metric]:
        if time.monotonic() - self._read_at >= self._cached_seconds:
            self._latest = self._read()
            self._read_at = time.monotonic()
        return self._latest

    def _read(self) -> list[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("academy_queue_jobs", "Jobs that are not over.", labels=["tier", "state"])
        oldest = GaugeMetricFamily(
            "academy_queue_oldest_seconds", "How long the oldest due job has waited.", labels=["tier"]
        )
        messages = GaugeMetricFamily(
            "academy_queue_messages", "Messages by SQS: waiting, in flight, dead.", labels=["tier", "state"]
        )
        is_read = GaugeMetricFamily(
            "academy_queue_is_read", "Whether the database and SQS could be asked.", labels=["source"]
        )
        is_read.add_metric(["database"], self._add_loads(jobs, oldest))
        is_read.add_metric(["sqs"], self._add_messages(messages))
        return [jobs, oldest, messages, is_read]

    def _add_loads(self, jobs: GaugeMetricFamily, oldest: GaugeMetricFamily) -> float:
        try:
            with contextlib.closing(connect()) as connection:
                loads = load_by_tier(connection)
        except psycopg.Error as error:
            logger.warning("the queues' depths could not be read: %s", error)
            return 0.0
        for tier, load in loads.items():
            for state, count in (("queued", load.queued), ("sent", load.sent), ("running", load.running)):
                jobs.add_metric([tier.value, state], count)
            oldest.add_metric([tier.value], load.oldest_seconds)
        return 1.0

    def _add_messages(self, messages: GaugeMetricFamily) -> float:
        for tier in Tier:
            try:
                counts = queue_counts(tier)
            except (BotoCoreError, ClientError) as error:
                logger.warning("SQS could not be asked about %s: %s", tier, error)
                return 0.0
            for state, count in (("waiting", counts.waiting), ("in flight", counts.in_flight), ("dead", counts.dead)):
                messages.add_metric([tier.value, state], count)
        return 1.0
