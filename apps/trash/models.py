"""What was deleted, and its rows as they were."""

from __future__ import annotations

from typing import ClassVar, Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from academy.jobs.models import Job
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey

KEPT_DAYS: Final = 30


class Deletion(TenantModel):
    """One thing that somebody deleted, with all that hung on it, at ``created_at``. Gone when it is restored.

    ``kind`` and ``row_id`` name it ("exams.exam", 7). ``counts`` says how many rows of each model went with it;
    ``loose`` which rows pointed at it and stayed, as [model, column, ids]; ``people`` whose data it holds
    ("student:12"), so that an erasure finds it; ``places`` are the S3 keys, and prefixes that end in "/", that go with
    it for good when ``job`` ends it at ``ends_at``.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=60)
    row_id = models.BigIntegerField()
    title = models.CharField(max_length=255)
    counts = models.JSONField(default=dict)
    loose = models.JSONField(default=list)
    people = ArrayField(models.CharField(max_length=40), default=list)
    places = models.JSONField(default=list)
    uploads = models.JSONField(default=list)
    ends_at = models.DateTimeField()
    deleted_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")

    trail_values = ("kind", "row_id")

    def __str__(self) -> str:
        return f"deleted {self.kind} {self.row_id}"


class DeletedRows(TenantModel):
    """Some rows of a deletion, all of one model. ``position`` is the order in which they can be written again."""

    id = models.BigAutoField(primary_key=True)
    deletion = TenantForeignKey(Deletion, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    model = models.CharField(max_length=60)
    rows = models.JSONField()

    untrailed = "the rows themselves have an entry each when they are deleted and when they are written again"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "deletion", "position"], name="deleted_rows_once")
        ]

    def __str__(self) -> str:
        return f"{self.model} of deletion {self.deletion_id}"
