"""What people send: one row per presigned upload."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey


class UploadState(models.TextChoices):
    PRESIGNED = "presigned", "Presigned"
    USED = "used", "Used"
    CANCELLED = "cancelled", "Cancelled"
    ERASED = "erased", "Erased"


class Upload(TenantModel):
    """A file that a person was allowed to send, under a key of our choosing. Used at most once.

    One that is sent in parts has a ``multipart_id``; its ``max_bytes`` are then exactly what it has.
    """

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=255)
    file_name = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    max_bytes = models.PositiveBigIntegerField()
    byte_count = models.PositiveBigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.PRESIGNED)
    multipart_id = models.CharField(max_length=1024, default="", db_default="")
    part_bytes = models.PositiveIntegerField(null=True)
    modified_ms = models.BigIntegerField(null=True)
    """When the file was changed last, as its browser says: with name and size what the same file is known by."""
    completed_at = models.DateTimeField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("state",)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "key"], name="upload_key_once")]
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="upload_by_time")]

    def __str__(self) -> str:
        return self.file_name

    @property
    def part_sizes(self) -> list[int]:
        """The bytes of each part, in their order: all but the last are ``part_bytes``."""
        assert self.part_bytes is not None
        whole, rest = divmod(self.max_bytes, self.part_bytes)
        return [self.part_bytes] * whole + [rest] * bool(rest)
