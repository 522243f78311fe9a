"""What operators decide about an academy."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext

from academy.http.errors import DomainError, Missing
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant, TenantStatus


class NotNow(DomainError):
    """The academy is in another state than the one that this leads out of."""

    code: ClassVar[str] = "not_now"


def suspend_academy(*, tenant_id: int) -> None:
    """Shut an academy: its host answers like an unknown one. Raises ``Missing``, and ``NotNow`` unless it is open."""
    _move(tenant_id, TenantStatus.ACTIVE, TenantStatus.SUSPENDED)


def resume_academy(*, tenant_id: int) -> None:
    """Open a suspended academy. Raises ``Missing``, and ``NotNow`` unless it is suspended."""
    _move(tenant_id, TenantStatus.SUSPENDED, TenantStatus.ACTIVE)


def _move(tenant_id: int, before: TenantStatus, after: TenantStatus) -> None:
    academies = Tenant.objects.filter(pk=tenant_id, is_platform=False)
    if not academies.filter(status=before).update(status=after):
        if not academies.exists():
            raise Missing
        raise NotNow(gettext("The academy is in another state meanwhile."))
    forget_hosts()
