"""What becomes of a message once its job has run. Imported by the worker and by the jobs app; imports neither."""

from __future__ import annotations

from dataclasses import dataclass

MAX_DEFER_SECONDS = 43_200
"""The longest visibility time-out SQS knows: 12 hours."""


class LeaseLost(Exception):
    """Another worker holds the job, or it was cancelled: stop computing, write nothing, delete nothing."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """Either the message is done with, or it stays in the queue and is seen again after `defer_seconds`."""

    defer_seconds: int | None

    @classmethod
    def delete(cls) -> Disposition:
        """The message has done its work; a further delivery would change nothing."""
        return cls(defer_seconds=None)

    @classmethod
    def defer(cls, seconds: float) -> Disposition:
        """The message stays and is delivered again after about `seconds` (0: at once; at most 12 hours)."""
        return cls(defer_seconds=round(min(max(seconds, 0), MAX_DEFER_SECONDS)))

    @property
    def is_delete(self) -> bool:
        return self.defer_seconds is None
