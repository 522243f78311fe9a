"""What the tests' jobs run in the sandboxed child."""

from __future__ import annotations

import ctypes
import time

from workers import progress


def work(milliseconds: int) -> int:
    """Take so long, saying so every 0.1 s."""
    end = time.monotonic() + milliseconds / 1000
    while (remaining := end - time.monotonic()) > 0:
        time.sleep(min(remaining, 0.1))
        progress.report(max(1 - remaining * 1000 / milliseconds, 0.0))
    return milliseconds


def crash() -> None:
    """End by a segmentation fault."""
    ctypes.string_at(0)
