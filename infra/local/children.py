"""The application's processes under the supervisor: started, prefixed, restarted, ended."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from infra.local import processes
from infra.local.state import ROOT

RESTART_SECONDS_FIRST = 0.5
RESTART_SECONDS_MOST = 30.0
STEADY_SECONDS = 30.0  # one that lived as long starts again with the shortest wait
COLOURS = (36, 32, 33, 35, 34, 96, 92, 93)


@dataclass(frozen=True)
class Command:
    """One process to keep running. `grace_seconds` is how long it may take to end after SIGTERM."""

    name: str
    arguments: Sequence[str]
    grace_seconds: float = 30.0


class Output:
    """One stream that many processes write to, a whole line at a time, each with its name in front."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._is_coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self._colours: dict[str, int] = {}

    def write(self, name: str, line: str) -> None:
        """Write one line; once the reader of the stream is gone, write nothing more."""
        prefix = f"{name:<10} |"
        if self._is_coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        with self._lock, contextlib.suppress(BrokenPipeError, ValueError):
            self._stream.write(f"{prefix} {line}\n")
            self._stream.flush()

    def relay(self, name: str, process: "subprocess.Popen[bytes]") -> threading.Thread:
        """Pass on what the process prints until it and its children have closed their end."""

        def pump() -> None:
            assert process.stdout is not None  # opened as a pipe by `spawn`
            with process.stdout:
                for line in process.stdout:
                    self.write(name, line.decode(errors="replace").rstrip("\r\n"))

        thread = threading.Thread(target=pump, name=f"relay-{name}", daemon=True)
        thread.start()
        return thread


def spawn(arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process that gets SIGTERM when this thread ends, in a group of its own, its output in a pipe."""
    return subprocess.Popen(
        [*processes.die_with_parent("TERM"), *arguments],
        cwd=ROOT,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def run_to_end(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    output: Output,
    *,
    is_stopping: Callable[[], bool],
) -> int:
    """Run a command that ends by itself and return its exit status; end it early once `is_stopping`."""
    process = spawn(arguments, environment)
    thread = output.relay(name, process)
    while process.poll() is None:
        if is_stopping():
            end_group(process.pid, grace_seconds=5)
        time.sleep(processes.POLL_SECONDS)
    thread.join(timeout=1)
    return process.returncode


def end_group(pid: int, *, grace_seconds: float) -> None:
    """SIGTERM to the process; after the grace, and for whatever it leaves behind, SIGKILL to its whole group."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    processes.wait_until_gone([pid], seconds=grace_seconds)
    kill_group(pid)


def kill_group(pid: int) -> None:
    """SIGKILL to what is left of the group that this process led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


class Child:
    """A command that is kept running: when it ends, it starts again after a wait that grows."""

    def __init__(self, command: Command, output: Output) -> None:
        self.command = command
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._is_asked = False
        self._started = 0.0
        self._wait_seconds = RESTART_SECONDS_FIRST
        self._start_after = 0.0

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return self._process.pid if self._process is not None else None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it now."""
        self._process = spawn(self.command.arguments, environment)
        self._is_asked = False
        self._started = time.monotonic()
        self._output.relay(self.command.name, self._process)

    def keep_running(self, environment: Mapping[str, str]) -> bool:
        """Notice that it ended, start it again once it is time; whether anything changed."""
        if self._process is None:
            if time.monotonic() < self._start_after:
                return False
            self.start(environment)
            return True
        status = self._process.poll()
        if status is None:
            return False
        kill_group(self._process.pid)
        if time.monotonic() - self._started > STEADY_SECONDS:
            self._wait_seconds = RESTART_SECONDS_FIRST
        self._output.write(
            self.command.name, f"ended with {describe_status(status)}; starts again in {self._wait_seconds:g} s"
        )
        self._start_after = time.monotonic() + self._wait_seconds
        self._wait_seconds = min(2 * self._wait_seconds, RESTART_SECONDS_MOST)
        self._process = None
        return True

    def ask_to_stop(self) -> None:
        """SIGTERM, once, without waiting: a second one means haste to some programs."""
        if self._process is not None and not self._is_asked:
            self._is_asked = True
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def stop(self, *, is_hurried: Callable[[], bool]) -> None:
        """SIGTERM, then wait out its grace unless hurried, then SIGKILL to its group."""
        if self._process is None:
            return
        self.ask_to_stop()
        deadline = time.monotonic() + self.command.grace_seconds
        while self._process.poll() is None and time.monotonic() < deadline and not is_hurried():
            time.sleep(processes.POLL_SECONDS)
        if self._process.poll() is None:
            self._output.write(self.command.name, "did not end in time: killed")
        kill_group(self._process.pid)
        self._process.wait()
        self._process = None


def describe_status(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


# A session is scheduled as one where the kernel groups by sessions (sched(7), "The autogroup feature"): there only what
# is written into its group makes it give way, and ``nice`` alone elsewhere.
_GIVING_WAY = ("sh", "-c", 'echo 19 2>/dev/null >/proc/self/autogroup; exec nice -n 19 "$@"', "sh")


def application_commands() -> tuple[Command, ...]:
    """The processes of the application on one machine."""
    python = sys.executable
    return (
        Command("front", (python, "-m", "infra.local.front"), grace_seconds=5),
        Command("web", (python, "-m", "gunicorn", "--config", "infra/gunicorn_conf.py", "academy.wsgi")),
        Command("streams", (python, "-m", "academy.asgi"), grace_seconds=15),
        Command("dispatcher", (python, "-m", "workers", "dispatcher"), grace_seconds=15),
        # One machine serves and reads here: whoever waits for an answer goes first.
        Command("worker", (*_GIVING_WAY, python, "-m", "workers", "cpu"), grace_seconds=60),
        Command("video", (*_GIVING_WAY, python, "-m", "workers", "video"), grace_seconds=60),
    )


def preparation_commands() -> tuple[tuple[str, Sequence[str]], ...]:
    """What must have succeeded before the application starts, and again after a service lost its state."""
    manage = (sys.executable, "manage.py")
    return (("migrate", (*manage, "migrate_academies")), ("queues", (*manage, "create_queues")))
