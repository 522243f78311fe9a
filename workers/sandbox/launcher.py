"""Starts the warm process that forks children, and speaks with it."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import workers
from workers.sandbox import frames
from workers.sandbox.errors import SandboxUnavailable
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.protocol import END, PACKET_BYTES, START, Confinement, Settings, Usage

logger = logging.getLogger(__name__)

START_TIMEOUT_SECONDS = 60.0
CONTROL_TIMEOUT_SECONDS = 5.0
EXIT_GRACE_SECONDS = 1.0
"""How long a child whose socket has closed may take to become a zombie."""

_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/nonexistent",
    "PYTHONDONTWRITEBYTECODE": "1",
    # One slot is one core; two Tesseracts with their default threads are 4.8 times slower than with one each.
    "OMP_THREAD_LIMIT": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_FOR_THREADS_NUM": "1",
}
_CLOCK_TICKS = os.sysconf("SC_CLK_TCK")

# PR_SET_PDEATHSIG fires when the THREAD that started the process ends, so one that lives as long as the worker starts
# them all.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")


class NoWord(Exception):
    """The zygote is gone, hangs, or could not do what it was asked."""


@dataclass(slots=True)
class Child:
    """A forked child: the socket to speak with it, a pidfd, and when it started (monotonic seconds)."""

    channel: socket.socket
    handle: int
    started_at: float


class Zygote:
    """One warm process. Raises SandboxUnavailable where it does not become ready."""

    def __init__(
        self,
        *,
        preload: Sequence[str],
        allowed: Sequence[str],
        limits: SandboxLimits,
        environment: Mapping[str, str],
        base: Path,
        inputs: Path,
    ) -> None:
        root = str(Path(workers.__file__ or "").resolve().parents[1])
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(START_TIMEOUT_SECONDS)
        descriptor = theirs.fileno()

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(  # noqa: S603 - a fixed command
                [sys.executable, "-P", "-s", "-m", "workers.sandbox.zygote", str(descriptor)],
                env={**_ENVIRONMENT, "PYTHONPATH": root, **environment},
                cwd=base,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[descriptor],
                process_group=0,
            )

        settings = Settings(
            preload=preload,
            allowed=allowed,
            folder=str(base),
            inputs=str(inputs),
            worker_pid=os.getpid(),
            limits=asdict(limits),
        )
        with theirs:
            self._process = _spawner.submit(start).result()
        try:
            self._control.send(frames.pack(settings))
            report = self._receive()
        except NoWord as error:
            self.discard()
            raise SandboxUnavailable(f"the sandbox did not start: {error}") from error
        self._control.settimeout(CONTROL_TIMEOUT_SECONDS)
        self.confinement = cast(Confinement, report)

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def take_child(self) -> Child:
        """The child that waits for a job. Raises NoWord."""
        try:
            self._control.send(START)
            _, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise NoWord(str(error)) from error
        if len(descriptors) != 2:
            raise NoWord("it ended")
        channel = socket.socket(fileno=descriptors[0])
        channel.setblocking(False)
        return Child(channel=channel, handle=descriptors[1], started_at=time.monotonic())

    def end(self, child: Child, *, awaits_exit: bool) -> Usage:
        """Kill the child with all that it started, and say how it had ended. Raises NoWord.

        `awaits_exit`: the child seems to be ending by itself, and how it ends is wanted.
        """
        if awaits_exit:
            poller = select.poll()  # select() refuses descriptors from 1024 on
            poller.register(child.handle, select.POLLIN)
            poller.poll(EXIT_GRACE_SECONDS * 1000)
        child.channel.close()
        try:
            self._control.send(END)
        except OSError as error:
            raise NoWord(str(error)) from error
        return cast(Usage, self._receive())

    def discard(self) -> None:
        """Kill it; the kernel kills its child, and with a process namespace all that is in there."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _receive(self) -> dict[str, object]:
        try:
            reply = frames.unpack(self._control.recv(PACKET_BYTES))
        except OSError as error:
            raise NoWord(str(error)) from error
        if not reply or "error" in reply:
            raise NoWord(str(reply.get("error", "it ended")))
        return reply


def kill_group(child: Child) -> None:
    """Kill the child and its process group without the zygote's help."""
    pid = _pid(child)
    try:
        if pid and os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        signal.pidfd_send_signal(child.handle, signal.SIGKILL)
    except ProcessLookupError:
        return


def group_cpu_seconds(child: Child) -> float:
    """CPU seconds of all processes in the child's group, those they have waited for included."""
    group = _pid(child)
    if not group:
        return 0.0
    ticks = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[2]) == group:
            ticks += sum(map(int, fields[11:15]))
    return ticks / _CLOCK_TICKS


def _pid(child: Child) -> int:
    """The child's number as seen from here (it may live in a namespace); 0 where it is gone."""
    for line in Path(f"/proc/self/fdinfo/{child.handle}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(int(line.split()[1]), 0)
    return 0
