"""Names and settings of the queues, from the code that uses them: written down once, in academy/jobs/queues.py."""

from django.conf import settings

PREFIX = "academy"
VISIBILITY_SECONDS = 60

if not settings.configured:  # the module below asks for nothing else of Django
    settings.configure(QUEUE_PREFIX=PREFIX, JOB_VISIBILITY_SECONDS=VISIBILITY_SECONDS)

from academy.jobs.queues import (  # noqa: E402  reads the settings
    DEAD_LETTER_RETENTION_SECONDS,
    LONG_POLL_SECONDS,
    MAX_RECEIVE_COUNT,
    SOURCE_RETENTION_SECONDS,
    Tier,
    dead_letter_name,
    queue_name,
)

__all__ = [
    "DEAD_LETTER_RETENTION_SECONDS",
    "LONG_POLL_SECONDS",
    "MAX_RECEIVE_COUNT",
    "PREFIX",
    "SOURCE_RETENTION_SECONDS",
    "VISIBILITY_SECONDS",
    "Tier",
    "dead_letter_name",
    "queue_name",
]
