"""Managers that know no rows but the acting tenant's. They are default AND base managers of every tenant model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models

from academy.tenancy.context import acting_tenant
from academy.tenancy.errors import ForeignTenant

if TYPE_CHECKING:
    from academy.tenancy.base import TenantModel

Row = TypeVar("Row", bound="TenantModel")


class TenantQuerySet(models.QuerySet[Row]):
    """Rows of one academy. What would write another academy's rows raises ``ForeignTenant``."""

    def update(self, **kwargs: Any) -> int:
        if "tenant" in kwargs or "tenant_id" in kwargs:
            raise ForeignTenant("a row never changes its academy")
        return super().update(**kwargs)

    def bulk_create(self, objs: Iterable[Row], *args: Any, **kwargs: Any) -> list[Row]:
        rows = list(objs)
        for row in rows:
            row.claim_for_acting_tenant()
        return super().bulk_create(rows, *args, **kwargs)

    def bulk_update(self, objs: Iterable[Row], fields: Iterable[str], *args: Any, **kwargs: Any) -> int:
        names = list(fields)
        if "tenant" in names:
            raise ForeignTenant("a row never changes its academy")
        return super().bulk_update(objs, names, *args, **kwargs)


class TenantManager(models.Manager[Row]):
    """Filters by the acting tenant. Raises ``NoActingTenant`` when there is none."""

    def get_queryset(self) -> TenantQuerySet[Row]:
        rows: TenantQuerySet[Row] = TenantQuerySet(model=self.model, using=self._db, hints=self._hints)  # type: ignore[attr-defined]  # the stubs leave _hints out
        return rows.filter(tenant_id=acting_tenant().pk)
