"""Sending without anybody waiting: after the commit, by a thread beside the request.

Not inside the transaction, which would hold its locks for as long as the carrier takes, and not before the answer,
which would then tell by its time whether a text was sent. Not by a job either: a job's arguments are kept, and a code
in clear must be kept nowhere. What a crash loses is a text that its reader asks for again.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Lock
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import DomainError
from academy.sms.port import SmsFailed, configured_sms

logger = logging.getLogger(__name__)

SENDERS: Final = 4
# About what can be sent before a graceful stop ends: what comes on top is dropped, and logged.
MAX_WAITING: Final = 400

_executor = ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="sms")
_waiting: set[Future[None]] = set()
_lock = Lock()


class TextsWait(DomainError):
    """As many texts as the sender holds are on their way: another time none of these is dropped."""

    status_code: ClassVar[int] = 503
    code: ClassVar[str] = "texts_wait"

    def __init__(self) -> None:
        super().__init__(gettext("Many text messages are being sent just now. Try again in a minute."))


def check_room_for(count: int) -> None:
    """Whoever sends many at once asks first, and counts no limits before. Raises ``TextsWait``."""
    with _lock:
        if len(_waiting) + count > MAX_WAITING:
            raise TextsWait


def text_after_commit(to: str, text: str) -> None:
    """Send ``text`` once the transaction has committed. A failure is logged; the person asks again."""
    transaction.on_commit(partial(_hand_over, to, text))


def nothing_after_commit() -> None:
    """As much work for this thread as ``text_after_commit``, for when there is nobody to text."""
    transaction.on_commit(partial(_hand_over, "", ""))


def wait_until_sent(seconds: float) -> None:
    """Wait until everything that was handed over is sent."""
    with _lock:
        waiting = list(_waiting)
    wait(waiting, timeout=seconds)


def _hand_over(to: str, text: str) -> None:
    with _lock:
        if len(_waiting) >= MAX_WAITING:
            logger.error("a text is dropped: %s wait already", len(_waiting))
            return
        future = _executor.submit(_deliver, to, text)
        _waiting.add(future)
    future.add_done_callback(_done)


def _done(future: Future[None]) -> None:
    with _lock:
        _waiting.discard(future)


def _deliver(to: str, text: str) -> None:
    if not to:
        return
    try:
        configured_sms().send(to, text)
    except SmsFailed as error:
        logger.error("a text was not sent: %s", error)
    except Exception:  # nobody waits for this thread: what is not logged here is lost
        logger.exception("a text was not sent")
