"""The table of counters. A shared one: a limit also counts over all academies, and holds nobody's data."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Counter(models.Model):
    """How often one thing was tried since its window began. ``key`` is a hash: no phone number is in this table."""

    key = models.CharField(max_length=43, primary_key=True)
    name = models.CharField(max_length=64)
    count = models.PositiveIntegerField()
    resets_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["resets_at"], name="counter_expiry")]

    def __str__(self) -> str:
        return f"{self.name}: {self.count}"
