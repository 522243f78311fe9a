"""The outbox of development: what would have been sent to a telephone."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class OutboxText(models.Model):
    """A text message that went nowhere. Production has the table and never writes to it: settings refuse that."""

    phone = models.CharField(max_length=20)
    text = models.CharField(max_length=2000)
    written_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.phone}: {self.text}"
