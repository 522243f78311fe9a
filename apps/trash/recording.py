"""Rows to JSON and back, as their columns are now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.apps import apps
from django.db import connection, models
from phonenumber_field.phonenumber import PhoneNumber

from academy.tenancy.base import TenantModel
from apps.trash.gathering import Gathered, keys_of
from apps.trash.models import DeletedRows, Deletion

ROWS_AT_ONCE: Final = 200


def keep_rows(deletion: Deletion, gathered: Gathered) -> None:
    """Write down every row, in the order in which they can be written again."""
    parts = [
        DeletedRows(deletion=deletion, model=model._meta.label_lower, rows=[_encoded(row) for row in chunk])
        for model, rows in gathered.rows.items()
        for chunk in (rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE))
    ]
    for position, part in enumerate(parts):
        part.position = position
        part.save(force_insert=True)


def remove_rows(gathered: Gathered) -> None:
    """Delete them, those that point at others first."""
    for model, rows in reversed(gathered.rows.items()):
        ids = [row.pk for row in rows]
        for start in range(0, len(ids), ROWS_AT_ONCE):
            model.objects.filter(pk__in=ids[start : start + ROWS_AT_ONCE]).delete()


def write_rows(deletion: Deletion) -> int:
    """Write all of it again, and let what pointed at it point at it again; returns how many rows had to be left out.

    What a row pointed at may be gone meanwhile: then the row points at nothing or, where it cannot, is left out.
    Raises ``IntegrityError`` where something new has a row's place.
    """
    left_out: dict[type[models.Model], set[int]] = defaultdict(set)
    for part in deletion.parts.order_by("position").iterator(chunk_size=10):
        model = _model(part.model)
        rows = [_decoded(model, values) for values in part.rows]
        kept = _pointing_at_something(model, rows, left_out)
        left_out[model].update({row.pk for row in rows} - {row.pk for row in kept})
        model.objects.bulk_create(kept)
    for label, column, ids in deletion.loose:
        if deletion.row_id not in left_out[_model(deletion.kind)]:
            rows_without = _model(label).objects.filter(**{"pk__in": ids, f"{column}__isnull": True})
            rows_without.update(**{column: deletion.row_id})
    connection.check_constraints()  # keys are checked at the end of a transaction: now is in time to say something
    return sum(map(len, left_out.values()))


def _pointing_at_something(
    model: type[TenantModel], rows: Sequence[TenantModel], left_out: Mapping[type[models.Model], Collection[int]]
) -> list[TenantModel]:
    kept = list(rows)
    for key in keys_of(model):
        target: Any = key.related_model
        wanted = {getattr(row, key.attname) for row in kept} - {None}
        there = set(target.objects.filter(pk__in=wanted).values_list("pk", flat=True)) - set(left_out.get(target, ()))
        if key.null:
            for row in kept:
                if getattr(row, key.attname) not in there:
                    setattr(row, key.attname, None)
        else:
            kept = [row for row in kept if getattr(row, key.attname) in there]
    return kept


def _model(label: str) -> type[TenantModel]:
    model = apps.get_model(label)
    assert issubclass(model, TenantModel)
    return model


def _columns(model: type[TenantModel]) -> list[models.Field[Any, Any]]:
    return [column for column in model._meta.local_concrete_fields if column.name != "tenant" and not column.generated]


def _encoded(row: TenantModel) -> dict[str, Any]:
    return {column.attname: _as_json(getattr(row, column.attname)) for column in _columns(type(row))}


def _as_json(value: Any) -> Any:
    """Raises ``TypeError`` for what no column of what can be deleted holds."""
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | PhoneNumber):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not kept")


def _decoded(model: type[TenantModel], values: Mapping[str, Any]) -> TenantModel:
    """A column that came since has its default; one that went is left out."""
    known = {column.attname: column for column in _columns(model)}
    return model(**{name: known[name].to_python(value) for name, value in values.items() if name in known})
