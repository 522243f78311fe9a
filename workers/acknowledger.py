"""Tells SQS what became of messages, many per call, in a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from academy.jobs.disposition import Disposition
from workers.messages import ReceivedMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.1
BATCH_MESSAGES = 10
TRIES = 5
BACKOFF_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Entry:
    message: ReceivedMessage
    visibility_seconds: int | None
    """None: delete."""
    is_wanted: Callable[[], bool]


def _always() -> bool:
    return True


class Acknowledger:
    """Deletes messages and changes their visibility in batches, in the order of the calls per message.

    A message that SQS can't be told about is delivered again after its visibility time-out: harmless, and logged.
    """

    def __init__(self, client: SQSClient) -> None:
        self._client = client
        self._condition = threading.Condition()
        self._entries: list[_Entry] = []
        self._flush_at: float | None = None
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="acknowledger", daemon=True)
        self._thread.start()

    def settle(self, message: ReceivedMessage, disposition: Disposition) -> None:
        """Delete the message or have it delivered again, within FLUSH_SECONDS."""
        self._add([_Entry(message, disposition.defer_seconds, _always)])

    def hand_back(self, messages: list[ReceivedMessage]) -> None:
        """Have the messages delivered again at once, to whichever worker."""
        self._add([_Entry(message, 0, _always) for message in messages])

    def extend(self, message: ReceivedMessage, seconds: int, is_running: Callable[[], bool]) -> None:
        """Keep the message from others for `seconds` more, unless the job has ended before this is sent."""
        self._add([_Entry(message, seconds, is_running)])

    def close(self, timeout_seconds: float) -> bool:
        """Send what is left; False where that took longer than `timeout_seconds`."""
        with self._condition:
            self._is_closing = True
            self._condition.notify()
        self._thread.join(max(timeout_seconds, 0))
        return not self._thread.is_alive()

    def _add(self, entries: list[_Entry]) -> None:
        if not entries:
            return
        with self._condition:
            self._entries += entries
            if self._flush_at is None:
                self._flush_at = time.monotonic() + FLUSH_SECONDS
                self._condition.notify()
            elif len(self._entries) >= BATCH_MESSAGES:
                self._condition.notify()

    def _work(self) -> None:
        while True:
            entries = self._wait()
            if not entries:
                return
            try:
                self._flush(entries)
            except Exception:
                logger.exception("%d messages were not acknowledged", len(entries))

    def _wait(self) -> list[_Entry]:
        """Give all entries once it is time to send them; nothing when closed."""
        with self._condition:
            while not self._is_closing:
                if self._flush_at is None:
                    self._condition.wait()
                    continue
                remaining = self._flush_at - time.monotonic()
                if remaining <= 0 or len(self._entries) >= BATCH_MESSAGES:
                    break
                self._condition.wait(remaining)
            entries, self._entries, self._flush_at = self._entries, [], None
            return entries

    def _flush(self, entries: list[_Entry]) -> None:
        groups: dict[tuple[str, bool], list[_Entry]] = defaultdict(list)
        for entry in entries:
            groups[entry.message.queue.url, entry.visibility_seconds is None].append(entry)
        # Deletes last: an extension asked for before is then no longer wanted, or sent already.
        for url, is_delete in sorted(groups):
            group = groups[url, is_delete]
            for start in range(0, len(group), BATCH_MESSAGES):
                self._send(url, is_delete, group[start : start + BATCH_MESSAGES])

    def _send(self, url: str, is_delete: bool, entries: list[_Entry]) -> None:
        entries = [entry for entry in entries if entry.is_wanted()]
        for number in range(TRIES):
            if not entries:
                return
            if number:
                self._pause(BACKOFF_SECONDS * 2**number)
            try:
                entries = self._call(url, is_delete, entries)
            except (BotoCoreError, ClientError) as error:
                logger.warning("SQS was not told about %d messages: %s", len(entries), error)
        if entries:
            logger.error("%d messages will be delivered again: SQS could not be told about them", len(entries))

    def _call(self, url: str, is_delete: bool, entries: list[_Entry]) -> list[_Entry]:
        """Send one batch; give what is worth another try."""
        if is_delete:
            failed = self._client.delete_message_batch(
                QueueUrl=url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": entry.message.receipt_handle}
                    for number, entry in enumerate(entries)
                ],
            ).get("Failed", [])
        else:
            failed = self._client.change_message_visibility_batch(
                QueueUrl=url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": entry.message.receipt_handle,
                        "VisibilityTimeout": entry.visibility_seconds or 0,
                    }
                    for number, entry in enumerate(entries)
                ],
            ).get("Failed", [])
        for failure in failed:
            message_id = entries[int(failure["Id"])].message.message_id
            logger.warning("SQS refused to settle message %s: %s", message_id, failure.get("Code"))
        return [entries[int(failure["Id"])] for failure in failed if not failure.get("SenderFault")]

    def _pause(self, seconds: float) -> None:
        """Wait with jitter; while closing only briefly, since the process is about to end."""
        seconds *= random.uniform(0.5, 1)  # noqa: S311 - jitter, not secrecy
        with self._condition:
            if not self._is_closing:
                self._condition.wait_for(lambda: self._is_closing, seconds)
                return
        time.sleep(min(seconds, FLUSH_SECONDS))
