"""What an owner decides for the whole academy."""

from __future__ import annotations

from academy.tenancy.context import acting_tenant
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant


def require_second_factor(*, is_required: bool) -> None:
    """Whether staff must have a second factor. Other processes follow within 30 s, when they look up the host anew."""
    tenant = acting_tenant()
    Tenant.objects.filter(pk=tenant.pk).update(mfa_required_for_staff=is_required)
    tenant.mfa_required_for_staff = is_required
    forget_hosts()
