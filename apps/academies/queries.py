"""What the pages of settings show."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from django.db.models import Count, Q

from academy.tenancy.context import acting_tenant
from academy.tenancy.models import Tenant
from apps.academies.models import Logo
from apps.accounts.models import User
from apps.accounts.roles import STAFF_ROLES

DECIDED: Final = (
    "name", "colour", "logo_place", "texts", "sheet_defaults", "mfa_required_for_staff", "trail_months",
    "sends_notices",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SheetDefaults:
    """What the form of a new exam begins with."""

    choice_count: int = 5
    number_digits: int = 6
    is_large_print: bool = False


def decided() -> Tenant:
    """The acting academy as it is stored: what a process keeps of it may be half a minute old."""
    tenant = acting_tenant()
    tenant.refresh_from_db(fields=DECIDED)
    return tenant


def sheet_defaults() -> SheetDefaults:
    """The acting academy's."""
    kept = acting_tenant().sheet_defaults
    return SheetDefaults(**{name: kept.get(name, value) for name, value in asdict(SheetDefaults()).items()})


@dataclass(frozen=True, slots=True)
class SecondFactors:
    """How many people work here, and how many of them have a second factor."""

    staff: int
    having: int

    @property
    def lacking(self) -> int:
        return self.staff - self.having


def second_factors() -> SecondFactors:
    """Of those who may sign in."""
    staff = User.objects.filter(is_active=True, role__in=STAFF_ROLES)
    return SecondFactors(**staff.aggregate(staff=Count("pk"), having=Count("pk", filter=Q(has_second_factor=True))))


def newest_logo() -> Logo | None:
    """The picture sent last, with its job."""
    return Logo.objects.select_related("job").order_by("-pk").first()
