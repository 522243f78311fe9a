"""What the API shows of the trail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from django.db import transaction
from django.db.models import CharField, QuerySet, Value

from academy.tenancy.base import TenantModel
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from academy.trail.models import TrailEntry

EVERYBODY: Final = "*"
ACTOR_KIND: Final = "user"
CHUNK: Final = 1_000
"""Entries in memory at once while the trail is exported."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries: by this actor, about this person ("student:12"), of this action, since then, before ``until``."""

    actor: int | None = None
    subject: str | None = None
    action: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def entries(wanted: Filter) -> QuerySet[TrailEntry]:
    """In no order. About a person are also the entries that are about everybody."""
    rows = TrailEntry.objects.all()
    if wanted.actor is not None:
        rows = rows.filter(actor_id=wanted.actor)
    if wanted.subject is not None:
        rows = rows.filter(subjects__overlap=[wanted.subject, EVERYBODY])
    if wanted.action is not None:
        rows = rows.filter(action=wanted.action)
    if wanted.outcome is not None:
        rows = rows.filter(outcome=wanted.outcome)
    if wanted.since is not None:
        rows = rows.filter(created_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(created_at__lt=wanted.until)
    return rows


@cache
def person_models() -> dict[str, type[TenantModel]]:
    """Kind -> model of everything that is a person."""
    return {
        model.person_kind: model for model in tenant_models() if issubclass(model, TenantModel) and model.person_kind
    }


def names_of(subjects: Iterable[str]) -> dict[str, str]:
    """Names by "kind:id", by one query. Who is no more has none."""
    ids: dict[str, list[int]] = {}
    for subject in subjects:
        kind, _, pk = subject.partition(":")
        if kind in person_models():
            ids.setdefault(kind, []).append(int(pk))
    parts: list[QuerySet[Any, Any]] = [
        person_models()[kind]
        .objects.filter(pk__in=pks)
        .order_by()
        .values_list(Value(kind, output_field=CharField()), "pk", "name")
        for kind, pks in sorted(ids.items())
    ]
    if not parts:
        return {}
    return {f"{kind}:{pk}": name for kind, pk, name in parts[0].union(*parts[1:], all=True)}


def people_of(rows: Iterable[TrailEntry]) -> set[str]:
    """Everybody whom these entries name, actors and subjects."""
    found: set[str] = set()
    for row in rows:
        found.update(row.subjects)
        if row.actor_id is not None:
            found.add(f"{ACTOR_KIND}:{row.actor_id}")
    found.discard(EVERYBODY)
    return found


def chunks_of(tenant: Tenant, wanted: Filter) -> Iterator[tuple[list[TrailEntry], dict[str, str]]]:
    """Entries, newest first, a thousand at a time with the names in them.

    Each chunk in a transaction of its own, since an answer is streamed after the request's has ended.
    """
    below: int | None = None
    while True:
        with acting_for(tenant), transaction.atomic():
            found = entries(wanted) if below is None else entries(wanted).filter(pk__lt=below)
            rows = list(found.order_by("-pk")[:CHUNK])
            names = names_of(people_of(rows))
        if not rows:
            return
        yield rows, names
        below = rows[-1].pk
