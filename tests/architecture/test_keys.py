"""Composite keys: the wall that stands even where no policy binds, because checks of foreign keys bypass policies."""

from __future__ import annotations

import os

import psycopg
import pytest

from tests.architecture.rows import complete, tenant_foreign_keys
from tests.factories import make_world


def test_keys_keep_the_academies_apart_even_with_row_level_security_off(committed: None) -> None:
    """As a superuser, whom no policy binds: a row cannot refer to a row of another academy."""
    world = make_world()
    complete(world)
    ours, theirs = world.hana.tenant.pk, world.duri.tenant.pk
    keys = tenant_foreign_keys()
    assert len(keys) >= 15
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"]) as administrator:
        cursor = administrator.cursor()
        for key in keys:
            table, target, column = key.model._meta.db_table, key.target._meta.db_table, key.field.column
            named = key.field.target_field.column
            cursor.execute(f"SELECT {named} FROM pool.{target} WHERE tenant_id = {theirs} LIMIT 1")
            foreign = cursor.fetchone()
            assert foreign is not None, target
            cursor.execute("SAVEPOINT before")
            one_row = f"SELECT ctid FROM pool.{table} WHERE tenant_id = {ours} LIMIT 1"  # two could be alike after it
            forge = f"UPDATE pool.{table} SET {column} = %s WHERE ctid = ({one_row})"
            cursor.execute(forge, foreign)
            assert cursor.rowcount > 0, f"no row of {table} to try it on"
            with pytest.raises(psycopg.errors.ForeignKeyViolation):
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ROLLBACK TO before")
        administrator.rollback()
