"""How long an academy's trail is kept, and the end of what is older."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from academy.tenancy.context import acting_for
from academy.tenancy.models import MAX_TRAIL_MONTHS, MIN_TRAIL_MONTHS, Tenant

BATCH: Final = 5_000
"""Entries deleted by one transaction: locks and write-ahead log stay small."""

# Not by the ORM, which fetches what it deletes.
_DELETE: Final = (
    "DELETE FROM trail_trailentry WHERE tenant_id = %s AND id IN"
    " (SELECT id FROM trail_trailentry WHERE tenant_id = %s AND created_at < %s ORDER BY created_at LIMIT %s)"
)


def kept_since(months: int | None, *, now: datetime | None = None) -> datetime:
    """The time before which entries end. No number, or one beyond what the law allows, means the nearest allowed."""
    wanted = MAX_TRAIL_MONTHS if months is None else min(max(months, MIN_TRAIL_MONTHS), MAX_TRAIL_MONTHS)
    at = now or timezone.now()
    year, month = divmod(at.year * 12 + at.month - 1 - wanted, 12)
    return at.replace(year=year, month=month + 1, day=min(at.day, 28))  # every month has a 28th; rather a day too long


def prune_trail(tenant: Tenant, *, batch: int = BATCH) -> int:
    """Delete what the academy no longer has to keep, and return how many entries. Needs the owner of the schemas."""
    before, deleted = kept_since(tenant.trail_months), 0
    while True:
        with acting_for(tenant), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_DELETE, [tenant.pk, tenant.pk, before, batch])
            count = int(cursor.rowcount)
        deleted += count
        if count < batch:
            return deleted
