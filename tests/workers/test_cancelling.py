"""The watch over running jobs: it looks after each that it follows, whatever one of them does, and holds none back."""

from __future__ import annotations

import gc
import threading
import weakref

from workers.cancelling import CancelWatch

WAIT_SECONDS = 20.0


class Run:
    def __init__(self, error: Exception | None = None) -> None:
        self.looked = threading.Event()
        self._error = error

    def end_if_cancelled(self) -> bool:
        self.looked.set()
        if self._error:
            raise self._error
        return False


def test_every_run_is_looked_after_though_one_breaks() -> None:
    watch = CancelWatch(look_seconds=0.01)
    runs = [watch.follow(Run(RuntimeError("no database"))), *(watch.follow(Run()) for _ in range(3))]
    for run in runs:
        assert run.looked.wait(WAIT_SECONDS)
        run.looked.clear()
    for run in runs:
        assert run.looked.wait(WAIT_SECONDS)
    watch.stop()


def test_a_run_that_has_ended_is_forgotten() -> None:
    watch = CancelWatch(look_seconds=0.01)
    run = watch.follow(Run())
    assert run.looked.wait(WAIT_SECONDS)
    gone = weakref.ref(run)
    watch.stop()
    del run
    gc.collect()
    assert gone() is None
