"""What is held about a person, table by table: what their export shows and what their erasure reaches.

Each app says it in its ``personal`` module, in ``HOLDINGS`` (in the order in which rows can go) and in
``NOT_PERSONAL`` (tables that are about nobody, with the reason). The architecture tests walk every model there is
and fail on one that neither names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db.models import Model, Q
from django.utils.module_loading import autodiscover_modules

from academy.tenancy.base import TenantModel


@dataclass(frozen=True, slots=True)
class Subject:
    """A person of the acting academy: the ids of their accounts and student records, and their phones (E.164)."""

    users: frozenset[int] = frozenset()
    students: frozenset[int] = frozenset()
    phones: frozenset[str] = frozenset()


class Fate(Enum):
    """What an erasure does with rows about the person."""

    DELETED = "deleted"
    EMPTIED = "emptied"
    """The row stays, since others need it; what it says about the person goes."""
    KEPT = "kept"
    """A law or another's right asks for it: ``why`` says which."""


def _nothing(row: Any) -> Iterable[str]:  # noqa: ARG001  the signature of what it stands in for
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Rows of one table that are about a person.

    ``pictures`` gives the S3 keys of a row that belong into the person's export; ``files`` the keys, and prefixes that
    end in "/", that its erasure removes. ``shown`` limits the columns of the export where a row also speaks of
    others; ``hidden`` are secrets, in no export. ``is_busy`` tells that an erasure has to wait.
    """

    model: type[TenantModel]
    about: Callable[[Subject], Q]
    fate: Fate
    emptied: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    pictures: Callable[[Any], Iterable[str]] = _nothing
    files: Callable[[Any], Iterable[str]] = _nothing
    is_busy: Callable[[Subject], bool] = lambda _: False
    why: str = ""

    @property
    def has_pictures(self) -> bool:
        return self.pictures is not _nothing

    @property
    def columns(self) -> tuple[str, ...]:
        """What the export shows of a row."""
        if self.shown:
            return self.shown
        names = (item.attname for item in self.model._meta.local_concrete_fields)
        return tuple(name for name in names if name != "tenant_id" and name not in self.hidden)


_MODULE: Final = "personal"


@cache
def holdings() -> tuple[Holding, ...]:
    """Of every app, those that refer to others first: in this order rows can be deleted."""
    return tuple(holding for module in _modules() for holding in module.HOLDINGS)


@cache
def not_personal() -> Mapping[type[Model], str]:
    """The tables that are about nobody, and why."""
    return {model: why for module in _modules() for model, why in module.NOT_PERSONAL.items()}


def _modules() -> list[Any]:
    autodiscover_modules(_MODULE)
    found = [getattr(config.module, _MODULE, None) for config in reversed(list(apps.get_app_configs()))]
    return [module for module in found if module is not None]
