"""Looks every few seconds whether somebody has cancelled a job that runs here, and ends it."""

from __future__ import annotations

import logging
import threading
from typing import Protocol, TypeVar
from weakref import WeakSet

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
"""How late a running job notices. One indexed query per slot and look."""


class Cancellable(Protocol):
    def end_if_cancelled(self) -> bool:
        """End the computation if the job was cancelled. Nothing happens before the claim and after the end."""
        ...


RunT = TypeVar("RunT", bound=Cancellable)


class CancelWatch:
    """A thread that looks after the runs it follows, until they are gone."""

    def __init__(self, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._look_seconds = look_seconds
        self._lock = threading.Lock()
        self._runs: WeakSet[Cancellable] = WeakSet()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="cancels", daemon=True)
        self._thread.start()

    def follow(self, run: RunT) -> RunT:
        with self._lock:
            self._runs.add(run)
        return run

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping.wait(self._look_seconds):
            with self._lock:
                runs = list(self._runs)
            for run in runs:
                try:
                    run.end_if_cancelled()
                except Exception:
                    logger.exception("could not see whether a job was cancelled")
            del runs
