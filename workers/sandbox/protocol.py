"""The words that a worker, its zygote and a child exchange.

    worker -> zygote   Settings                        zygote -> worker   Confinement, or {"error": why}
    worker -> zygote   START                           zygote -> worker   {}, the child's socket, its pidfd
    worker -> zygote   END                             zygote -> worker   Usage

    worker -> child    [folder, function, arguments]   child -> worker    [PROGRESS, fraction] ..., one other answer

A child is reaped at END only, hence no process number is used again under the worker's hands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

START, END = b"S", b"E"
PACKET_BYTES = 65_536

PROGRESS, RESULT, REFUSED, FAILED, OUT_OF_MEMORY = range(5)
"""First item of a child's every answer."""


class Settings(TypedDict):
    preload: Sequence[str]
    allowed: Sequence[str]
    folder: str
    inputs: str
    """Within the folder; the one part of it that stays read-only."""
    worker_pid: int
    limits: dict[str, int]
    """The fields of SandboxLimits."""


class Confinement(TypedDict):
    """What this kernel and container allowed."""

    has_namespaces: bool
    """Of its own: network, processes, mounts, System V IPC."""
    has_read_only_files: bool
    """All but the scratch folder."""
    has_system_call_filter: bool
    is_unprivileged: bool
    threads: int


class Usage(TypedDict):
    status: int
    """As of wait(2)."""
    is_killed: bool
    """It was alive until END."""
    cpu_seconds: float
    max_rss_bytes: int


def is_allowed(function: str, allowed: Sequence[str]) -> bool:
    """Whether "package.module:name" names a public function of an allowed module or of a module below it."""
    module, _, name = function.partition(":")
    return (
        name.isidentifier()
        and not name.startswith("_")
        and any(module == prefix or module.startswith(prefix + ".") for prefix in allowed)
    )
