"""The last audit of isolation, for Prometheus: what it found, and how long ago."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import DatabaseError, connection
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from academy.audits.models import AuditRun

logger = logging.getLogger(__name__)


class AuditMetrics(Collector):
    """Asks the database when it is read. Nothing is shown while there was no audit: alarms watch for absence, too."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        try:
            run = AuditRun.objects.order_by("-finished_at").first()
        except DatabaseError as error:
            logger.warning("the last audit could not be read: %s", error)
            return []
        finally:
            if not connection.in_atomic_block:
                connection.close()  # the thread that answers Prometheus ends with its answer
        if run is None:
            return []
        age = (timezone.now() - run.finished_at).total_seconds()
        return [
            GaugeMetricFamily("academy_isolation_last_problems", "Problems of the last audit.", run.problem_count),
            GaugeMetricFamily("academy_isolation_last_age_seconds", "Since the last audit ended.", max(age, 0.0)),
            GaugeMetricFamily("academy_isolation_last_seconds", "How long the last audit took.", run.seconds),
        ]
