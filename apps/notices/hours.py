"""When people may be told of what can wait."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final

from django.utils import timezone

from academy.tenancy.context import acting_tenant

EARLIEST: Final = time(8)
LATEST: Final = time(21)
"""Between 21:00 and 8:00 the law wants a consent of its own for what could be taken for advertising (Act on Promotion
of Information and Communications Network Utilization, article 50-3): nothing that can wait is sent then."""


def now_there() -> datetime:
    """The time where the academy is."""
    return timezone.localtime(timezone=acting_tenant().zone)


def is_quiet(now: datetime) -> bool:
    return not EARLIEST <= now.time() < LATEST


def next_allowed(now: datetime) -> datetime:
    """``now``, or the end of the quiet hours that it is in."""
    if not is_quiet(now):
        return now
    day = now.date() + timedelta(days=1) if now.time() >= LATEST else now.date()
    return datetime.combine(day, EARLIEST, tzinfo=now.tzinfo)
