"""A schema editor that builds the walls itself, so that no migration can forget them.

For every model with a ``TenantKey``: ``UNIQUE (tenant_id, pk)``, ENABLE and FORCE ROW LEVEL SECURITY, the policy, and
the trigger of the trail.
For every ``TenantForeignKey``: a composite key ``(tenant_id, x_id) -> (tenant_id, id)``, because the checks of foreign
keys bypass row-level security (PostgreSQL manual, "Row Security Policies").
"""

from __future__ import annotations

from typing import Any, Final, cast

from django.db.backends.ddl_references import Columns, Statement, Table
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.db.models import Field, Model

from academy.tenancy.fields import TenantForeignKey, TenantKey
from academy.tenancy.postgres.changes import create_trigger, trigger_arguments

POLICY_NAME: Final = "tenant_isolation"
TENANT_PREDICATE: Final = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint"


def has_tenant_key(model: type[Model]) -> bool:
    """Whether ``model`` (a real one or one of a migration's state) is a tenant table."""
    return any(isinstance(field, TenantKey) for field in model._meta.local_fields)


class TenantSchemaEditor(DatabaseSchemaEditor):
    # Inline REFERENCES knows one column only; without it Django adds the key in a statement of its own.
    sql_create_column_inline_fk = None  # type: ignore[assignment]  # Django tests it for truth

    def create_model(self, model: type[Model]) -> None:
        super().create_model(model)
        if has_tenant_key(model):
            self._build_walls(model)

    def add_field(self, model: type[Model], field: Field[Any, Any]) -> None:
        super().add_field(model, field)
        if isinstance(field, TenantKey):
            self._build_walls(model)

    def _build_walls(self, model: type[Model]) -> None:
        table = model._meta.db_table
        pk = model._meta.pk
        assert pk is not None
        quote = self.quote_name
        unique = self._create_index_name(table, ["tenant_id", pk.column], suffix="_walls")  # type: ignore[attr-defined]  # not in the stubs
        statements = [
            f"ALTER TABLE {quote(table)} ADD CONSTRAINT {quote(unique)} UNIQUE (tenant_id, {quote(pk.column)})",
            f"ALTER TABLE {quote(table)} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {quote(table)} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY {POLICY_NAME} ON {quote(table)} USING ({TENANT_PREDICATE}) WITH CHECK ({TENANT_PREDICATE})",
        ]
        arguments = trigger_arguments(model)
        if arguments is not None:
            statements.append(create_trigger(quote(table), arguments))
        for statement in statements:
            self.execute(statement)

    def _create_fk_sql(self, model: type[Model], field: Field[Any, Any], suffix: str) -> Statement:
        if not isinstance(field, TenantForeignKey):
            return cast(Statement, super()._create_fk_sql(model, field, suffix))  # type: ignore[misc]  # not in the stubs
        target = field.target_field
        from_table, to_table = model._meta.db_table, target.model._meta.db_table
        return Statement(
            self.sql_create_fk,
            table=Table(from_table, self.quote_name),
            name=self._fk_constraint_name(model, field, suffix),  # type: ignore[attr-defined]  # not in the stubs
            column=Columns(from_table, ["tenant_id", field.column], self.quote_name),
            to_table=Table(to_table, self.quote_name),
            to_column=Columns(to_table, ["tenant_id", target.column], self.quote_name),
            deferrable=self.connection.ops.deferrable_sql(),
        )
