"""What was watched of a lecture, in seconds of it: ranges that do not touch each other, in order. No database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

Ranges: TypeAlias = list[list[float]]

GAP_SECONDS: Final = 0.5
"""Ranges closer than this are one: players report times to a quarter of a second."""
MAX_RANGES: Final = 500
"""Kept of one student and lecture; beyond it the smallest gaps are closed, or jumping about would fill the row."""
FINISHED_SHARE: Final = 0.95
"""Whoever has seen so much has watched it: few stay for the last words."""


def merged(known: Iterable[Sequence[float]], new: Iterable[Sequence[float]], *, seconds: float) -> Ranges:
    """Both together, within a lecture of ``seconds``."""
    inside = [[max(start, 0.0), min(end, seconds)] for start, end in (*known, *new)]
    found: Ranges = []
    for start, end in sorted(one for one in inside if one[0] < one[1]):
        if found and start - found[-1][1] <= GAP_SECONDS:
            found[-1][1] = max(found[-1][1], end)
        else:
            found.append([start, end])
    while len(found) > MAX_RANGES:
        place = min(range(1, len(found)), key=lambda index: found[index][0] - found[index - 1][1])
        found[place - 1][1] = found.pop(place)[1]
    return [[round(start, 2), round(end, 2)] for start, end in found]


def length_of(ranges: Iterable[Sequence[float]]) -> float:
    """How many seconds the ranges are long together."""
    return round(sum(end - start for start, end in ranges), 2)


def share_of(watched_seconds: float, seconds: float | None) -> float:
    """Of the whole, from 0 to 1; 1 for whoever has as good as all."""
    if not seconds:
        return 0.0
    share = min(watched_seconds / seconds, 1.0)
    return 1.0 if share >= FINISHED_SHARE else round(share, 3)
