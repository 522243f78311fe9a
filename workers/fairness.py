"""Who is next: queues share the slots by weight, measured in service time, and nobody saves up while idle.

Start-time fair queueing (Goyal, Vin, Cheng 1996): each queue has a virtual clock that advances by service time over
weight; the queue furthest behind is served. A job's length is unknown when it starts, so that the clock is advanced
by an estimate then (or many slots would all choose the same queue) and corrected when the job ends.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

FIRST_ESTIMATE_SECONDS = 1.0
ESTIMATE_WEIGHT = 0.2
"""Of the newest service time in a queue's estimate."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A job that has started: whose it is, and what was charged for it in seconds."""

    queue: str
    charged_seconds: float


class FairShare:
    """The virtual clocks of some queues. With all of them backlogged on W slots, service time over weight of any two
    never differs by more than (W + 1) * S * (1 / w1 + 1 / w2), where S is the longest job (or first estimate).

    Not thread-safe: its owner holds a lock.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        if not weights or min(weights.values()) <= 0:
            raise ValueError("every queue needs a weight above 0")
        self._weights = dict(weights)
        self._virtual = dict.fromkeys(weights, 0.0)
        self._estimates: dict[str, float] = {}
        self._idle = set(weights)
        self._now = 0.0

    def choose(self, waiting: Collection[str]) -> str:
        """The queue that is served next of those with work."""
        return min(waiting, key=self._place)

    def plan(self, waiting: Collection[str], slots: int, taken: Mapping[str, int] | None = None) -> dict[str, int]:
        """How `slots` starts would be shared if every queue of `waiting` had work enough.

        `taken`: jobs of a queue that will start before these, and are not charged yet.
        """
        taken = taken or {}
        places = {queue: self._start_of(queue) + taken.get(queue, 0) * self._step(queue) for queue in waiting}
        starts = dict.fromkeys(waiting, 0)
        for _ in range(slots if starts else 0):
            queue = min(places, key=lambda name: (places[name], -self._weights[name], name))
            places[queue] += self._step(queue)
            starts[queue] += 1
        return starts

    def start(self, queue: str) -> Turn:
        """Charge a job of `queue` that starts now. Give the turn back to `finish`."""
        start = self._start_of(queue)
        self._idle.discard(queue)
        self._now = max(self._now, start)
        charged = self._estimate(queue)
        self._virtual[queue] = start + charged / self._weights[queue]
        return Turn(queue, charged)

    def finish(self, turn: Turn, service_seconds: float) -> None:
        """Correct the charge of a job that has ended by what it really took."""
        correction = service_seconds - turn.charged_seconds
        self._virtual[turn.queue] += correction / self._weights[turn.queue]
        estimate = self._estimates.setdefault(turn.queue, service_seconds)
        self._estimates[turn.queue] = estimate + ESTIMATE_WEIGHT * (service_seconds - estimate)

    def rest(self, queue: str) -> None:
        """`queue` was seen empty: when it has work again it starts level with the others, with no credit."""
        self._idle.add(queue)

    def _estimate(self, queue: str) -> float:
        """A queue that has not finished a job yet is taken to be like the others."""
        return self._estimates.get(queue, max(self._estimates.values(), default=FIRST_ESTIMATE_SECONDS))

    def _step(self, queue: str) -> float:
        return self._estimate(queue) / self._weights[queue]

    def _start_of(self, queue: str) -> float:
        return max(self._virtual[queue], self._now) if queue in self._idle else self._virtual[queue]

    def _place(self, queue: str) -> tuple[float, float, str]:
        return self._start_of(queue), -self._weights[queue], queue
