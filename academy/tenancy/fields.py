"""The two foreign keys of a tenant table. The schema editor and the architecture tests go by these classes."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models
from django.db.models.fields.related_lookups import RelatedExact
from django.db.models.sql.where import WhereNode

# The types a field is set to and gives, filled in by the model plugin of django-stubs.
SetType = TypeVar("SetType")
GetType = TypeVar("GetType")


class TenantKey(models.ForeignKey[SetType, GetType]):
    """``tenant_id``: whose row this is. NOT NULL, set from the acting tenant, never changed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # The walls add UNIQUE (tenant_id, id), whose index is led by tenant_id: a second one would be waste.
        kwargs.setdefault("db_index", False)
        kwargs.setdefault("editable", False)
        kwargs.setdefault("related_name", "+")
        super().__init__(*args, **kwargs)


class TenantForeignKey(models.ForeignKey[SetType, GetType]):
    """A foreign key inside one academy: ``(tenant_id, x_id) -> (tenant_id, id)`` in the database.

    To the ORM it is a ForeignKey whose joins also compare the tenants, so that no join can leave an academy.
    """

    def get_extra_restriction(self, alias: str | None, related_alias: str | None) -> WhereNode | None:
        """The condition ``target.tenant_id = source.tenant_id`` that every join over this key carries."""
        if alias is None or related_alias is None:
            return None
        same_tenant = RelatedExact(
            _tenant_key(self.remote_field.model).get_col(alias), _tenant_key(self.model).get_col(related_alias)
        )
        return WhereNode([same_tenant])  # type: ignore[list-item]  # the stubs know no lookups in a node


def _tenant_key(model: type[models.Model]) -> TenantKey[Any, Any]:
    field = model._meta.get_field("tenant")
    assert isinstance(field, TenantKey)
    return field
