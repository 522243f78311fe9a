"""What the tests run inside a sandbox: honest functions, and what a hostile file could make a recogniser do."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

from workers import progress


class UnreadablePage(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def echo(value: object) -> object:
    return value


def nothing() -> None:
    return None


def refuse(reason: str, message: str) -> None:
    raise UnreadablePage(reason, message)


def fail(message: str) -> None:
    raise LookupError(message)


def return_an_object() -> object:
    return object()


def crash() -> None:
    ctypes.string_at(0)


def exit_silently() -> None:
    os._exit(3)


def kill_myself() -> None:
    os.kill(os.getpid(), 9)


def spin(seconds: float) -> float:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return seconds


def spin_and_report(steps: int, step_seconds: float) -> None:
    for step in range(steps):
        spin(step_seconds)
        progress.report((step + 1) / steps)


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def sleep_with_grandchildren(mark: str) -> None:
    """Start one grandchild in this process group and one that left it, both named by `mark`, and wait."""
    code = "import sys, time; time.sleep(600)"
    subprocess.Popen([sys.executable, "-c", code, mark])
    subprocess.Popen([sys.executable, "-c", code, mark], start_new_session=True)
    progress.report(0.5)
    time.sleep(600)


def leads_a_session() -> bool:
    return os.getsid(0) == os.getpid()


def leave_a_grandchild(mark: str) -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", mark], start_new_session=True)


def allocate(mib: int) -> int:
    return len(bytearray(mib * 1024 * 1024))


def write_file(name: str, mib: int) -> int:
    block = b"x" * (1024 * 1024)
    with Path(name).open("wb") as file:
        for _ in range(mib):
            file.write(block)
    return mib


def open_many(count: int) -> int:
    return len([os.open(os.devnull, os.O_RDONLY) for _ in range(count)])


def fork_many(count: int) -> int:
    """Return how many processes could be started, each waiting."""
    for started in range(count):
        try:
            pid = os.fork()
        except OSError:
            return started
        if pid == 0:
            time.sleep(600)
            os._exit(0)
    return count


def environment() -> dict[str, str]:
    return dict(os.environ)


def identity() -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "uid": os.geteuid(),
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "descriptors": sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir()),
        "status": Path("/proc/self/status").read_text(),
        "folder": str(Path.cwd()),
    }


def remember(value: str) -> str | None:
    """Give what an earlier call left in this process, and leave `value`."""
    earlier = getattr(remember, "value", None)
    remember.value = value  # type: ignore[attr-defined] # the point is that nothing is kept
    return earlier


def connect(host: str, port: int) -> str:
    socket.create_connection((host, port), timeout=2).close()
    return "connected"


def read_process(pid: int, name: str) -> int:
    return len(Path(f"/proc/{pid}/{name}").read_bytes())


def signal_process(pid: int) -> None:
    os.kill(pid, 0)


def call_kernel(number: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return ctypes.get_errno() if libc.syscall(number, 0, 0, 0, 0) == -1 else 0


def unshare_user() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return ctypes.get_errno() if libc.unshare(0x10000000) == -1 else 0


def write_to_the_worker(data: bytes) -> None:
    """Write to every descriptor that is a socket, and end."""
    for entry in Path("/proc/self/fd").iterdir():
        try:
            os.write(int(entry.name), data)
        except OSError:
            continue
    os._exit(0)


def make_link(target: str, name: str) -> None:
    Path(name).symlink_to(target)


def read_file(name: str) -> bytes:
    return Path(name).read_bytes()


def remove_file(name: str) -> None:
    Path(name).unlink()


def take_the_place_of(name: str) -> None:
    """Put a file of one's own where another is."""
    Path("mine").write_bytes(b"mine")
    Path("mine").rename(name)
