"""The table of audits that were made: what monitoring asks for. The reports themselves are in S3."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class AuditRun(models.Model):
    """One audit of isolation. It holds counts only, nothing of any academy."""

    finished_at = models.DateTimeField(db_default=Now())
    seconds = models.FloatField()
    problem_count = models.PositiveIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-finished_at"], name="audit_run_by_time")]

    def __str__(self) -> str:
        return f"audit of {self.finished_at}: {self.problem_count} problems"
