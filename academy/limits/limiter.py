"""Count, and refuse what is too much.

One upsert per limit on a connection of its own in autocommit: the count stands at once, for every process, and
stays when the request that caused it is rolled back. A window begins with its first try, so that in any span of
one window's length at most ``2 * count - 1`` tries pass, and after the first ``count`` none until it ends.
"""

from __future__ import annotations

import atexit
import os
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import psycopg
from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from academy.http.errors import DomainError

CONNECT_SECONDS: Final = 2
SWEEP_ONE_IN: Final = 200
SWEEP_ROWS: Final = 1_000

_TAKE: Final = """
    INSERT INTO public.limits_counter AS counter (key, name, count, resets_at)
    VALUES (%(key)s, %(name)s, %(cost)s, now() + make_interval(secs => %(seconds)s))
    ON CONFLICT (key) DO UPDATE SET
        count = CASE WHEN counter.resets_at <= now() THEN excluded.count
                     ELSE least(counter.count + excluded.count, 1000000000) END,
        resets_at = CASE WHEN counter.resets_at <= now() THEN excluded.resets_at ELSE counter.resets_at END
    RETURNING count, ceil(extract(epoch FROM resets_at - now()))::int
"""
_FORGET: Final = "DELETE FROM public.limits_counter WHERE key = %s"
_SWEEP: Final = """
    DELETE FROM public.limits_counter WHERE key IN (
        SELECT key FROM public.limits_counter WHERE resets_at < now() LIMIT %s FOR UPDATE SKIP LOCKED
    )
"""


class TooMany(DomainError):
    """A limit is used up. ``retry_after_seconds`` says when its window ends."""

    status_code: ClassVar[int] = 429
    code: ClassVar[str] = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(gettext("Too many attempts. Wait a while and try again."))
        self.retry_after_seconds = retry_after_seconds


class LimitsUnreachable(DomainError):
    """The counters cannot be asked. What is limited is refused: a guard that fails open is none."""

    status_code: ClassVar[int] = 503
    code: ClassVar[str] = "limits_unreachable"

    def __init__(self) -> None:
        super().__init__(gettext("This is not possible just now. Try again in a moment."))


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``count`` in ``seconds``. There is no value that means "unlimited"."""

    name: str
    count: int
    seconds: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.seconds < 1 or not self.name:
            raise ValueError(f"not a limit: {self}")


def take(limit: Limit, *of: str | int, cost: int = 1) -> None:
    """Count one try of whom ``of`` names. Raises ``TooMany`` when it is over the limit, ``LimitsUnreachable``.

    ``cost=0`` does the same work and counts nothing: it is refused where one more would be.
    """
    row = _ask(
        _TAKE, {"key": _key(limit, of), "name": limit.name, "cost": cost, "seconds": limit.seconds}, has_answer=True
    )
    assert row is not None
    count, resets_in = row
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        _ask(_SWEEP, [SWEEP_ROWS])
    if count + (1 - min(cost, 1)) > limit.count:
        raise TooMany(max(1, resets_in))


def forget(limit: Limit, *of: str | int) -> None:
    """Begin anew for whom ``of`` names, e.g. after the right password."""
    _ask(_FORGET, [_key(limit, of)])


def _key(limit: Limit, of: tuple[str | int, ...]) -> str:
    value = "\x1f".join([limit.name, *(str(part) for part in of)])
    digest = salted_hmac("academy.limits", value, algorithm="sha256").digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


class _Line:
    """This process's connection. psycopg lets threads take turns on it; a fork makes its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: psycopg.Connection | None = None
        self._pid = 0

    def connection(self) -> psycopg.Connection:
        with self._lock:
            if self._connection is None or self._connection.closed or self._pid != os.getpid():
                self._connection = psycopg.connect(
                    settings.LIMITS_DATABASE_URL,
                    autocommit=True,
                    prepare_threshold=None,
                    connect_timeout=CONNECT_SECONDS,
                    application_name="academy-limits",
                )
                self._pid = os.getpid()
            return self._connection

    def is_open(self) -> bool:
        return self._connection is not None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None


_line = _Line()
atexit.register(_line.close)


def _ask(
    statement: str, parameters: Mapping[str, object] | Sequence[object], *, has_answer: bool = False
) -> tuple[int, int] | None:
    # Twice, because an idle connection may have been cut; a count that was made twice only errs towards refusing.
    for is_last in (False, True):
        try:
            cursor = _line.connection().execute(statement, parameters)
            return cursor.fetchone() if has_answer else None
        except psycopg.OperationalError as error:
            _line.close()
            if is_last:
                raise LimitsUnreachable from error
    raise AssertionError("unreachable")


def forget_everything() -> None:
    """Begin anew for everybody: between tests, or by an operator's hand. Does nothing where nothing was counted."""
    if _line.is_open():
        _ask("DELETE FROM public.limits_counter", [])


def close_connection() -> None:
    """End this process's connection; the next try opens one anew."""
    _line.close()
