"""What nobody caught is logged as every other error is, instead of being printed with its words."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

logger = logging.getLogger("academy.uncaught")


def log_uncaught() -> None:
    """From now on, in the main thread and in all others of this process."""
    sys.excepthook = _of_process
    threading.excepthook = _of_thread


def _of_process(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, Exception):
        sys.__excepthook__(kind, error, trace)
        return
    logger.critical("the process ends by an error that nobody caught", exc_info=(kind, error, trace))


def _of_thread(call: threading.ExceptHookArgs) -> None:
    if not isinstance(call.exc_value, Exception):
        threading.__excepthook__(call)
        return
    name = call.thread.name if call.thread else "(unknown)"
    error = (call.exc_type, call.exc_value, call.exc_traceback)
    logger.critical("the thread %s ends by an error that nobody caught", name, exc_info=error)
