"""Finding rows of a list by words, at a cost that the number of rows decides and not what is joined to them.

No index serves "contains" under row-level security (decision 21), so what is looked for is compared with every row of
the academy. That is cheap as long as nothing else is done for each of them: what stands in another table is looked up
there once, as the set of its keys, and rows are joined to what their columns show only when they are on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.http import HttpRequest

Row = TypeVar("Row", bound=Model)

MAX_WORDS: Final = 6
"""Of one search; further ones are not looked for."""
MAX_QUERY: Final = 100


def query_of(request: HttpRequest, *, longest: int = MAX_QUERY) -> str:
    """What the page is asked to look for, at most ``longest`` characters of it."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:longest]


def matching(rows: QuerySet[Row], fields: Sequence[str], text: str) -> QuerySet[Row]:
    """Of ``rows``, those with every word of ``text`` in one of ``fields``, e.g. "title" or "course__name"."""
    for word in text.replace("\x00", "").split()[:MAX_WORDS]:
        rows = rows.filter(_contains(rows.model, fields, word))
    return rows


def _contains(model: type[Model], fields: Sequence[str], word: str) -> Q:
    """One comparison for each column of the rows' own, and one look into each table that they refer to."""
    # Hangul and digits have no case, and comparing without is half the work.
    comparison = "contains" if word.upper() == word.lower() else "icontains"
    found = Q()
    elsewhere: dict[str, list[str]] = {}
    for path in fields:
        head, _, rest = path.partition("__")
        if rest:
            elsewhere.setdefault(head, []).append(rest)
        else:
            found |= Q(**{f"{head}__{comparison}": word})
    for head, rests in elsewhere.items():
        field: Any = model._meta.get_field(head)
        other = field.related_model
        is_theirs = isinstance(field, ForeignObjectRel)  # it is the other table's column that refers to this one
        refers = {field.field.attname: OuterRef("pk")} if is_theirs else {"pk": OuterRef(field.attname)}
        # EXISTS and not IN: for few rows PostgreSQL looks each up, for many it reads the other table once.
        found |= Q(Exists(other._default_manager.filter(_contains(other, rests, word), **refers)))
    return found
