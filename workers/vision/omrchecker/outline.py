"""The printed outline of a bubble, and the filter that answers where one is: dark inside, bright between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.template import FieldBlock

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

OUTLINE_SIZES: Final = (0.75, 0.85, 0.95, 1.05, 1.17, 1.3, 1.45)
GAP_FROM: Final = 1.1
GAP_TO: Final = 1.5


@dataclass(frozen=True, slots=True)
class Outline:
    """The printed bubble: ``size`` in boxes of the template; a box, an oval filling it, or a circle."""

    size: float
    shape: str

    def halves(self, block: FieldBlock) -> tuple[float, float]:
        """Half width and half height in page units."""
        width, height = block.size
        if self.shape == "circle":
            width = height = float(np.sqrt(width * height))
        return (width * self.size / 2, height * self.size / 2)


def pitch(block: FieldBlock) -> tuple[float, float]:
    """Distance (x, y) to the next bubble; three boxes where there is none."""
    width, height = block.size
    gaps_x = [abs(gap[0]) for gap in (block.value_gap, block.label_gap) if abs(gap[0]) > 0]
    gaps_y = [abs(gap[1]) for gap in (block.value_gap, block.label_gap) if abs(gap[1]) > 0]
    return (min(gaps_x, default=3 * width), min(gaps_y, default=3 * height))


def kernel_of(block: FieldBlock, step: float, outline: Outline) -> Raster | None:
    """+1 inside the outline, -1 between the bubbles, each in all; ``None`` where neighbours would overlap."""
    half = outline.halves(block)
    gap_x, gap_y = pitch(block)
    if 2 * half[0] * GAP_FROM > gap_x or 2 * half[1] * GAP_FROM > gap_y:
        return None
    reach = np.ceil(np.array(half) * GAP_TO / step).astype(int)
    x, y = np.meshgrid(np.arange(-reach[0], reach[0] + 1) * step, np.arange(-reach[1], reach[1] + 1) * step)

    def distance(centre_x: float, centre_y: float) -> Floats:
        right, down = np.abs(x - centre_x) / half[0], np.abs(y - centre_y) / half[1]
        return np.asarray(np.maximum(right, down) if outline.shape == "box" else np.hypot(right, down))

    here = distance(0, 0)
    is_gap = (here > GAP_FROM) & (here <= GAP_TO)
    # a neighbour's outline ends at GAP_FROM from its middle, and this one's gap at GAP_TO from here
    columns = (-1, 0, 1) if gap_x < half[0] * (GAP_FROM + GAP_TO) else (0,)
    rows = (-1, 0, 1) if gap_y < half[1] * (GAP_FROM + GAP_TO) else (0,)
    for column in columns:
        for row in rows:
            if column or row:
                is_gap &= distance(column * gap_x, row * gap_y) > GAP_FROM
    is_inside = here <= 1
    kernel = is_inside / max(1, is_inside.sum()) - is_gap / max(1, is_gap.sum())
    return np.asarray(kernel, dtype=np.float32)


def widest_that_fits(block: FieldBlock, outline: Outline) -> Outline:
    """``outline`` shrunk until the bubbles of ``block`` no longer overlap."""
    halves = outline.halves(block)
    shrink = min(gap / (2 * half * GAP_FROM) for gap, half in zip(pitch(block), halves, strict=True))
    return Outline(outline.size * min(1.0, shrink * 0.99), outline.shape)
