"""What one sandboxed job may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Limits of every job of one sandbox; there is no value that means "unlimited".

    `memory_bytes` is address space on top of what the preloaded modules hold. `cpu_seconds` counts the child and its
    threads; a program that it starts has the same allowance for itself. `file_bytes` is per file. `frame_bytes` caps
    what crosses the pipe in either direction: arguments, and a result with its pictures.
    `processes` is enforced where the child has a user, or a user namespace, of its own.
    """

    memory_bytes: int = 1536 * MIB
    cpu_seconds: int = 120
    file_bytes: int = 512 * MIB
    open_files: int = 128
    processes: int = 256
    frame_bytes: int = 256 * MIB

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 1:
                raise ValueError(f"a sandbox's {name} must be at least 1")
