"""What can be wrong with a job that ran in a sandbox. After any of these the sandbox serves the next job."""

from __future__ import annotations

from academy.jobs import compute
from academy.jobs.compute import ChildOutOfMemory, ComputeError, ComputeFailed, ComputeRefused, JobCancelled

__all__ = [
    "ChildCrashed",
    "ChildOutOfMemory",
    "ComputeError",
    "ComputeFailed",
    "ComputeRefused",
    "JobCancelled",
    "JobTimedOut",
    "SandboxUnavailable",
]


class JobTimedOut(compute.JobTimedOut):
    """The job used up its wall-clock or CPU time and was killed with all that it had started."""

    def __init__(self, seconds: float, clock: str) -> None:
        super().__init__(f"the job used up its {seconds:g} s of {clock} time")
        self.seconds = seconds
        self.clock = clock
        """"wall-clock" or "CPU"."""


class ChildCrashed(compute.ChildCrashed):
    """The child died of a signal, exited without an answer, or answered with what is no answer."""

    def __init__(self, message: str, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        """The signal's number, None where the child was not ended by one."""


class SandboxUnavailable(ComputeError):
    """No child could be started; nothing was computed, so the job may be tried again elsewhere or later."""
