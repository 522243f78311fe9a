"""All that hangs on a row: found by the keys that point at it, so that no table can be forgotten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from django.db import models

from academy.audits.files import key_columns
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.checks import tenant_models
from academy.tenancy.holdings import holdings
from apps.trash.models import DeletedRows, Deletion

IDS_AT_ONCE: Final = 1000


class Blocked(Exception):
    """Rows that must not lose what they point at."""

    def __init__(self, model: type[TenantModel]) -> None:
        super().__init__(model._meta.label)
        self.model = model


@dataclass(frozen=True, slots=True)
class Gathered:
    """``rows`` by model, in an order in which they can be written; ``loose`` as (model, column, ids)."""

    rows: dict[type[TenantModel], list[TenantModel]] = field(default_factory=dict)
    loose: list[tuple[type[TenantModel], str, list[int]]] = field(default_factory=list)


@cache
def _keys() -> tuple[tuple[type[TenantModel], models.ForeignKey[Any, Any]], ...]:
    """Every key of a tenant model, with the model that holds it."""
    return tuple(
        (model, key)
        for model in tenant_models()
        if issubclass(model, TenantModel) and model not in (Deletion, DeletedRows)
        for key in model._meta.local_fields
        if isinstance(key, models.ForeignKey)
    )


def keys_to(target: type[TenantModel]) -> Iterator[tuple[type[TenantModel], models.ForeignKey[Any, Any]]]:
    return ((model, key) for model, key in _keys() if key.related_model is target)


def keys_of(model: type[TenantModel]) -> list[models.ForeignKey[Any, Any]]:
    """The keys of ``model`` to other tenant models."""
    found = [key for holder, key in _keys() if holder is model]
    return [key for key in found if isinstance(key.related_model, type) and issubclass(key.related_model, TenantModel)]


def gather(root: TenantModel, *, also: Collection[type[TenantModel]], blocking: Collection[str]) -> Gathered:
    """``root`` and what would go with it: by CASCADE, and what is PROTECTed if it is of a model in ``also``.

    Raises ``Blocked`` for what else is PROTECTed, and for any row of a model that ``blocking`` names.
    """
    found: dict[type[TenantModel], dict[int, TenantModel]] = {type(root): {root.pk: root}}
    loose: dict[tuple[type[TenantModel], str], list[int]] = {}
    news: list[tuple[type[TenantModel], list[int]]] = [(type(root), [root.pk])]
    while news:
        target, ids = news.pop(0)
        for model, key in keys_to(target):
            pointing = [row for part in _parts(ids) for row in model.objects.filter(**{f"{key.attname}__in": part})]
            if not pointing:
                continue
            on_delete = key.remote_field.on_delete
            if model._meta.label_lower in blocking or (on_delete is models.PROTECT and model not in also):
                raise Blocked(model)
            if on_delete is models.SET_NULL and model not in also:
                loose.setdefault((model, key.attname), []).extend(row.pk for row in pointing)
                continue
            known = found.setdefault(model, {})
            fresh = [row for row in pointing if row.pk not in known]
            known.update({row.pk: row for row in fresh})
            if fresh:
                news.append((model, [row.pk for row in fresh]))
    order = _in_order(found)
    return Gathered(
        {model: list(found[model].values()) for model in order},
        [
            (model, column, [pk for pk in ids if pk not in found.get(model, {})])
            for (model, column), ids in loose.items()
        ],
    )


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))


def _in_order(found: Collection[type[TenantModel]]) -> list[type[TenantModel]]:
    """Whatever is pointed at before what points at it."""
    left, order = list(found), list[type[TenantModel]]()
    while left:
        ready = next(
            model
            for model in left
            if not any(key.related_model in left and key.related_model is not model for key in keys_of(model))
        )
        order.append(ready)
        left.remove(ready)
    return order


def people_of(gathered: Mapping[type[TenantModel], Iterable[TenantModel]]) -> list[str]:
    """Whose data the rows are, "student:12": they themselves, and those without whom the row would not be."""
    people: set[str] = set()
    for model, rows in gathered.items():
        if model.person_kind:
            people.update(f"{model.person_kind}:{row.pk}" for row in rows)
        for key in keys_of(model):
            target: Any = key.related_model
            # Of a student is whatever names them; who works here is named in passing, e.g. as who made an exam.
            if target.person_kind == "student" or (target.person_kind and key.remote_field.on_delete is models.CASCADE):
                ids = (getattr(row, key.attname) for row in rows)
                people.update(f"{target.person_kind}:{pk}" for pk in ids if pk is not None)
    return sorted(people)


def uploads_of(gathered: Mapping[type[TenantModel], Iterable[TenantModel]]) -> list[int]:
    """The files as they were sent."""
    return sorted(
        {
            getattr(row, key.attname)
            for model, rows in gathered.items()
            for key in keys_of(model)
            if key.related_model is Upload
            for row in rows
        }
    )


def places_of(gathered: Mapping[type[TenantModel], Iterable[TenantModel]]) -> list[str]:
    """The files that go with the rows: the columns named "..._key" and "..._keys", and what an erasure would reach."""
    places: set[str] = set()
    for model, rows in gathered.items():
        names = [column.attname for column in model._meta.local_concrete_fields]
        columns = [*key_columns(model), *(name for name in names if name.endswith("_keys"))]
        reach = [holding.files for holding in holdings() if holding.model is model]
        for row in rows:
            for name in columns:
                value = getattr(row, name)
                places.update([value] if isinstance(value, str) else dict(value).values())
            for files in reach:
                places.update(files(row))
    return sorted(place for place in places if place)
