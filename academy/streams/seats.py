"""Who watches: what of a person and their session a stream was opened with, and has to stay as it was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from django.http import HttpResponse

from academy.jobs.changes import Position


class Account(Protocol):
    """A person's row, as far as a stream looks at it again."""

    pk: int
    role: str
    session_epoch: int
    has_second_factor: bool

    @property
    def sees_everything(self) -> bool: ...

    def may(self, permission: str) -> bool: ...


# Session keys -> whose they are, of the acting academy: the sessions that still are, of people who may still come.
AccountsOfSessions: TypeAlias = Callable[[Collection[str]], Mapping[str, Account]]

Standing: TypeAlias = tuple[int, str, int, bool, bool]


def standing_of(account: Account, *, is_second_factor_required: bool) -> Standing:
    """Whatever of this changes ends the stream; coming back decides anew what the person may."""
    return account.pk, account.role, account.session_epoch, account.has_second_factor, is_second_factor_required


@dataclass(frozen=True, slots=True)
class Seat:
    """One opened stream, as the database knows it. ``named``: only these jobs."""

    tenant_id: int
    user_id: int
    session_key: str
    standing: Standing
    language: str
    named: frozenset[int] | None


class EventStream(HttpResponse):
    """The opening of a stream. Where streams are served it goes on; elsewhere it ends, and the browser comes again."""

    def __init__(self, content: bytes, *, seat: Seat, position: Position) -> None:
        super().__init__(content, content_type="text/event-stream")
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"  # nginx would collect events until its buffer is full
        self.seat = seat
        self.position = position
