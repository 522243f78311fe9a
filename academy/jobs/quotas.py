"""How many jobs of a kind an academy may queue in a day: its plan says, its own calendar counts.

A job counts when it is queued, whoever queues it: each page of a PDF when it is found, a re-run again. What fails or
is cancelled stays counted; what is in every plan is not.

The limit is hard: counting is one conditional UPDATE in the transaction that queues, so
that no two requests pass a limit that has room for one, and what is rolled back was never counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import ClassVar

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from academy.http.errors import DomainError
from academy.jobs.models import DailyUsage
from academy.tenancy.context import acting_tenant
from academy.tenancy.models import Tenant


class DailyLimitReached(DomainError):
    """The plan's limit of this day is used up. ``retry_after_seconds`` is when the academy's next day begins."""

    status_code: ClassVar[int] = 429
    code: ClassVar[str] = "daily_limit_reached"

    def __init__(self, *, limit: int, left: int, resets_at: datetime) -> None:
        super().__init__(
            _("The plan allows {limit} a day of this; {left} are left. It starts anew at {time}.").format(
                limit=limit, left=left, time=f"{resets_at:%Y-%m-%d %H:%M %Z}"
            )
        )
        self.retry_after_seconds = max(1, ceil((resets_at - timezone.now()).total_seconds()))


@dataclass(frozen=True, slots=True)
class Usage:
    """What the acting academy has queued of a kind today. ``left`` is never negative."""

    kind: str
    tier: str
    used: int
    limit: int
    resets_at: datetime

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def today(tenant: Tenant) -> date:
    """The day that the academy's calendar shows."""
    return timezone.now().astimezone(tenant.zone).date()


def next_day_begins(tenant: Tenant) -> datetime:
    """The academy's next midnight, in its own time zone."""
    return datetime.combine(today(tenant) + timedelta(days=1), time(), tzinfo=tenant.zone)


def take_daily(kind: str) -> None:
    """Count one job of ``kind`` for the acting academy, in the current transaction. Raises ``DailyLimitReached``."""
    tenant = acting_tenant()
    limit, day = tenant.plan.daily_limit_of(kind), today(tenant)
    if not _count(kind, day, limit):
        DailyUsage.objects.bulk_create([DailyUsage(day=day, kind=kind)], ignore_conflicts=True)
        if not _count(kind, day, limit):
            used = DailyUsage.objects.filter(kind=kind, day=day).values_list("used", flat=True).first() or 0
            raise DailyLimitReached(limit=limit, left=max(limit - used, 0), resets_at=next_day_begins(tenant))


def _count(kind: str, day: date, limit: int) -> bool:
    return DailyUsage.objects.filter(kind=kind, day=day, used__lt=limit).update(used=F("used") + 1) == 1


def usage_today() -> list[Usage]:
    """Every kind that the acting academy's plan lists, by name."""
    tenant = acting_tenant()
    used = dict(DailyUsage.objects.filter(day=today(tenant)).values_list("kind", "used"))
    resets_at = next_day_begins(tenant)
    tiers = {kind: tenant.plan.tier_of(kind) for kind in sorted(tenant.plan.job_kinds)}
    return [
        Usage(kind, tier, used.get(kind, 0), tenant.plan.daily_limit_of(kind), resets_at)
        for kind, tier in tiers.items()
        if tier is not None
    ]
