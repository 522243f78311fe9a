"""The acting tenant: bound to the database connection, so that code and database can never disagree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from django.db import connection

from academy.logs.bound import bound
from academy.tenancy.errors import NoActingTenant

if TYPE_CHECKING:
    from academy.tenancy.models import Tenant
    from academy.tenancy.postgres.base import DatabaseWrapper


def tenant_connection() -> DatabaseWrapper:
    """This thread's database connection, which carries the acting tenant."""
    return cast("DatabaseWrapper", connection)


def acting_tenant_or_none() -> Tenant | None:
    return tenant_connection().acting_tenant


def acting_tenant() -> Tenant:
    """The academy on whose behalf this thread works. Raises ``NoActingTenant`` when there is none."""
    tenant = acting_tenant_or_none()
    if tenant is None:
        raise NoActingTenant("no academy is acting: wrap the call in acting_for(tenant)")
    return tenant


@contextmanager
def acting_for(tenant: Tenant) -> Iterator[None]:
    """Act for ``tenant`` inside the block, then for whoever acted before.

    Opens no transaction: tenant queries inside need one (``transaction.atomic()``), because the tenant is bound
    to the transaction and never to the session, which may be shared through a pooler.
    """
    connected = tenant_connection()
    before = connected.acting_tenant
    connected.act_for(tenant)
    try:
        with bound(tenant_id=tenant.pk):
            yield
    finally:
        connected.act_for(before)
