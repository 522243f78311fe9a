"""What the parts of the consumer speak about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from academy.jobs.disposition import Disposition


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue to be served, and its weight against the other queues of the same worker."""

    name: str
    url: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message that this worker holds until its visibility time-out."""

    queue: QueueSpec
    message_id: str
    body: str
    receipt_handle: str
    receive_count: int
    group_id: str | None
    traceparent: str = ""
    """Where in its trace it was sent; whatever its sender wrote there."""


class JobRun(Protocol):
    """One delivery of one job. `run` is called once, in a slot's thread; the others from other threads meanwhile."""

    def run(self) -> Disposition:
        """Do the work, and say what becomes of the message."""
        ...

    def beat(self) -> bool:
        """Extend the job's lease, and say whether it has moved since the last beat.

        Raises LeaseLost where the job is no longer this worker's.
        """
        ...

    def abandon(self) -> None:
        """The worker stops: end the computation, so that `run` returns `Disposition.defer(0)` soon."""
        ...


class JobSandbox(Protocol):
    """What the consumer itself needs of a slot's sandbox."""

    def kill(self) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...
