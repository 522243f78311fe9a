"""Finding rows of a list by words, at a cost that the number of rows decides and not what is joined to them.

No index serves "contains" under row-level security (decision 21), so what is looked for is compared with every row of
the academy. That is cheap as long as nothing else is done for each of them: what stands in another table is looked up
there once, as the set of its keys, and rows are joined to what their columns show only when they are on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from django.db.models import Field, Model, Q, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel

Row = TypeVar("Row", bound=Model)

MAX_WORDS: Final = 6
"""Of one search; further ones are not looked for."""


def matching(rows: QuerySet[Row], fields: Sequence[str], text: str) -> QuerySet[Row]:
    """Of ``rows``, those with every word of ``text`` in one of ``fields``, e.g. "title" or "course__name"."""
    for word in text.replace("\x00", "").split()[:MAX_WORDS]:
        found = Q()
        for path in fields:
            found |= _contains(rows.model, path, word)
        rows = rows.filter(found)
    return rows


def _contains(model: type[Model], path: str, word: str) -> Q:
    head, _, rest = path.partition("__")
    if not rest:
        return Q(**{f"{head}__icontains": word})
    field = model._meta.get_field(head)
    other = field.related_model
    assert isinstance(other, type)
    assert isinstance(field, Field | ForeignObjectRel)
    manager: Any = other._default_manager
    found = manager.filter(_contains(other, rest, word))
    if isinstance(field, ForeignObjectRel):
        return Q(pk__in=found.values(field.field.attname))
    return Q(**{f"{head}__in": found.values("pk")})
