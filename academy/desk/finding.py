"""One search over everything that a person may see at the desk: each list's rows by its own rule, kind by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import BigIntegerField, F, IntegerField, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from academy.desk.options import DeskAdmin
from academy.desk.pages import Page
from academy.desk.searching import query_of
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_subjects

SHOWN: Final = 6
"""Of each kind; the list has the others."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found: what it is called, what stands beside it, where it is."""

    title: str
    beside: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind. ``more_url`` leads to all of it, "" when nothing is left out."""

    title: str | Promise
    icon: str
    hits: list[Hit]
    more_url: str


@dataclass(frozen=True, slots=True)
class Finder:
    """What is in no list and can be found nevertheless, by who has ``permission``."""

    permission: str
    find: Callable[[str], Group]


finders: Final[list[Finder]] = []


def everything(request: HttpRequest) -> HttpResponse:
    """What is called so, of every list that the person has, and what the finders find."""
    user: Any = request.user
    query = query_of(request)
    groups: list[Group] = []
    if query:
        groups = _of_lists(request, query)
        groups += [finder.find(query) for finder in finders if user.may(finder.permission)]
    shown = {"title": _("Search"), "query": query, "groups": [group for group in groups if group.hits]}
    return academy_desk.render(request, "desk/search.html", shown)


def _of_lists(request: HttpRequest, query: str) -> list[Group]:
    """In one statement, however many lists there are; people first, then as in the menu."""
    user: Any = request.user
    admins = [
        admin
        for admin in academy_desk._registry.values()
        if isinstance(admin, DeskAdmin) and admin.found_by and user.may(admin.permissions["view"])
    ]
    admins.sort(key=lambda admin: (admin.listed is None, admin.entry.order if admin.entry else 0))
    if not admins:
        return []
    first, *others = [_part(admin, number, request, query) for number, admin in enumerate(admins)]
    found: dict[int, list[tuple[int, str, str]]] = {}
    for number, pk, title, beside in first.union(*others, all=True) if others else first:
        found.setdefault(number, []).append((pk, title, beside))
    return [_group(admin, request, query, found.get(number, [])) for number, admin in enumerate(admins)]


def _part(admin: DeskAdmin, number: int, request: HttpRequest, query: str) -> QuerySet[Any, Any]:
    rows = admin.rows_with(admin.get_queryset(request).select_related(None), admin.found_by, query)
    keys = rows.order_by(admin.keyset).values("pk")[: SHOWN + 1]
    beside = Cast(F(admin.found_beside), TextField()) if admin.found_beside else Value("", TextField())
    found: QuerySet[Any, Any] = admin.model._default_manager.filter(pk__in=keys).values_list(
        Value(number, IntegerField()),
        Cast(F("pk"), BigIntegerField()),
        Cast(F(admin.found_by[0]), TextField()),
        beside,
    )
    return found


def _group(admin: DeskAdmin, request: HttpRequest, query: str, rows: Sequence[tuple[int, str, str]]) -> Group:
    shown = sorted(rows, key=lambda row: (row[1], -row[0]))[:SHOWN]
    if admin.listed is not None:
        note_subjects(request, admin.listed[0], [pk for pk, _title, _beside in shown])
    hits = [
        Hit(title, admin.shown_beside(beside) if beside else "", admin.url("change", pk)) for pk, title, beside in shown
    ]
    more = f"{admin.url('changelist')}?{urlencode({'q': query})}" if len(rows) > SHOWN else ""
    return Group(admin.opts.verbose_name_plural, admin.entry.icon if admin.entry else "search", hits, more)


academy_desk.add_page(Page("search/", "search", everything, {"GET": academy_desk.entry}, {"GET": about()}))
