"""What processes have used, as the kernel counts it: a process with all that it started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


def tree_of(pid: int) -> set[int]:
    """``pid`` and its descendants."""
    parents = {one: int(fields[1]) for one, fields in _every()}
    found = {pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(pid: int) -> float:
    """Of the tree, with what ended in it."""
    tree = tree_of(pid)
    return sum(sum(int(fields[at]) for at in (11, 12, 13, 14)) for one, fields in _every() if one in tree) / _TICKS


def memory_mib(pid: int) -> float:
    """Resident; what processes share counts in each."""
    tree = tree_of(pid)
    return sum(int(fields[21]) for one, fields in _every() if one in tree) * _PAGE_MIB


def _every() -> Iterator[tuple[int, list[str]]]:
    """Each process with the fields of its ``stat`` from the state on (proc(5))."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            yield int(folder.name), stat.rsplit(") ", 1)[1].split()
