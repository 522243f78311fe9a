"""Which queue may be asked for messages, when, for how many and for how long; and which message a free slot takes.

Pure bookkeeping: no thread, no network, no lock (its owner holds one).

* While no other queue is known to have work, a queue is asked with a long poll, so that an empty queue delays nobody:
  the long polls of all queues are outstanding at once, each in a thread of its own.
* While another queue has work, a long poll would either keep a slot from it or bring a message no slot is free for.
  So a queue is asked briefly, in its turn (workers.fairness), for slots that are kept for it meanwhile; one that was
  found empty is asked again after PROBE_SECONDS.
* No more is taken than there are free slots, with two exceptions that are bounded. Jobs short enough that
  PREFETCH_SECONDS of them make several are fetched ahead, which saves calls. And a long poll that began while slots
  were free may bring messages when they no longer are: these are held for HOLD_SECONDS, then handed back. A message
  that was delivered before is held longer, or workers could toss it from one to the other into the dead letters.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workers.fairness import FairShare, Turn
from workers.messages import QueueSpec, ReceivedMessage

LONG_POLL_SECONDS = 1
"""Longer ones would save requests (an idle queue costs a worker 2.6 million a month, about one dollar) and delay the
worker's end: a poll that is given up may have a message on its way, out of sight then for the visibility time-out."""
PROBE_SECONDS = 0.5
HOLD_SECONDS = 1.0
HOLD_REDELIVERED_SECONDS = 30.0
"""Half of the visibility time-out."""
BATCH_MESSAGES = 10
"""The most that one call to SQS receives."""
PREFETCH_SECONDS = 0.5
PREFETCH_EVIDENCE_JOBS = 8


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to ask `queue` once."""

    queue: QueueSpec
    max_messages: int
    wait_seconds: int

    @property
    def is_long(self) -> bool:
        return self.wait_seconds > 0


@dataclass(frozen=True, slots=True)
class _Held:
    message: ReceivedMessage
    since: float


class Admission:
    """Free slots, held messages and outstanding receives of one worker."""

    def __init__(
        self,
        queues: Sequence[QueueSpec],
        *,
        long_poll_seconds: int = LONG_POLL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queues = {queue.name: queue for queue in queues}
        self._share = FairShare({queue.name: queue.weight for queue in queues})
        self._long_poll_seconds = long_poll_seconds
        self._clock = clock
        self._slots = 0
        self._free = 0
        self._held: dict[str, deque[_Held]] = {name: deque() for name in self._queues}
        self._grants: dict[str, Grant] = {}
        self._has_work = dict.fromkeys(self._queues, False)
        self._probe_at = dict.fromkeys(self._queues, 0.0)
        self._allotted: dict[str, int] = {}
        self._latest: deque[float] = deque(maxlen=PREFETCH_EVIDENCE_JOBS)

    def add_slot(self) -> None:
        """One more slot is ready."""
        self._slots += 1
        self._free += 1

    def remove_slot(self) -> None:
        """A free slot is gone."""
        self._slots -= 1
        self._free -= 1

    @property
    def held_messages(self) -> int:
        return sum(map(len, self._held.values()))

    @property
    def has_room(self) -> bool:
        """Whether a queue may be asked for messages now, as far as the free slots go."""
        open_slots, ahead = self._room()
        return open_slots > 0 or (ahead > 0 and (bool(self._allotted) or not self._is_stocked(open_slots, ahead)))

    # --- receiving ----------------------------------------------------------------------------------------------
    def grant(self, name: str) -> Grant | None:
        """Leave to ask the queue `name` now, or None. Give it back to `received` or `failed`."""
        if name in self._grants:
            return None
        if self._probe_at[name] == math.inf:
            self._probe_at[name] = self._clock()
        rivals = [other for other in self._queues if other != name and self._has_work[other]]
        messages = self._turns(name, rivals)
        if messages < 1:
            return None
        wait_seconds = 0 if rivals else self._long_poll_seconds
        grant = Grant(self._queues[name], min(messages, BATCH_MESSAGES), wait_seconds)
        self._grants[name] = grant
        return grant

    def retry_seconds(self, name: str) -> float | None:
        """After how long a refused `grant` may be given though nothing else happens; None if it will not be."""
        remaining = self._probe_at[name] - self._clock()
        return remaining if remaining > 0 and not self._has_work[name] else None

    def received(self, grant: Grant, messages: Sequence[ReceivedMessage]) -> None:
        """The queue has answered; the messages are held until a slot takes them."""
        name = grant.queue.name
        now = self._clock()
        del self._grants[name]
        self._held[name].extend(_Held(message, now) for message in messages)
        self._has_work[name] = bool(messages)
        if not messages:
            self._probe_at[name] = now + PROBE_SECONDS
            if not self._held[name]:
                self._share.rest(name)

    def failed(self, grant: Grant) -> None:
        """The queue has not answered: it has no turns until it is asked for again."""
        self.received(grant, [])
        self._probe_at[grant.queue.name] = math.inf

    # --- serving ------------------------------------------------------------------------------------------------
    def take(self) -> tuple[ReceivedMessage, Turn] | None:
        """The held message that is next, for a slot that is free until `finished`; None if there is none."""
        waiting = [name for name, held in self._held.items() if held]
        if not waiting or self._free < 1:
            return None
        name = self._share.choose(waiting)
        self._free -= 1
        return self._held[name].popleft().message, self._share.start(name)

    def finished(self, turn: Turn, service_seconds: float) -> None:
        self._free += 1
        self._latest.append(service_seconds)
        self._share.finish(turn, service_seconds)

    def take_overdue(self) -> list[ReceivedMessage]:
        """Messages that were held for as long as may be, to be handed back."""
        now = self._clock()
        overdue = []
        for name, held in self._held.items():
            kept = deque(item for item in held if now - item.since < _hold_seconds(item.message))
            overdue += [item.message for item in held if now - item.since >= _hold_seconds(item.message)]
            self._held[name] = kept
        return overdue

    def take_all(self) -> list[ReceivedMessage]:
        """All held messages, to be handed back."""
        messages = [item.message for held in self._held.values() for item in held]
        for held in self._held.values():
            held.clear()
        return messages

    # --- how many -----------------------------------------------------------------------------------------------
    def _turns(self, name: str, rivals: list[str]) -> int:
        """How many messages `name` may be asked for."""
        now = self._clock()
        open_slots, ahead = self._room()
        room = open_slots + ahead
        if self._is_stocked(open_slots, ahead):
            # It is asked for in rounds, not one by one. Is this queue's part still to come?
            return min(self._allotted.pop(name, 0), room)
        if room < 1 or (rivals and not self._has_work[name] and now < self._probe_at[name]):
            return 0
        if self._has_work[name] and not rivals:
            return room
        if not rivals:
            # Nothing is known to have work: ask for no more than this queue's part, at least one.
            return max(1, self._share.plan(self._queues, room)[name])
        due = [
            other
            for other in self._queues
            if other not in self._grants and (self._has_work[other] or now >= self._probe_at[other])
        ]
        taken = {other: self._coming(other) + len(self._held[other]) for other in self._queues}
        self._allotted = self._share.plan(due, room, taken)
        return self._allotted.pop(name, 0)

    def _coming(self, name: str) -> int:
        """Messages for which slots are kept because they may arrive any moment."""
        grant = self._grants.get(name)
        return grant.max_messages if grant and not grant.is_long else 0

    def _room(self) -> tuple[int, int]:
        """Slots that no message is on its way to, and how many messages may be fetched ahead."""
        return self._free - self.held_messages - sum(map(self._coming, self._grants)), self._prefetch()

    def _is_stocked(self, open_slots: int, ahead: int) -> bool:
        """Whether more than a quarter of what may be fetched ahead is still there."""
        return open_slots < 1 and (open_slots + ahead) * 4 < ahead * 3

    def _prefetch(self) -> int:
        """How many messages beyond the free slots will start within PREFETCH_SECONDS, by the longest of the latest."""
        if len(self._latest) < PREFETCH_EVIDENCE_JOBS:
            return 0
        return min(BATCH_MESSAGES * len(self._queues), int(self._slots * PREFETCH_SECONDS / max(*self._latest, 1e-3)))


def _hold_seconds(message: ReceivedMessage) -> float:
    return HOLD_SECONDS if message.receive_count <= 1 else HOLD_REDELIVERED_SECONDS
