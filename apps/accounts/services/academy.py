"""What an owner decides for the whole academy."""

from __future__ import annotations

from academy.tenancy.context import acting_tenant
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant


def set_academy(*, mfa_required_for_staff: bool, trail_months: int | None = None) -> Tenant:
    """Whether staff must have a second factor, and how long the trail is kept, 12 to 24 months; ``None``: as before.

    Other processes follow within 30 s, when they look up the host anew.
    """
    tenant = acting_tenant()
    tenant.mfa_required_for_staff = mfa_required_for_staff
    tenant.trail_months = trail_months or tenant.trail_months
    tenant.save(update_fields=["mfa_required_for_staff", "trail_months"])
    forget_hosts()
    return tenant
