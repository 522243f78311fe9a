"""One row per thing that one person did."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from academy.http.exports import MAX_REASON_CHARACTERS
from academy.tenancy.base import TenantModel

MAX_PATH_CHARACTERS = 200


class AppendOnly(RuntimeError):
    """An entry of the trail was about to be changed or deleted by the application."""


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class Operation(models.TextChoices):
    INSERT = "insert", "Insert"
    UPDATE = "update", "Update"
    DELETE = "delete", "Delete"


class TrailEntry(TenantModel):
    """What one person did, at ``created_at``. Numbers, nobody's name: erasing a person needs no change here.

    ``actor_id`` is nobody's key, since the trail outlives people; NULL is somebody who did not get in. ``subjects`` are
    the people whose data it was, "student:12"; "*" is everybody. A change of a row has an ``operation``, and values of
    those columns only that the model lists. Entries of one request share ``request_id``.
    """

    id = models.BigAutoField(primary_key=True)
    actor_id = models.BigIntegerField(null=True)
    actor_role = models.CharField(max_length=12, blank=True, default="")
    session = models.UUIDField(null=True)  # its handle
    address = models.GenericIPAddressField(null=True)
    request_id = models.UUIDField()
    action = models.CharField(max_length=80)
    path = models.CharField(max_length=MAX_PATH_CHARACTERS, blank=True, default="")
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.DONE)
    subjects = ArrayField(models.CharField(max_length=40), default=list)
    reason = models.CharField(max_length=MAX_REASON_CHARACTERS, blank=True, default="")
    operation = models.CharField(max_length=6, choices=Operation, blank=True, default="")
    table_name = models.CharField(max_length=63, blank=True, default="")
    row_id = models.CharField(max_length=40, blank=True, default="")
    column_names = ArrayField(models.CharField(max_length=63), default=list)
    old_values = models.JSONField(null=True)
    new_values = models.JSONField(null=True)

    untrailed = "it is the trail"
    is_append_only = True

    class Meta(TenantModel.Meta):
        # Equality and order on numbers and times only: row-level security keeps every other operator from an index.
        indexes: ClassVar = [
            models.Index(fields=["tenant", "created_at"], name="trail_by_time"),
            models.Index(fields=["tenant", "actor_id", "id"], name="trail_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} #{self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.claim_for_acting_tenant()
        if not self._state.adding:
            raise AppendOnly("an entry of the trail is never changed")
        super().save(*args, **kwargs)
