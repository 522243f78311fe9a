"""Mutants of the database, put in place by the owner; judged by the catalogue or by what they let through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from academy.tenancy.base import TenantModel
from academy.tenancy.catalogue import isolation_problems
from academy.tenancy.models import POOL_SCHEMA
from academy.tenancy.postgres.changes import TRIGGER_NAME
from academy.tenancy.postgres.schema import POLICY_NAME, TENANT_PREDICATE
from tests.architecture.rows import every_tenant_model


def _owner() -> psycopg.Connection:
    return psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True)


@contextmanager
def open_policy(*tables: str) -> Iterator[None]:
    """The policies of ``tables`` let every row through, read and written."""
    with _owner() as owner:
        for table in tables:
            owner.execute(f"ALTER POLICY {POLICY_NAME} ON {POOL_SCHEMA}.{table} USING (true) WITH CHECK (true)")
        try:
            yield
        finally:
            for table in tables:
                predicate = f"USING ({TENANT_PREDICATE}) WITH CHECK ({TENANT_PREDICATE})"
                owner.execute(f"ALTER POLICY {POLICY_NAME} ON {POOL_SCHEMA}.{table} {predicate}")


@contextmanager
def dropped_key(table: str, column: str) -> Iterator[None]:
    """The composite foreign key of ``column`` is gone."""
    with _owner() as owner:
        found = owner.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
            " AND conrelid = %s::regclass AND pg_get_constraintdef(oid) LIKE %s",
            [f"{POOL_SCHEMA}.{table}", f"FOREIGN KEY (tenant_id, {column})%"],
        ).fetchone()
        assert found is not None, f"{table}.{column} has no composite key"
        name, definition = found
        owner.execute(f"SET search_path TO {POOL_SCHEMA}, public")
        owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            yield
        finally:
            owner.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")


def catalogue_mutants(cursor: psycopg.Cursor) -> list[tuple[str, str]]:
    """(name, statement) of each wall of each table, as the catalogue has them."""
    found = []
    for model in every_tenant_model():
        table = f"{POOL_SCHEMA}.{model._meta.db_table}"
        policy = f"POLICY {POLICY_NAME} ON {table}"
        found += [
            (f"policy dropped: {table}", f"DROP {policy}"),
            (f"policy reads all: {table}", f"ALTER {policy} USING (true)"),
            (f"policy writes all: {table}", f"ALTER {policy} WITH CHECK (true)"),
            (f"FORCE taken off: {table}", f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"),
            (f"row-level security off: {table}", f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
            (f"tenant_id may be null: {table}", f"ALTER TABLE {table} ALTER tenant_id DROP NOT NULL"),
            (f"TRUNCATE granted: {table}", f"GRANT TRUNCATE ON {table} TO academy_app"),
            *_trail_mutants(model, table),
        ]
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('f', 'u')"
            " AND conrelid = %s::regclass ORDER BY conname",
            [table],
        )
        for name, definition in cursor.fetchall():
            if definition.startswith("FOREIGN KEY") or name.endswith("_walls"):
                found.append(
                    (f"key dropped: {table} {definition}", f'ALTER TABLE {table} DROP CONSTRAINT "{name}" CASCADE')
                )
    return found


def _trail_mutants(model: type[TenantModel], table: str) -> list[tuple[str, str]]:
    if model.is_append_only:
        return [
            (f"{right} granted: {table}", f"GRANT {right} ON {table} TO academy_app") for right in ("UPDATE", "DELETE")
        ]
    if model.untrailed:
        return []
    return [(f"trigger of the trail dropped: {table}", f"DROP TRIGGER {TRIGGER_NAME} ON {table}")]


def caught_by_catalogue() -> Iterator[tuple[str, str | None]]:
    """(mutant, the first complaint of the catalogue's walk or ``None``); everything is rolled back."""
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"]) as owner:
        cursor = owner.cursor()
        assert isolation_problems(cursor) == []
        for name, statement in catalogue_mutants(cursor):
            cursor.execute("SAVEPOINT before")
            cursor.execute(statement)
            problems = isolation_problems(cursor)
            cursor.execute("ROLLBACK TO before")
            yield name, problems[0] if problems else None
        owner.rollback()
