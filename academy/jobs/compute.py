"""The contract between a task and the sandbox that computes for it, and how a computation can end badly.

Imports nothing: the sandbox's side (``workers.sandbox``) and the job's side both go by these classes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol


class ComputeSandbox(Protocol):
    """A killable child process; what runs in it sees bytes and numbers, no database and no credentials."""

    def run(
        self,
        function: str,
        *args: Any,
        timeout_seconds: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> Any:
        """The result of ``function`` ("package.module:name"). Raises one of the errors below."""
        ...

    def input_file(self, name: str) -> AbstractContextManager[tuple[str, BinaryIO]]:
        """A new file that the child may read, until the end of the block: its path there, and the file to be written.

        For what is too large for an argument. Close it before ``run``. The child can change nothing of it.
        """
        ...

    def open_output(self, name: str) -> BinaryIO:
        """A file that ``run`` left in its folder, for what is too large for a result. Follows no link.

        Raises ``FileNotFoundError``, ``PermissionError`` for anything but a regular file.
        """
        ...

    def progress_token(self) -> Hashable:
        """Something that changes while the child truly works."""
        ...

    def kill(self) -> None:
        """End what is running now; ``run`` then raises ``JobCancelled``."""
        ...


class ComputeError(Exception):
    """A computation that gave no result."""


class ComputeRefused(ComputeError):
    """The computation looked at its input and says why it cannot be done: a blurred sheet, a broken file."""

    def __init__(self, kind: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.reason = reason
        self.message = message


class ComputeFailed(ComputeError):
    """The computation raised what it should not have: a bug."""

    def __init__(self, message: str, traceback_text: str) -> None:
        super().__init__(message)
        self.traceback_text = traceback_text


class JobTimedOut(ComputeError):
    """The wall clock ran out; the child and its children were killed."""


class ChildCrashed(ComputeError):
    """The child died: a native crash, or a frame that no honest child sends."""


class ChildOutOfMemory(ComputeError):
    """The child reached its memory limit."""


class JobCancelled(ComputeError):
    """The job was ended from outside."""
