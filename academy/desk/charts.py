"""Charts as geometry: a template draws them as SVG, so that they need no script and print well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 700.0
HEIGHT: Final = 180.0
_TOP: Final = 22.0  # room for the number above the tallest bar
_BOTTOM: Final = 24.0  # room for the words below
_MAX_LABELS: Final = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in the chart's own units; ``label`` is "" where there is no room for it."""

    x: float
    y: float
    width: float
    height: float
    middle: float
    label: str
    value: int
    value_y: float


@dataclass(frozen=True, slots=True)
class BarChart:
    bars: tuple[Bar, ...]
    width: float
    height: float
    baseline: float
    label_y: float

    @property
    def is_empty(self) -> bool:
        return not any(bar.value for bar in self.bars)


def bars(values: Sequence[tuple[str, int]]) -> BarChart:
    """One bar for each (label, count), as tall as its share of the largest."""
    baseline = HEIGHT - _BOTTOM
    room = baseline - _TOP
    largest = max((count for _, count in values), default=0) or 1
    step = WIDTH / max(len(values), 1)
    every = -(-len(values) // _MAX_LABELS)
    drawn = []
    for index, (label, count) in enumerate(values):
        height = room * count / largest
        is_labelled = (len(values) - 1 - index) % every == 0
        drawn.append(
            Bar(
                x=round(index * step + step * 0.18, 1),
                y=round(baseline - height, 1),
                width=round(step * 0.64, 1),
                height=round(height, 1),
                middle=round((index + 0.5) * step, 1),
                label=label if is_labelled else "",
                value=count,
                value_y=round(baseline - height - 6, 1),
            )
        )
    return BarChart(tuple(drawn), WIDTH, HEIGHT, baseline, HEIGHT - 6)
