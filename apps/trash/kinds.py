"""What can be deleted and brought back. Each app says it of its own things, in its ``deleting`` module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from academy.tenancy.base import TenantModel
from apps.accounts.models import User

NEEDED: Final = _("Something else still needs this.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Things of ``model``, which ``name`` calls by their word, deleted by who has ``permission`` and sees them.

    ``lost`` says which of the rows that go with one people are told of, by model. ``also`` are those that its key
    protects and that go with it all the same. Rows of the models that ``blocking`` names ("exams.scan", for they may
    stand further up) keep it, and ``refusal`` says what to do. ``is_makers``: of those who do not see everything, each
    deletes their own.
    """

    model: type[TenantModel]
    name: Promise
    permission: str
    visible_to: Callable[[User], QuerySet[Any]]
    title: Callable[[Any], str]
    lost: Mapping[type[TenantModel], Promise]
    also: tuple[type[TenantModel], ...] = ()
    blocking: tuple[str, ...] = ()
    refusal: Promise = NEEDED
    is_makers: bool = False

    @property
    def code(self) -> str:
        return self.model._meta.label_lower


_KINDS: Final[dict[str, Kind]] = {}


def register(kind: Kind) -> Kind:
    _KINDS[kind.code] = kind
    return kind


def kind_of(code: str) -> Kind | None:
    return _KINDS.get(code)
