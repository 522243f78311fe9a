"""What the database itself shows of the walls, looked at from inside, one academy after the other.

Every statement runs as the application's own role. Row-level security binds that role and, being forced, the owner
of the tables too: nobody who is not a superuser sees two academies at once, and the audit needs no such power. It
acts for each academy in turn. A key that leads out of its academy then leads to a row that is not visible, which is
how it is counted; the same statement is right for a role that sees everything, since it compares the tenants itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Final

from django.db import DatabaseError, connection, transaction

from academy.tenancy.catalogue import isolation_problems, tenant_schemas
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.tenancy.fields import TenantForeignKey
from academy.tenancy.models import Isolation, Tenant

MAX_LINES: Final = 200
"""Problems of one check that are written out; the rest is counted."""


@dataclass(slots=True)
class Check:
    """One question of the audit: how much was looked at, and what is wrong, one line each.

    ``notes`` are worth knowing and no fault. ``skipped`` says why the question was not asked.
    """

    name: str
    examined: int = 0
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: str = ""
    problem_count: int = 0

    def add(self, problem: str) -> None:
        self.problem_count += 1
        if len(self.problems) < MAX_LINES:
            self.problems.append(problem)


def check_catalogue() -> Check:
    """Tables, policies, keys, roles and rights, by PostgreSQL's catalogue; examined: schemas."""
    check = Check("catalogue")
    with transaction.atomic(), connection.cursor() as cursor:
        check.examined = len(tenant_schemas(cursor))
        for problem in isolation_problems(cursor):
            check.add(problem)
    return check


def check_references() -> Check:
    """No row refers to a row that is not its own academy's; examined: keys, once per academy."""
    check = Check("references")
    for tenant in _tenants():
        statement = " UNION ALL ".join(_dangling(tenant.schema_name))
        for label, count in _ask(check, tenant, tenant.schema_name, statement):
            check.examined += 1
            if count:
                check.add(f"academy {tenant.pk}: {count} rows of {label} refer to no row of the academy")
    return check


def _dangling(schema: str) -> Iterator[str]:
    for model in tenant_models():
        for key in model._meta.local_fields:
            if isinstance(key, TenantForeignKey):
                table, target = model._meta.db_table, key.target_field.model._meta.db_table
                # Nothing but names of our own models and of schemas in the catalogue goes into the text.
                inside = f"SELECT FROM {_in(schema, target)} AS target WHERE target.tenant_id = row.tenant_id"
                inside += f" AND target.{key.target_field.column} = row.{key.column}"
                yield (
                    f"SELECT '{table}.{key.column}', count(*) FROM {_in(schema, table)} AS row WHERE"  # noqa: S608
                    f" row.tenant_id = %(tenant)s AND row.{key.column} IS NOT NULL AND NOT EXISTS ({inside})"
                )


def check_strays() -> Check:
    """No academy has rows in a schema that is not its own, and no schema is nobody's; examined: schema x academy."""
    check = Check("strays")
    with transaction.atomic(), connection.cursor() as cursor:
        schemas = tenant_schemas(cursor)
    for schema in schemas:
        statement = " UNION ALL ".join(
            f"SELECT '{table}', count(*) FROM {_in(schema, table)} AS row WHERE row.tenant_id = %(tenant)s"  # noqa: S608
            for table in _tables()
        )
        for tenant in _tenants():
            if tenant.schema_name == schema:
                continue
            check.examined += 1
            for table, count in _ask(check, tenant, schema, statement):
                if count:
                    check.add(f"academy {tenant.pk} lives in {tenant.schema_name}: {count} rows in {schema}.{table}")
    silos = set(Tenant.objects.filter(isolation=Isolation.SILO).values_list("schema_name", flat=True))
    for schema in sorted(silos - set(schemas)):
        check.add(f"{schema}: an academy lives in it and it is not there")
    for schema in sorted(set(schemas) - silos - {Isolation.POOL.value}):
        check.add(f"{schema}: no academy lives in it")
    return check


def check_policies() -> Check:
    """With no predicate in the statement, the policies alone show nobody another's row; examined: academies."""
    check = Check("policies")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        role, is_free = cursor.fetchone()
        if is_free:
            check.add(f"the audit runs as {role}, whom no policy binds: it would see nothing wrong")
        schemas = tenant_schemas(cursor)
    for schema in schemas:
        everything = " UNION ALL ".join(
            f"SELECT '{table}', 1 WHERE EXISTS (SELECT FROM {_in(schema, table)})"  # noqa: S608
            for table in _tables()
        )
        for table, _ in _ask(check, None, schema, everything):
            check.add(f"{schema}.{table}: shows rows although no academy is acting")
        others = " UNION ALL ".join(
            f"SELECT '{table}', 1 WHERE EXISTS (SELECT FROM {_in(schema, table)} WHERE tenant_id <> %(tenant)s)"  # noqa: S608
            for table in _tables()
        )
        for tenant in _tenants():
            if tenant.schema_name == schema:
                check.examined += 1
                for table, _ in _ask(check, tenant, schema, others):
                    check.add(f"{schema}.{table}: shows academy {tenant.pk} rows of another")
    return check


DATABASE_CHECKS: Final[tuple[Callable[[], Check], ...]] = (
    check_catalogue,
    check_references,
    check_strays,
    check_policies,
)


def _tenants() -> list[Tenant]:
    return list(Tenant.objects.order_by("pk"))


def _tables() -> list[str]:
    return [model._meta.db_table for model in tenant_models()]


def _in(schema: str, table: str) -> str:
    quoted = schema.replace('"', '""')
    return f'"{quoted}".{table}'


def _ask(check: Check, tenant: Tenant | None, schema: str, statement: str) -> list[tuple[str, int]]:
    """The rows of ``statement``, acting for ``tenant`` as if it lived in ``schema``; an error is a problem."""
    try:
        with transaction.atomic():
            if tenant is None:
                return _rows(statement, None)
            visitor = copy(tenant)
            visitor.schema_name = schema
            with acting_for(visitor):
                return _rows(statement, tenant.pk)
    except DatabaseError as error:
        check.add(f"{schema}: cannot be read: {str(error).splitlines()[0]}")
        return []


def _rows(statement: str, tenant_id: int | None) -> list[tuple[str, int]]:
    with connection.cursor() as cursor, connection.wrap_database_errors:
        # Below Django's wrappers: the guard of statements would refuse the very ones that test the policies.
        cursor.cursor.execute(statement, {"tenant": tenant_id})
        return list(cursor.cursor.fetchall())
