"""What a child taken over by a hostile file can't do. Functions here are the attacker."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from workers.sandbox import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeFailed,
    JobTimedOut,
    Sandbox,
    SandboxLimits,
    confinement,
)

MODULE = "tests.workers.sandbox_functions"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    limits = SandboxLimits(memory_bytes=256 * MIB, cpu_seconds=1, file_bytes=4 * MIB, open_files=32, processes=64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
        patch.setenv("DATABASE_URL", "postgres://s3cret")
        with Sandbox(preload=[MODULE], allowed=[MODULE], limits=limits) as sandbox:
            yield sandbox


@pytest.fixture(autouse=True)
def _serves_the_next_job(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.reset()
    assert sandbox.run(f"{MODULE}:echo", "still here", timeout_seconds=10) == "still here"


def call(sandbox: Sandbox, name: str, *args: object, timeout_seconds: float = 20) -> object:
    return sandbox.run(f"{MODULE}:{name}", *args, timeout_seconds=timeout_seconds)


def processes_named(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_memory_beyond_the_limit_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ChildOutOfMemory):
        call(sandbox, "allocate", 300)
    assert call(sandbox, "allocate", 100) == 100 * MIB


def test_cpu_time_beyond_the_limit_ends_the_job(sandbox: Sandbox) -> None:
    with pytest.raises(JobTimedOut) as caught:
        call(sandbox, "spin", 60.0)
    assert caught.value.clock == "CPU"


def test_cpu_time_is_counted_per_job(sandbox: Sandbox) -> None:
    for _ in range(3):
        assert call(sandbox, "spin", 0.5) == 0.5


def test_file_stops_at_the_limit(sandbox: Sandbox) -> None:
    with pytest.raises(ComputeFailed, match="File too large"):
        call(sandbox, "write_file", "huge", 100)
    assert (sandbox.scratch / "huge").stat().st_size <= 4 * MIB


def test_descriptors_stop_at_the_limit(sandbox: Sandbox) -> None:
    with pytest.raises(ComputeFailed, match="Too many open files"):
        call(sandbox, "open_many", 1000)


@pytest.mark.skipif(os.geteuid() == 0, reason="the kernel does not count root's processes")
def test_processes_stop_at_the_limit(sandbox: Sandbox) -> None:
    if sandbox.confinement["has_namespaces"]:
        assert cast(int, call(sandbox, "fork_many", 200)) < 64


def test_fork_bomb_is_gone_when_its_job_is(sandbox: Sandbox) -> None:
    call(sandbox, "fork_many", 30)

    assert call(sandbox, "fork_many", 30) == 30


def test_time_out_kills_grandchildren_also_those_that_left_the_group(sandbox: Sandbox) -> None:
    mark = f"mark-{uuid.uuid4()}"

    with pytest.raises(JobTimedOut):
        call(sandbox, "sleep_with_grandchildren", mark, timeout_seconds=1)

    assert processes_named(mark) == []


def test_grandchild_does_not_outlive_a_job_that_succeeded(sandbox: Sandbox) -> None:
    mark = f"mark-{uuid.uuid4()}"

    call(sandbox, "leave_a_grandchild", mark)

    assert processes_named(mark) == []


def test_child_is_in_the_session_of_its_worker_and_gives_way_as_that_does(sandbox: Sandbox) -> None:
    """Where the kernel shares the processors among sessions, one of its own would have a share of its own."""
    assert not sandbox.run(f"{MODULE}:leads_a_session", timeout_seconds=10)


def test_environment_holds_nothing_of_the_worker(sandbox: Sandbox) -> None:
    environment = cast(dict[str, str], call(sandbox, "environment"))

    assert set(environment) == {
        "HOME",
        "LANG",
        "OMP_NUM_THREADS",
        "OMP_THREAD_LIMIT",
        "OPENBLAS_NUM_THREADS",
        "OPENCV_FOR_THREADS_NUM",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "TMPDIR",
    }
    assert not any("s3cret" in value for value in environment.values())
    assert environment["TMPDIR"] == str(sandbox.scratch)


@pytest.mark.parametrize("name", ["environ", "maps", "mem"])
def test_worker_cannot_be_read_through_proc(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ComputeFailed, match="Permission denied"):
        call(sandbox, "read_process", os.getpid(), name)


def test_child_inherits_no_descriptor_but_its_socket(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        os.set_inheritable(server.fileno(), True)
        identity = cast(dict[str, list[int]], call(sandbox, "identity"))

    # the standard streams, the job's socket, and the one that lists the folder
    assert len(identity["descriptors"]) == 5


def test_child_holds_no_capability_and_gains_none(sandbox: Sandbox) -> None:
    identity = cast(dict[str, str], call(sandbox, "identity"))
    status = dict(line.split(":\t", 1) for line in identity["status"].splitlines() if ":\t" in line)

    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(status[name], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert cast(int, identity["core"]) == 0
    assert (cast(int, identity["uid"]) != 0) is sandbox.confinement["is_unprivileged"]
    if sandbox.confinement["has_system_call_filter"]:
        assert status["Seccomp"] == "2"


def test_child_reaches_no_network(sandbox: Sandbox) -> None:
    assert sandbox.is_network_isolated
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ComputeFailed, match=r"Error|refused"):
        call(sandbox, "connect", "127.0.0.1", server.getsockname()[1])


def test_child_can_make_no_namespace_and_trace_nobody(sandbox: Sandbox) -> None:
    if not sandbox.confinement["has_system_call_filter"]:
        pytest.skip("no system call filter for this architecture")
    assert call(sandbox, "unshare_user") == errno.EPERM
    tracing = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
    assert call(sandbox, "call_kernel", tracing) == errno.EPERM
    assert call(sandbox, "call_kernel", 425) == errno.EPERM  # io_uring_setup


def test_child_writes_nowhere_but_in_its_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    if not sandbox.confinement["has_read_only_files"]:
        pytest.skip("no mount namespace here")
    tmp_path.chmod(0o777)
    with pytest.raises(ComputeFailed, match=r"Read-only file system|Permission denied"):
        call(sandbox, "write_file", str(tmp_path / "outside"), 1)


def test_child_can_change_no_input(sandbox: Sandbox) -> None:
    with sandbox.input_file("film") as (path, file):
        file.write(b"as it was sent")
        file.close()
        for name in (path, f"{path}-beside", f"{Path(path).parent}/other"):
            with pytest.raises(ComputeFailed, match=r"Read-only file system|Permission denied"):
                call(sandbox, "write_file", name, 1)
        for change in ("remove_file", "take_the_place_of"):
            with pytest.raises(ComputeFailed, match=r"Read-only file system|Permission denied|cross-device"):
                call(sandbox, change, path)
        assert Path(path).read_bytes() == b"as it was sent"
        assert call(sandbox, "read_file", path) == b"as it was sent"


def test_child_can_signal_nobody_outside(sandbox: Sandbox) -> None:
    if not sandbox.confinement["has_namespaces"]:
        pytest.skip("no process namespace here")
    with pytest.raises(ComputeFailed, match="ProcessLookupError"):
        call(sandbox, "signal_process", os.getpid())


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 100,
        b"\x00\x00\x00\x01\x00\x00\x00\x00\xc1",
        b"\x00\x00\x00\x01\x00\x00\x00\x00\x05",
        b"\x00\x00\x00\x02\x00\x00\x00\x00\x91\x63",
        b"\x00\x00\x00\x02\x00\x00\x00\x00\x91\x01",
        b"\x00\x00\x00\x0b\x00\x00\x00\x00\x92\x00\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x03\x00\x00\x00\x00\x92\x00\x05",
        b"\x00\x00\x00\x01\x00\x00\x00\x01" + b"\x7f" + b"\xff" * 7 + b"\x90",
        b"\x00\x00\x00\x05",
    ],
    ids=["noise", "bad msgpack", "no list", "unknown kind", "no value", "nan", "no float", "huge blob", "half"],
)
def test_what_is_no_answer_is_a_crash(sandbox: Sandbox, data: bytes) -> None:
    with pytest.raises(ChildCrashed):
        call(sandbox, "write_to_the_worker", data)


def test_stopped_zygote_is_replaced(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox._zygote is not None
    sandbox._zygote._control.settimeout(0.3)
    stopped = sandbox._zygote._process.pid
    children = Path(f"/proc/{stopped}/task/{stopped}/children").read_text().split()
    for pid in [stopped, *map(int, children)]:
        os.kill(pid, signal.SIGSTOP)

    assert call(sandbox, "echo", 1) == 1
    assert sandbox._zygote._process.pid != stopped


def test_nothing_outlives_a_worker_that_was_killed(tmp_path: Path) -> None:
    mark = f"mark-{uuid.uuid4()}"
    code = f"""
from workers.sandbox import Sandbox
sandbox = Sandbox(preload=[{MODULE!r}], allowed=[{MODULE!r}])
say = lambda _: print("up", flush=True)
sandbox.run("{MODULE}:sleep_with_grandchildren", {mark!r}, timeout_seconds=60, on_progress=say)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"up\n"
        isolated = len(processes_named(mark))
        worker.kill()
    assert isolated >= 1

    end = time.monotonic() + 5
    while (left := [pid for pid in processes_named(mark) if pid != worker.pid]) and time.monotonic() < end:
        time.sleep(0.02)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


WITHOUT_NAMESPACES = f"""
import os, sys, threading, time
from workers.sandbox import ComputeFailed, JobTimedOut, Sandbox, confinement
confinement.prctl(confinement.PR_SET_NO_NEW_PRIVS, 1)
assert confinement.refuse_system_calls()
with Sandbox(preload=[{MODULE!r}], allowed=[{MODULE!r}]) as sandbox:
    assert not sandbox.confinement["has_namespaces"]
    assert sandbox.is_network_isolated
    def refused(name, *args):
        try:
            sandbox.run("{MODULE}:" + name, *args, timeout_seconds=5)
        except ComputeFailed:
            return True
        return False
    assert refused("connect", "127.0.0.1", 80)
    assert refused("read_process", os.getpid(), "environ")
    try:
        sandbox.run("{MODULE}:sleep_with_grandchildren", sys.argv[1], timeout_seconds=1)
        raise AssertionError
    except JobTimedOut:
        pass
    thread = threading.Thread(target=sandbox.run, args=["{MODULE}:spin", 1.0], kwargs=dict(timeout_seconds=20))
    thread.start()
    tokens = set()
    while thread.is_alive():
        tokens.add(sandbox.progress_token())
        time.sleep(0.05)
    assert len(tokens) > 2, tokens
print("confined")
"""


@pytest.mark.skipif(os.uname().machine not in ("x86_64", "aarch64"), reason="no system call filter")
def test_without_namespaces_the_filter_and_the_process_group_still_hold() -> None:
    """A container under Docker's default profile: unshare is refused."""
    mark = f"mark-{uuid.uuid4()}"

    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NAMESPACES, mark], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stdout == "confined\n", done.stderr
    assert processes_named(mark) == []


def test_folder_of_root_alone_is_not_readable_by_all(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert not confinement.is_readable_by_all(tmp_path)
    assert confinement.is_readable_by_all(Path("/usr"))
