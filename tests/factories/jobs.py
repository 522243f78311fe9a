"""Jobs of the acting academy, in any state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now
from django.utils import timezone

from academy.jobs.backend import enqueue_job, job_kinds
from academy.jobs.models import AnsweredRequest, Job, JobState
from apps.accounts.models import User


def make_job(
    *args: Any,
    kind: str = "exams.read_scan",
    state: JobState = JobState.QUEUED,
    attempt: int = 0,
    fields: Sequence[tuple[str, Any]] = (),
) -> Job:
    """A job of ``kind`` with ``args``, enqueued as the product does it and then put into ``state``.

    ``fields`` are further columns to set, e.g. ``[("lease_expires_at", ...)]``.
    """
    job = enqueue_job(job_kinds()[kind], args=list(args) or [1], kwargs={})
    changes: dict[str, Any] = {"state": state, "attempt": attempt, **dict(fields)}
    if state in (JobState.SENT, JobState.RUNNING):
        changes.setdefault("sent_at", Now())
    if state == JobState.RUNNING:
        changes.setdefault("started_at", Now())
        changes.setdefault("lease_expires_at", timezone.now() + timedelta(seconds=60))
        changes["attempt"] = attempt or 1
    Job.objects.filter(pk=job.pk).update(**changes)
    job.refresh_from_db()
    return job


def make_answered_request(person: User, *, key: str = "a-key-of-long-ago", endpoint: str = "POST elsewhere") -> None:
    """What ``person`` was answered once."""
    AnsweredRequest(
        person=person, endpoint=endpoint, client_token=key, fingerprint="0" * 64, status=202, body="{}"
    ).save()
