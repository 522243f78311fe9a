"""One row per job: outbox, lease, progress, result."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from academy.jobs.queues import Tier
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey


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
    finish the job. It only ever grows: what was tried before a re-run, or handed back, is in ``spent_attempts``.
    Times are the database's, so that no worker's clock matters. ``changed_in`` is the transaction that last changed
    what people see of it: a trigger keeps it (migration 0004), and rings whoever shows jobs live. ``traceparent`` is
    the span that the next try follows from: of the request that queued the job, or of the try before; "" without one.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=80)
    queue = models.CharField(max_length=8, choices=[(tier.value, tier.value) for tier in Tier])
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    spent_attempts = models.PositiveSmallIntegerField(default=0, db_default=0)  # do not count against max_attempts
    max_attempts = models.PositiveSmallIntegerField(default=3)
    available_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)  # from then on its worker may write nothing
    finished_at = models.DateTimeField(null=True)
    progress = models.FloatField(default=0.0)  # 0 to 1
    result = models.JSONField(null=True)
    error_code = models.CharField(max_length=64, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    changed_in = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="", editable=False)

    untrailed = "machinery: what a person starts is recorded where it is kept, the rest is a worker's"

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["tenant", "created_at"], name="job_by_time"),
            models.Index(fields=["tenant", "changed_in", "id"], name="job_by_change"),
            models.Index(fields=["tenant", "queue", "id"], condition=models.Q(state="queued"), name="job_waiting"),
            models.Index(
                fields=["tenant", "queue"], condition=models.Q(state__in=["sent", "running"]), name="job_under_way"
            ),
            models.Index(
                fields=["tenant", "id"],
                condition=models.Q(state__in=["queued", "sent", "running"]),
                name="job_unfinished",
            ),
            models.Index(
                fields=["tenant", "id"],
                condition=models.Q(cancel_requested_at__isnull=False, state__in=["queued", "sent", "running"]),
                name="job_cancelling",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    @property
    def tries(self) -> int:
        """Attempts that count against ``max_attempts``."""
        return self.attempt - self.spent_attempts

    @property
    def is_cancelling(self) -> bool:
        """Whether it is to be cancelled and its worker has not noticed yet."""
        return self.cancel_requested_at is not None and self.state not in FINAL_STATES


def is_unfinished(job: Job | None) -> bool:
    """Whether there is a job of which something is still to come."""
    return job is not None and job.state in UNFINISHED_STATES


class DailyUsage(TenantModel):
    """How many jobs of a kind were queued on one day of the academy's calendar. Only ever counted up."""

    id = models.BigAutoField(primary_key=True)
    day = models.DateField()
    kind = models.CharField(max_length=80)
    used = models.PositiveIntegerField(default=0)

    untrailed = "machinery: a counter that every queued job moves"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "day", "kind"], name="daily_usage_once")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind}: {self.used}"


class AnsweredRequest(TenantModel):
    """What a person's request with an ``Idempotency-Key`` was answered, to be answered again when it is repeated.

    ``status`` is NULL only inside the transaction that answers it first.
    """

    id = models.BigAutoField(primary_key=True)
    person = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=80)
    client_token = models.CharField(max_length=255)  # the key; a column of that name would be a file's in S3
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True, default="")

    untrailed = "machinery: an answer kept for a day; what it answered has an entry"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "person", "endpoint", "client_token"], name="answered_request_once"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="answered_request_by_time")]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.client_token}"
