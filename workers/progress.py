"""How a computation says how far it is. Outside a sandboxed child a report goes nowhere."""

from __future__ import annotations

from collections.abc import Callable

_deliver: Callable[[float], None] | None = None


def report(fraction: float) -> None:
    """Say that `fraction` (0 to 1) of the work is done. Cheap enough to call per frame or per page."""
    if _deliver is not None:
        _deliver(fraction)


def deliver_to(deliver: Callable[[float], None] | None) -> None:
    """Send every later report of this process to `deliver`; None sends them nowhere again."""
    global _deliver
    _deliver = deliver
