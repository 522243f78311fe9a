"""Processes and ports of this machine: who lives, who must die with whom, which port is free."""

import atexit
import contextlib
import errno
import fcntl
import http.client
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

# Linux hands out ephemeral ports from 32768 up; a listener below it can't meet an outgoing connection's port.
PORT_RANGE = range(20_000, 32_768)
POLL_SECONDS = 0.01
# Who a server may run as when root's own identity is refused and there is no user namespace: nobody.
NOBODY_ID = 65_534


class NoFreePort(RuntimeError):
    """Every port that was tried is taken."""


def is_alive(pid: int) -> bool:
    """Whether the process runs. A zombie, dead but not yet reaped by its parent, does not."""
    fields = _stat(pid)
    # A process that is being killed is a zombie first and loses its other threads, and with them its ports, later.
    return fields is not None and (fields[0] not in {"Z", "X"} or int(fields[17]) > 1)


def started_at(pid: int) -> str | None:
    """When the process began, in kernel ticks: with the pid it names one process for ever; None once it is gone."""
    fields = _stat(pid)
    return None if fields is None else fields[19]


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third on, the state; proc(5) numbers them from 1."""
    try:
        # The second, the command's name in brackets, may itself hold brackets and spaces.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def working_in(folder: Path) -> list[int]:
    """The live processes whose working directory is this folder, however they were started."""
    target = os.fspath(folder.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.readlink(entry / "cwd") == target and is_alive(int(entry.name)):  # noqa: PTH115 - no Path wanted
                found.append(int(entry.name))
    return found


def wait_until_gone(pids: Sequence[int], *, seconds: float) -> bool:
    """Whether all of them ended within the time."""
    deadline = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def end_process(pid: int, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn, waiting its number of seconds, until the process is gone."""
    for number, seconds in signals:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if wait_until_gone([pid], seconds=seconds):
            return


def spawn_server(command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], log: Path) -> int:
    """Start a server that may outlive us, its output appended to a log; the pid. Call `reap` once it has ended.

    It gets a session of its own: Ctrl-C in a terminal reaches the supervisor, which ends the servers in order.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _servers[child.pid] = child
    return child.pid


# Held, for an object that goes out of use before its process has ended warns of a leak.
_servers: dict[int, "subprocess.Popen[bytes]"] = {}


@atexit.register
def _let_go() -> None:
    """A server that outlives this process on purpose is no leak to warn about."""
    for child in _servers.values():
        child.returncode = 0


def reap(pid: int) -> None:
    """If the server was started here and has ended, take note, so that no zombie stays."""
    child = _servers.get(pid)
    if child is not None and child.poll() is not None:
        del _servers[pid]


def die_with_parent(signal_name: str) -> list[str]:
    """The command prefix of a child that gets the signal when the THREAD that started it ends, even by kill -9."""
    return ["setpriv", f"--pdeathsig={signal_name}", "--"]


@cache
def unprivileged() -> tuple[str, ...]:
    """The command prefix under which PostgreSQL accepts to run: empty unless we are root.

    As root, a user namespace in which we appear as another user, so that the files stay ours; where the kernel or a
    container forbids that, the user nobody, who keeps root's right to pass through closed folders.
    """
    if os.geteuid() != 0:
        return ()
    namespace = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")
    if shutil.which("unshare") and subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
        return namespace
    identity = ("setpriv", f"--reuid={NOBODY_ID}", f"--regid={NOBODY_ID}", "--clear-groups")
    passing = ("--inh-caps=+dac_override", "--ambient-caps=+dac_override")
    if subprocess.run([*identity, *passing, "--", "true"], capture_output=True).returncode == 0:
        return (*identity, *passing, "--")
    return (*identity, "--")


def give_to_unprivileged(folder: Path) -> None:
    """Make the folder belong to whom `unprivileged()` runs as, where that is another user."""
    if unprivileged()[:1] == ("setpriv",):
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY_ID, NOBODY_ID, follow_symlinks=False)


def is_port_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at this port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(
            socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
        )  # as servers do: connections in TIME_WAIT don't count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def answers_http(port: int, path: str) -> bool:
    """Whether a server on 127.0.0.1 gives any answer but a server error, within 5 s."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def free_port(preferred: int | None = None) -> int:
    """The preferred port if it is free, else another free one below the ephemeral range."""
    if preferred is not None and is_port_free(preferred):
        return preferred
    for port in random.sample(PORT_RANGE, 100):
        if is_port_free(port):
            return port
    raise NoFreePort(f"100 ports between {PORT_RANGE.start} and {PORT_RANGE.stop} are taken")


def reserve_port(port: int) -> socket.socket | None:
    """Claim a port before its server listens: None if it is taken or claimed; the claim ends with the socket.

    Holds between processes that call this, by an abstract Unix socket, which leaves no file behind.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0academy-port-{port}")
    except OSError as error:
        claim.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    if is_port_free(port):
        return claim
    claim.close()
    return None


@contextlib.contextmanager
def exclusively(lock_file: Path) -> Iterator[None]:
    """One process at a time past this line; the lock ends with its holder, whatever ended it."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
