"""What a view shows or changes of people, declared per HTTP method; what is not declared is refused.

The trail is written from it (academy/trail): who saw whose data. A view says where the ids of the people are, in its
answer or in its path, so that no query is needed to find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from django.http import HttpRequest

Ids: TypeAlias = Callable[[Any, Mapping[str, Any]], Iterable[int]]
"""Of an answer's data and the path's arguments: the ids of the people concerned."""

_SUBJECTS: Final = "_academy_subjects"
_REASON: Final = "_academy_reason"
_STATUS: Final = "_academy_status"


@dataclass(frozen=True)
class Personal:
    """What the trail is to hold of a request that succeeded, besides what its writes leave there by themselves.

    ``ids`` maps a kind of person ("student") to where their ids are. ``is_recorded`` also when nobody is named;
    ``is_log_in``: a refusal is recorded, too; ``is_export``: the answer leaves the product as a file, so that a reason
    has to be noted (``note_reason``).
    """

    ids: Mapping[str, Ids]
    is_recorded: bool = False
    is_log_in: bool = False
    is_export: bool = False


NOT_PERSONAL: Final = Personal({})
"""Says nothing about a person that can be named."""
OWN: Final = Personal({})
"""Shows people what is theirs: themselves, or the children they act for."""
RECORDED: Final = Personal({}, is_recorded=True)
"""An act worth an entry that concerns nobody in particular."""
LOG_IN: Final = Personal({}, is_recorded=True, is_log_in=True)


def about(*, is_recorded: bool = False, is_export: bool = False, **ids: Ids) -> Personal:
    """Other people's data, by kind of person: ``about(student=in_answer("id"))``. A view may note more by itself."""
    return Personal(ids, is_recorded=is_recorded, is_export=is_export)


def in_answer(*names: str, where: tuple[str, str] | None = None) -> Ids:
    """The ids under ``names``, each within the one before, of every row of a page, a list, or one object.

    With ``where``, a name and a value, of those rows only that have this value there.
    """

    def ids(data: Any, _: Mapping[str, Any]) -> Iterator[int]:
        rows = data.get("results", data) if isinstance(data, dict) else data
        for row in rows if isinstance(rows, list) else [rows]:
            if where is not None and row[where[0]] != where[1]:
                continue
            value = row
            for name in names:
                value = value.get(name) if isinstance(value, dict) else None
            if value is not None:
                yield int(value)

    return ids


def in_path(argument: str) -> Ids:
    """The id that the path names."""
    return lambda _, arguments: [int(arguments[argument])]


def declared_personal(view: object, method: str) -> Personal | None:
    """What ``view`` declares for ``method``, ``None`` when it declares nothing."""
    declared: Mapping[str, Personal] = getattr(view, "personal", {})
    return declared.get("GET" if method == "HEAD" else method)


def note_subjects(request: HttpRequest, kind: str, ids: Iterable[int]) -> None:
    """That this request concerns these people, for what the declaration cannot find in the answer."""
    noted_subjects(request).update(f"{kind}:{pk}" for pk in ids)


def noted_subjects(request: HttpRequest) -> set[str]:
    found: set[str] = request.__dict__.setdefault(_SUBJECTS, set())
    return found


def note_reason(request: HttpRequest, reason: str) -> None:
    """Why the person wants this file."""
    setattr(request, _REASON, reason)


def noted_reason(request: HttpRequest) -> str:
    return getattr(request, _REASON, "")


def note_status(request: HttpRequest, status: int) -> None:
    """What became of the request, where people are led to another page or shown their form again, with a 2xx or 3xx."""
    setattr(request, _STATUS, status)


def noted_status(request: HttpRequest) -> int | None:
    return getattr(request, _STATUS, None)
