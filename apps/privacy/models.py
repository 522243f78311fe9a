"""Copies that people ask for of all that is held about them, and erasures with their certificates."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey


class SubjectKind(models.TextChoices):
    USER = "user", "Person with an account"
    STUDENT = "student", "Student"


class Export(TenantModel):
    """A copy of all that is held about one person, as a ZIP archive. ``archive_key`` is "" until it is there."""

    id = models.BigAutoField(primary_key=True)
    # No foreign key: what was asked outlives whom it was about.
    subject_kind = models.CharField(max_length=8, choices=SubjectKind)
    subject_id = models.BigIntegerField()
    asked_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True, default="")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    archive_key = models.CharField(max_length=255, blank=True, default="")
    byte_count = models.PositiveBigIntegerField(null=True)
    expires_at = models.DateTimeField(null=True)

    trail_subject = ("subject_kind", "subject_id")

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "asked_by", "id"], name="export_by_asker")]

    def __str__(self) -> str:
        return f"export of {self.subject_kind} {self.subject_id}"


class ErasureState(models.TextChoices):
    ASKED = "asked", "Asked for"
    SCHEDULED = "scheduled", "Scheduled"
    ERASING = "erasing", "Erasing"
    ERASED = "erased", "Erased"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Erasure(TenantModel):
    """The removal of one person from the academy. It can be withdrawn until ``due_at``.

    ``remains`` lists what is still to be removed from S3, so that a killed job goes on where it stopped; it is
    emptied when ``certificate``, which names nobody, is written.
    """

    id = models.BigAutoField(primary_key=True)
    subject_kind = models.CharField(max_length=8, choices=SubjectKind)
    subject_id = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=ErasureState, default=ErasureState.ASKED)
    reason = models.CharField(max_length=200)
    asked_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    approved_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    due_at = models.DateTimeField(null=True)
    erased_at = models.DateTimeField(null=True)
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    remains = models.JSONField(default=dict)
    certificate = models.JSONField(null=True)

    trail_values = ("state",)
    trail_subject = ("subject_kind", "subject_id")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "subject_kind", "subject_id"],
                condition=models.Q(state__in=["asked", "scheduled", "erasing"]),
                name="erasure_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"erasure of {self.subject_kind} {self.subject_id}"
