"""What can be wrong with a job that ran in a sandbox. After any of these the sandbox serves the next job."""

from __future__ import annotations


class SandboxError(Exception):
    """A sandboxed job gave no result."""


class JobTimedOut(SandboxError):
    """The job used up its wall-clock or CPU time and was killed with all that it had started."""

    def __init__(self, seconds: float, clock: str) -> None:
        super().__init__(f"the job used up its {seconds:g} s of {clock} time")
        self.seconds = seconds
        self.clock = clock
        """"wall-clock" or "CPU"."""


class JobCancelled(SandboxError):
    """`Sandbox.kill()` ended the job."""


class ChildCrashed(SandboxError):
    """The child died of a signal, exited without an answer, or answered with what is no answer."""

    def __init__(self, message: str, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal
        """The signal's number, None where the child was not ended by one."""


class ChildOutOfMemory(SandboxError):
    """The job asked for more memory than it may have, or the kernel ended it for want of memory."""


class ComputeRefused(SandboxError):
    """The function refused its input on purpose: an exception with `reason` and `message`."""

    def __init__(self, kind: str, reason: str, message: str) -> None:
        super().__init__(f"{kind} ({reason}): {message}")
        self.kind = kind
        """Module-qualified class of the exception, such as "workers.vision.errors.UnreadableSheet"."""
        self.reason = reason
        self.message = message


class ComputeFailed(SandboxError):
    """The function raised what it did not mean to: a bug, or an input nobody thought of."""

    def __init__(self, message: str, traceback_text: str) -> None:
        super().__init__(message)
        self.message = message
        self.traceback_text = traceback_text


class SandboxUnavailable(SandboxError):
    """No child could be started; nothing was computed, so the job may be tried again elsewhere or later."""
