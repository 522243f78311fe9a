"""What is decided for the whole academy."""

from __future__ import annotations

from django.db import transaction

from academy.tenancy.context import acting_tenant
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from academy.trail.recording import record_change


def set_academy(
    *, mfa_required_for_staff: bool, trail_months: int | None = None, sends_notices: bool | None = None
) -> Tenant:
    """Whether staff must have a second factor, how long the trail is kept, 12 to 24 months, and whether people's
    devices are told of news; ``None``: as before.
    """
    tenant = acting_tenant()
    return change_academy(
        mfa_required_for_staff=mfa_required_for_staff,
        trail_months=trail_months or tenant.trail_months,
        sends_notices=tenant.sends_notices if sends_notices is None else sends_notices,
    )


def change_academy(**values: object) -> Tenant:
    """Write these columns of the acting academy; the trail keeps what they were.

    Other processes follow within 30 s, when they look up the host anew.
    """
    tenant = acting_tenant()
    with transaction.atomic():
        row = Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk)
        old = {name: getattr(row, name) for name, value in values.items() if getattr(row, name) != value}
        if old:
            new = {name: values[name] for name in old}
            record_change(row, old, new)
            Tenant.objects.filter(pk=row.pk).update(**new)
    for name, value in values.items():
        setattr(tenant, name, value)  # what the rest of this request goes by
    forget_hosts()
    return tenant
