"""What every line of a thread or a request carries along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_BOUND: ContextVar[dict[str, str | int]] = ContextVar("academy_log_fields")


def bound_fields() -> dict[str, str | int]:
    """What is bound here and now; not to be changed."""
    return _BOUND.get({})


@contextmanager
def bound(**fields: str | int) -> Iterator[None]:
    """Name ``fields`` in every line that is logged inside the block."""
    token = _BOUND.set({**bound_fields(), **fields})
    try:
        yield
    finally:
        _BOUND.reset(token)
