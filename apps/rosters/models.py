"""Lists of students that people bring, until they are taken over or their days are over."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey

KEPT_DAYS: Final = 7
"""How long a list can be looked at; then it goes, taken over or not."""


class Roster(TenantModel):
    """A list as it was sent. Nothing of it is anybody's record before somebody takes it over.

    ``key`` is where its file lies until it has been read. ``rows`` are pairs of the line's number and its cells;
    ``columns`` says of each cell which field it is, "" for none. Once it is taken over ``rows`` are those left out,
    and ``outcome`` counts what the others were. ``named`` are the phones (E.164) and numbers in it, so that an erasure
    finds it. ``job`` is the one that reads it or takes it over; its state is the list's (decision 0006).
    """

    id = models.BigAutoField(primary_key=True)
    file_name = models.CharField(max_length=255, blank=True, default="")
    key = models.CharField(max_length=255, blank=True, default="")
    header = models.JSONField(default=list)
    rows = models.JSONField(default=list)
    columns = models.JSONField(default=list)
    named = models.JSONField(default=list)
    outcome = models.JSONField(default=dict)
    read_at = models.DateTimeField(null=True)
    taken_at = models.DateTimeField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")

    trail_values = ("read_at", "taken_at")

    def __str__(self) -> str:
        return f"roster #{self.pk}"
