"""The warm process that forks one child per job: `python -m workers.sandbox.zygote DESCRIPTOR`.

It is exec'd, so that it inherits nothing of the worker but one socket; it loads the recognisers once, gives up every
privilege, and forks. It never sees a job's arguments or result: those cross between the worker and the child alone.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import cast

from workers.sandbox import child, confinement, frames
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.protocol import END, PACKET_BYTES, START, Confinement, Settings, Usage

SEND_BUFFER_BYTES = 4 * 1024 * 1024
"""Asked for; the kernel gives what net.core.wmem_max allows. A page of pixels then crosses in fewer wake-ups."""


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    settings = cast(Settings, frames.unpack(control.recv(PACKET_BYTES)))
    confinement.prctl(confinement.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != settings["worker_pid"]:
        os._exit(1)
    try:
        report = _confine(settings)
    except Exception as error:
        control.send(frames.pack({"error": f"{type(error).__name__}: {error}"[:2000]}))
        raise
    control.send(frames.pack(report))
    silence = os.open(os.devnull, os.O_RDWR)
    os.dup2(silence, 2)
    os.close(silence)
    _serve(control, settings, report["has_namespaces"])


def _confine(settings: Settings) -> Confinement:
    limits = SandboxLimits(**settings["limits"])
    needed = [Path(settings["folder"]).parent, *(Path(folder) for folder in sys.path if Path(folder).is_dir())]
    can_become_nobody = os.geteuid() == 0 and all(map(confinement.is_readable_by_all, needed))
    has_user_namespace = not can_become_nobody
    has_namespaces = confinement.enter_namespaces(with_user_namespace=has_user_namespace)
    has_read_only_files = has_namespaces and confinement.make_files_read_only(
        but=settings["folder"], with_inputs=settings["inputs"]
    )
    if has_namespaces:
        _fork_into_the_process_namespace()
    for module in settings["preload"]:
        importlib.import_module(module)
    if can_become_nobody:
        confinement.become_nobody()
    confinement.drop_capabilities()
    confinement.prctl(confinement.PR_SET_PDEATHSIG, signal.SIGKILL)
    confinement.prctl(confinement.PR_SET_NO_NEW_PRIVS, 1)
    confinement.prctl(confinement.PR_SET_DUMPABLE, 0)
    confinement.prctl(confinement.PR_SET_CHILD_SUBREAPER, 1)
    os.environ["HOME"] = "/nonexistent"
    os.umask(0o022)
    gc.collect()
    gc.freeze()
    confinement.limit(resource.RLIMIT_CORE, 0)
    confinement.limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    confinement.limit(resource.RLIMIT_NOFILE, limits.open_files)
    if can_become_nobody or has_namespaces:
        confinement.limit(resource.RLIMIT_NPROC, limits.processes)
    confinement.limit(resource.RLIMIT_AS, confinement.address_space_bytes() + limits.memory_bytes)
    return Confinement(
        has_namespaces=has_namespaces,
        has_read_only_files=has_read_only_files,
        has_system_call_filter=confinement.refuse_system_calls(),
        is_unprivileged=os.geteuid() != 0,
        threads=len(list(Path("/proc/self/task").iterdir())),
    )


def _fork_into_the_process_namespace() -> None:
    """Go on as process 1 of the new namespace; the process left behind dies with it, and it with that one.

    When process 1 ends, the kernel kills whatever is left in the namespace.
    """
    pid = os.fork()
    if pid == 0:
        confinement.prctl(confinement.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    os.closerange(3, 1024)
    _, status = os.waitpid(pid, 0)
    os._exit(0 if status == 0 else 1)


def _serve(control: socket.socket, settings: Settings, has_process_namespace: bool) -> None:
    """Have a child waiting, hand it out, kill it, have the next one waiting."""
    while True:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        pid = os.fork()
        if pid == 0:
            control.close()
            ours.close()
            child.serve_one_job(
                theirs,
                allowed=settings["allowed"],
                frame_bytes=settings["limits"]["frame_bytes"],
                cpu_seconds=settings["limits"]["cpu_seconds"],
            )
        theirs.close()
        handle = os.pidfd_open(pid)
        if control.recv(PACKET_BYTES) != START:
            return
        socket.send_fds(control, [frames.pack({})], [ours.fileno(), handle])
        ours.close()
        os.close(handle)
        if control.recv(PACKET_BYTES) != END:
            return
        control.send(frames.pack(_end(pid, has_process_namespace)))


def _end(pid: int, has_process_namespace: bool) -> Usage:
    """Kill the child and all it has started, also what left its process group; say how it had ended."""
    ended, status, usage = os.wait4(pid, os.WNOHANG)
    is_killed = ended == 0
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    if is_killed:
        _, status, usage = os.wait4(pid, 0)
    _end_orphans(has_process_namespace)
    return Usage(
        status=status,
        is_killed=is_killed,
        cpu_seconds=usage.ru_utime + usage.ru_stime,
        max_rss_bytes=usage.ru_maxrss * 1024,
    )


def _end_orphans(has_process_namespace: bool) -> None:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        orphans = [-1] if has_process_namespace else _children()
        for orphan in orphans:
            try:
                os.kill(orphan, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.001)


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


if __name__ == "__main__":
    main()
