"""The worker's side of a sandbox. It trusts nothing that a child sends, and never unpickles."""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from workers.sandbox import confinement, frames, launcher
from workers.sandbox.errors import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeFailed,
    ComputeRefused,
    JobCancelled,
    JobTimedOut,
    SandboxUnavailable,
)
from workers.sandbox.frames import Value
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.protocol import (
    FAILED,
    OUT_OF_MEMORY,
    PROGRESS,
    REFUSED,
    RESULT,
    Confinement,
    Usage,
    is_allowed,
)
from workers.sandbox.scratch import Scratch

logger = logging.getLogger(__name__)

_RECEIVE_BYTES = 1 << 18
_TOKEN_STEPS_PER_SECOND = 100


def hide_this_process() -> None:
    """Keep this process's memory and environment from every other process of the same user (prctl(2), DUMPABLE).

    Where no namespace is allowed, this is what keeps a child from the worker's credentials.
    """
    confinement.prctl(confinement.PR_SET_DUMPABLE, 0)


class _ChildGone(Exception):
    """The child closed its socket."""


class _NoAnswer(Exception):
    """The child wrote what is no answer."""


class Sandbox:
    """Runs one function at a time, each call in a fresh process forked from a warm one.

    `preload` modules are imported once, before the sandbox is ready; they must start no thread. A function is named
    "package.module:name" and must be public in one of the `allowed` modules or below. Arguments and results are None,
    bool, int, float, str, bytes, lists and dicts of these with str keys. `environment` adds variables to the few that
    a child gets. Raises SandboxUnavailable where no child can be started.

    `scratch` is the child's working folder: what the child leaves is there (see `open_output`) until `reset`. What is
    too large for the arguments is put beside it with `input_file`, for the child to read.

    Only `kill`, `cpu_seconds` and `progress_token` may be called from another thread than the one that runs jobs.
    """

    def __init__(
        self,
        *,
        preload: Sequence[str],
        limits: SandboxLimits | None = None,
        allowed: Sequence[str] = ("workers.compute",),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.limits = limits or SandboxLimits()
        self._preload = tuple(preload)
        self._allowed = tuple(allowed)
        self._environment = dict(environment or {})
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._is_kill_asked = False
        self._is_closed = False
        self._child: launcher.Child | None = None
        self._cpu_seconds = 0.0
        self._jobs = 0
        self._fraction = 0.0
        self._zygote: launcher.Zygote | None = None
        self._scratch = Scratch()
        try:
            self.confinement: Confinement = self._ready_zygote().confinement
        except BaseException:
            self.close()
            raise
        if not self.confinement["has_namespaces"] and os.geteuid() != 0:
            # The children are this user's processes, in sight of this one: its environment must not be.
            hide_this_process()
        self._log_confinement()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def is_network_isolated(self) -> bool:
        """Whether a child can reach no network: it has an empty network namespace, or may create no socket."""
        return self.confinement["has_namespaces"] or self.confinement["has_system_call_filter"]

    @property
    def scratch(self) -> Path:
        return self._scratch.folder

    def run(
        self,
        function: str,
        *args: object,
        timeout_seconds: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> Value:
        """Give what the function returns for these arguments.

        `on_progress` is called in this thread with fractions from 0 to 1. The time-out counts from the child's start,
        the passing of arguments included. Raises JobTimedOut, JobCancelled (after `kill`), ChildCrashed,
        ChildOutOfMemory, ComputeRefused, ComputeFailed; SandboxUnavailable where nothing ran; ValueError for a
        function that is not allowed; TypeError and frames.FrameTooLarge for arguments that can't cross.
        """
        if not is_allowed(function, self._allowed):
            raise ValueError(f"{function!r} may not run in this sandbox")
        if not 0 < timeout_seconds < math.inf:
            raise ValueError("a time-out is a number of seconds above 0")
        request = frames.encode([str(self.scratch), function, args], self.limits.frame_bytes)
        child = self._start_child()
        is_gone = False
        try:
            return _result(self._converse(child, request, timeout_seconds, on_progress))
        except _ChildGone:
            is_gone = True
        except _NoAnswer as error:
            raise ChildCrashed(f"the child gave no answer: {error}") from None
        finally:
            usage = self._end_child(child, awaits_exit=is_gone)
        raise self._explain(usage)

    def kill(self) -> None:
        """End the running job at once: its `run` raises JobCancelled. Between two jobs, the next `run` does."""
        with self._lock:
            if not self._is_closed and not self._is_kill_asked:
                self._is_kill_asked = True
                os.eventfd_write(self._wake, 1)

    def reset(self) -> None:
        """Between two messages: forget a `kill` that found no job, and have an empty scratch folder."""
        self._take_kill()
        self._scratch.reset()

    @contextmanager
    def input_file(self, name: str) -> Iterator[tuple[str, BinaryIO]]:
        """A new file for the child to read: its path, as an argument for `run`, and the file to be written here.

        Close it before `run`. It is gone at the end of the block. The child can write neither to it nor beside it
        (where the kernel grants no mount namespace and this process is not root, it could, and harm itself alone).
        Raises ValueError for what is no file name, FileExistsError for a name that is taken.
        """
        file = self._scratch.open_input(name)
        try:
            with file:
                yield str(self._scratch.inputs / name), file
        finally:
            self._scratch.remove_input(name)

    def open_output(self, name: str) -> BinaryIO:
        """Open a file that a child left in the scratch folder. Follows no link, for the child may be hostile.

        Raises FileNotFoundError, or PermissionError for anything but a regular file.
        """
        return self._scratch.open_output(name)

    def cpu_seconds(self) -> float:
        """CPU time that the jobs of this sandbox have used, the running one and its programs included."""
        with self._lock:
            running = launcher.group_cpu_seconds(self._child) if self._child else 0.0
            return self._cpu_seconds + running

    def progress_token(self) -> tuple[int, int, float]:
        """A value that differs from an earlier one if the jobs here have truly worked in between (steps of 10 ms)."""
        return self._jobs, int(self.cpu_seconds() * _TOKEN_STEPS_PER_SECOND), self._fraction

    def close(self) -> None:
        """End the child and the process it is forked from, and remove the scratch folder. Safe twice."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            os.close(self._wake)
        self._discard_zygote()
        self._scratch.remove()

    # --- the warm process ---------------------------------------------------------------------------------------
    def _ready_zygote(self) -> launcher.Zygote:
        if self._is_closed:
            raise SandboxUnavailable("the sandbox is closed")
        if self._zygote is not None and not self._zygote.is_alive():
            self._discard_zygote()
        if self._zygote is None:
            self._zygote = launcher.Zygote(
                preload=self._preload,
                allowed=self._allowed,
                limits=self.limits,
                environment=self._environment,
                base=self._scratch.base,
                inputs=self._scratch.inputs,
            )
            if os.geteuid() == 0 and self._zygote.confinement["is_unprivileged"]:
                self._scratch.give_to_nobody()
        return self._zygote

    def _discard_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.discard()
        self._zygote = None

    def _log_confinement(self) -> None:
        words = " ".join(f"{name}={value}" for name, value in sorted(self.confinement.items()))
        logger.info("sandbox ready: is_network_isolated=%s %s", self.is_network_isolated, words)
        if not self.is_network_isolated:
            logger.warning("sandboxed jobs can reach the network: neither namespaces nor a system call filter here")
        if self.confinement["threads"] > 1:
            logger.warning("a preloaded module has started threads, which no child will have")

    def _start_child(self) -> launcher.Child:
        try:
            child = self._ready_zygote().take_child()
        except launcher.NoWord as error:
            logger.warning("the sandbox is replaced: %s", error)
            self._discard_zygote()
            try:
                child = self._ready_zygote().take_child()
            except launcher.NoWord as second:
                raise SandboxUnavailable(f"no child could be started: {second}") from second
        with self._lock:
            self._jobs += 1
            self._fraction = 0.0
            self._child = child
        return child

    def _end_child(self, child: launcher.Child, *, awaits_exit: bool) -> Usage | None:
        assert self._zygote is not None
        usage = None
        try:
            usage = self._zygote.end(child, awaits_exit=awaits_exit)
        except launcher.NoWord as error:
            logger.warning("the sandbox is replaced, no word about its last job: %s", error)
            launcher.kill_group(child)
            self._discard_zygote()
        with self._lock:
            self._child = None
            os.close(child.handle)
            if usage is not None:
                self._cpu_seconds += usage["cpu_seconds"]
        return usage

    # --- one job ------------------------------------------------------------------------------------------------
    def _converse(
        self,
        child: launcher.Child,
        request: list[bytes],
        timeout_seconds: float,
        on_progress: Callable[[float], None] | None,
    ) -> list[Value]:
        deadline = child.started_at + timeout_seconds
        unsent = deque([memoryview(part) for part in request])
        reader = frames.FrameReader(self.limits.frame_bytes)
        poller = select.poll()
        poller.register(self._wake, select.POLLIN)
        poller.register(child.handle, select.POLLIN)
        poller.register(child.channel, select.POLLIN | select.POLLOUT)
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise JobTimedOut(timeout_seconds, "wall-clock")
            ready = dict(poller.poll(math.ceil(remaining * 1000)))
            if self._wake in ready and self._take_kill():
                raise JobCancelled("the job was ended by kill()")
            events = ready.get(child.channel.fileno(), 0)
            if events & select.POLLOUT and not _send_some(child, unsent):
                poller.modify(child.channel, select.POLLIN)
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR):
                for value in _read_some(child, reader):
                    if not (isinstance(value, list) and value and isinstance(value[0], int)):
                        raise _NoAnswer("a value of no known kind")
                    if value[0] != PROGRESS:
                        return value
                    self._advance(value, on_progress)
            elif child.handle in ready:
                raise _ChildGone

    def _advance(self, value: list[Value], on_progress: Callable[[float], None] | None) -> None:
        match value:
            case [_, float(fraction)] if 0 <= fraction <= 1:
                self._fraction = fraction
                if on_progress is not None:
                    on_progress(fraction)
            case _:
                raise _NoAnswer("progress that is no fraction")

    def _explain(self, usage: Usage | None) -> Exception:
        if usage is None or usage["is_killed"]:
            return ChildCrashed("the child closed its socket without an answer")
        code = os.waitstatus_to_exitcode(usage["status"])
        if code >= 0:
            return ChildCrashed(f"the child exited ({code}) without an answer")
        is_out_of_time = usage["cpu_seconds"] >= self.limits.cpu_seconds
        if -code == signal.SIGXCPU or (-code == signal.SIGKILL and is_out_of_time):
            return JobTimedOut(self.limits.cpu_seconds, "CPU")
        if -code == signal.SIGKILL:
            return ChildOutOfMemory("the child was killed from outside, as the kernel does for want of memory")
        return ChildCrashed(f"the child died of signal {-code}", -code)

    def _take_kill(self) -> bool:
        with self._lock:
            is_asked, self._is_kill_asked = self._is_kill_asked, False
            if is_asked and not self._is_closed:
                os.eventfd_read(self._wake)
        return is_asked


def _send_some(child: launcher.Child, unsent: deque[memoryview]) -> bool:
    """Send what the socket takes; False once all is sent, or nobody is left to read it."""
    try:
        while unsent:
            sent = child.channel.send(unsent[0])
            unsent[0] = unsent[0][sent:]
            if not unsent[0]:
                unsent.popleft()
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    return False


def _read_some(child: launcher.Child, reader: frames.FrameReader) -> list[Value]:
    try:
        data = child.channel.recv(_RECEIVE_BYTES)
    except BlockingIOError:
        return []
    except ConnectionError:
        raise _ChildGone from None
    if not data:
        raise _ChildGone
    try:
        return list(reader.feed(data))
    except frames.MalformedFrame as error:
        raise _NoAnswer(str(error)) from error


def _result(answer: list[Value]) -> Value:
    match answer:
        case [int(kind), value] if kind == RESULT:
            return value
        case [int(kind)] if kind == OUT_OF_MEMORY:
            raise ChildOutOfMemory("the job asked for more memory than it may have")
        case [int(kind), str(name), str(reason), str(message)] if kind == REFUSED:
            raise ComputeRefused(name, reason, message)
        case [int(kind), str(message), str(text)] if kind == FAILED:
            raise ComputeFailed(message, text)
    raise _NoAnswer("an answer of no known shape")
