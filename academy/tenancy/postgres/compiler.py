"""SQL compilers that leave no statement on a tenant table without its tenant.

The managers filter what starts from them. This is for what does not: the deletes and updates of Django's collector
(``id IN (...)``), the subqueries behind ``exclude()``, a bare ``Query`` or ``QuerySet``. Whatever the ORM compiles
names the acting tenant for the table it starts from; the joins carry it on (``TenantForeignKey``).
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias, TypeVar

from django.apps import apps
from django.db.backends.postgresql import compiler as postgres  # type: ignore[attr-defined]  # not in the stubs
from django.db.models.expressions import Col
from django.db.models.lookups import Exact
from django.db.models.sql import Query
from django.db.models.sql import compiler as base
from django.db.models.sql.where import AND, WhereNode

from academy.tenancy.errors import ForeignTenant, NoActingTenant
from academy.tenancy.fields import TenantKey

_Key: TypeAlias = TenantKey[Any, Any]


@cache
def _tenant_keys() -> dict[str, _Key]:
    """The tenant column of every tenant table, by the table's name."""
    return {
        model._meta.db_table: field
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, TenantKey)
    }


def _acting_id(compiler: base.SQLCompiler) -> int:
    tenant = getattr(compiler.connection, "acting_tenant", None)
    if tenant is None:
        raise NoActingTenant("no academy is acting: wrap the call in acting_for(tenant)")
    return int(tenant.pk)


def _start_of(query: Query) -> tuple[str, _Key] | None:
    """Alias and tenant column of the table that the FROM clause starts with; ``None`` if that is a shared table."""
    for alias, source in query.alias_map.items():
        if query.alias_refcount[alias]:
            key = _tenant_keys().get(source.table_name)
            return (alias, key) if key is not None else None
    return None


def _says(where: WhereNode, alias: str, acting: int) -> bool:
    """Whether ``where`` requires ``alias.tenant_id = acting`` already."""
    if where.negated or (where.connector != AND and len(where.children) > 1):
        return False
    for child in where.children:
        if isinstance(child, WhereNode):
            if _says(child, alias, acting):
                return True
        elif isinstance(child, Exact) and isinstance(child.lhs, Col):
            column = child.lhs
            if column.alias == alias and isinstance(column.target, TenantKey) and child.rhs == acting:
                return True
    return False


_Where = TypeVar("_Where", WhereNode, WhereNode | None)


def _walled(compiler: base.SQLCompiler, query: Query, where: _Where) -> _Where | WhereNode:
    """``where`` and the acting tenant. Raises ``NoActingTenant`` for a tenant table when nobody acts."""
    start = _start_of(query)
    if start is None:
        return where
    alias, key = start
    acting = _acting_id(compiler)
    if where is not None and _says(where, alias, acting):
        return where
    predicate: Any = Exact(key.get_col(alias), acting)  # a lookup is a node; the stubs know it not
    return WhereNode([predicate] if where is None else [where, predicate], AND)


class SQLCompiler(postgres.SQLCompiler):  # type: ignore[misc]  # no stubs
    where: WhereNode | None

    def pre_sql_setup(self, with_col_aliases: bool = False) -> Any:
        parts = super().pre_sql_setup(with_col_aliases=with_col_aliases)
        self.where = _walled(self, self.query, self.where)
        return parts


class SQLDeleteCompiler(postgres.SQLDeleteCompiler):  # type: ignore[misc]  # no stubs
    def _as_sql(self, query: Query) -> Any:
        query.get_initial_alias()
        query.where = _walled(self, query, query.where)
        return super()._as_sql(query)


class SQLUpdateCompiler(postgres.SQLUpdateCompiler):  # type: ignore[misc]  # no stubs
    def pre_sql_setup(self) -> Any:
        parts = super().pre_sql_setup()
        self.query.where = _walled(self, self.query, self.query.where)
        for field, _, value in self.query.values:
            if isinstance(field, TenantKey) and getattr(value, "pk", value) != _acting_id(self):
                raise ForeignTenant("a row never changes its academy")
        return parts


class SQLInsertCompiler(postgres.SQLInsertCompiler):  # type: ignore[misc]  # no stubs
    def as_sql(self) -> Any:
        key = _tenant_keys().get(self.query.get_meta().db_table)
        if key is not None:
            acting = _acting_id(self)
            for row in self.query.objs:
                if getattr(row, key.attname) != acting:
                    raise ForeignTenant(f"{row!r} is written for tenant {acting}")
        return super().as_sql()


class SQLAggregateCompiler(postgres.SQLAggregateCompiler):  # type: ignore[misc]  # no stubs
    """Its inner query goes through ``SQLCompiler``."""
