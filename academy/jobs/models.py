"""One row per job: outbox, lease, progress, result."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models.functions import Now

from academy.jobs.queues import Tier
from academy.tenancy.base import TenantModel


class JobState(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


FINAL_STATES: Final = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
UNFINISHED_STATES: Final = (JobState.QUEUED, JobState.SENT, JobState.RUNNING)


class CurrentTransaction(models.Func):
    """The number of the transaction that writes: over one cluster's whole life no two have the same."""

    template = "(pg_current_xact_id()::text::bigint)"
    arity = 0
    output_field = models.BigIntegerField()
    allowed_default = True


class Job(TenantModel):
    """A piece of work for a worker.

    ``kind`` names the task ("exams.read_scan"); ``attempt`` is the fence: only the worker that made it what it is may
    finish the job. Times are the database's, so that no worker's clock matters. ``changed_in`` is the transaction that
    last changed what people see of it: a trigger keeps it (migration 0004), and rings whoever shows jobs live.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=80)
    queue = models.CharField(max_length=8, choices=[(tier.value, tier.value) for tier in Tier])
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    available_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    progress = models.FloatField(default=0.0)  # 0 to 1
    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    changed_in = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)

    untrailed = "machinery: what a person starts is recorded where it is kept, the rest is a worker's"

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "created_at"], name="job_by_time"),
            models.Index(fields=["tenant", "changed_in", "id"], name="job_by_change"),
            models.Index(fields=["tenant", "queue", "id"], condition=models.Q(state="queued"), name="job_waiting"),
            models.Index(
                fields=["tenant", "queue"], condition=models.Q(state__in=["sent", "running"]), name="job_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"
