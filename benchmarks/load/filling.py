"""Many rows in one academy's tables: each like the one that the academy has, but for the columns that are said."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg

Tables = Mapping[str, Mapping[str, str]]
"""Model -> column -> SQL of ``n``, the row's number from 1; ``{app.Model}`` is the id of that table's row number 1."""


def fill(
    connection: psycopg.Connection,
    tenant_id: int,
    tables: Tables,
    numbers: Mapping[str, range],
    first: dict[str, int],
) -> None:
    """The rows ``numbers`` of each table by one statement, without triggers: by the database's administrator.

    ``first`` holds what the SQL may name in braces, and keeps between calls the id of each table's row number 1.
    """
    from django.apps import apps

    connection.execute("SET session_replication_role = replica")
    connection.execute("SET search_path = pool, public")
    for label, own in tables.items():
        model = apps.get_model(label)
        table = model._meta.db_table
        row = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
        assert row is not None
        assert row[0] is not None, f"the academy has no {label}"
        before = first.setdefault(label, row[0] + 1) - 1
        columns = [field.column for field in model._meta.local_concrete_fields if not field.generated]
        cells = [_cell(column, {"id": f"n + {before}", **own}, first) for column in columns]
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(cells)}"
            f" FROM (SELECT * FROM {table} WHERE tenant_id = {tenant_id} ORDER BY id LIMIT 1) AS known,"
            f" generate_series({numbers[label].start}, {numbers[label].stop - 1}) AS n"
        )


def _cell(column: str, own: Mapping[str, str], first: Mapping[str, int]) -> str:
    text = own.get(column)
    if text is None:
        return f"known.{column}"
    for name, value in first.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
