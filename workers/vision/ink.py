"""How dark each bubble is: sampled straight from the picture, against its own paper, without its printed letter.

Knows nothing of layouts: bubbles are centres and half axes in picture pixels, so the same measurement serves
this product's sheets and those of other makers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
Floats = NDArray[np.float32]

PATCH_WIDTH: Final = 19
"""Samples across a bubble's patch, three per mm: a pencil's stroke covers two."""
PATCH_REACH: Final = 1.6
"""Radius of a patch in half axes of the bubble: the ring round the bubble tells what the paper is like."""
INNER_RADIUS: Final = 0.86
"""Inside the printed outline, in half axes: there any ink is the student's, or the printed letter."""
EDGE_RADIUS: Final = 1.2
AROUND_RADII: Final = (1.2, 1.55)
AROUND_SECTORS: Final = 20
PAPER_RADII: Final = (1.2, 1.6)
PAPER_QUANTILE: Final = 0.7
"""Of the ring's samples: above strokes that leave the bubble, below the noise's peaks."""
DARK_SHARE: Final = 0.15
"""The darkest part of the inside, which a pen's tick reaches and an erasure does not."""
DARKEST_SHARE: Final = 0.04
MAX_LEVEL: Final = 0.1
"""Blank bubbles vary by so much over a blurred photo; more than that in a whole row is ink."""
NOISE_OF_MEDIAN: Final = 1.85
"""1.25 standard deviations, as ``_spread`` counts, in median absolute deviations."""
MAX_BLANK_SPREAD: Final = 0.03
"""Of the mean ink of blanks with one letter; the palest marks of a pencil that can still be read begin at 0.05."""
MIN_GROUP: Final = 5
"""Fewer bubbles with the same letter than this share one picture of the blank with all the others."""


@dataclass(frozen=True, slots=True)
class BubbleInk:
    """What was measured in N bubbles, float32.

    ``samples``: ink of each sample of the patch, (N, S), 0 (paper) to 1 (printed black), without the printed letter
    and without what the blanks of the same row show too. Of it, each (N,): ``fill``, the mean inside the bubble;
    ``dark`` and ``darkest``, the means of the darkest ``DARK_SHARE`` and ``DARKEST_SHARE`` of the inside; ``edge``, the
    mean on and just outside the outline. ``around``: (N, AROUND_SECTORS), the mean in each direction outside.
    ``outline``, (N,): as ``edge``, with the print. ``paper``: the paper's grey level, 0 to 255, (N,). ``noise``,
    ``edge_noise`` and ``dark_noise``: how far ``fill`` and ``edge`` spread among the page's blanks, and how dark their
    darkest part is.
    """

    samples: Floats
    fill: Floats
    dark: Floats
    darkest: Floats
    edge: Floats
    around: Floats
    outline: Floats
    paper: Floats
    noise: float
    edge_noise: float
    dark_noise: float


def patch_points() -> Floats:
    """Where a patch's samples lie, x and y (2, S), in half axes of the bubble from its centre: first those inside."""
    columns, rows = _square(np.linspace(-PATCH_REACH, PATCH_REACH, PATCH_WIDTH, dtype=np.float32))
    apart = np.hypot(columns, rows)
    is_near = apart <= PATCH_REACH
    order = np.argsort(apart[is_near] > INNER_RADIUS, kind="stable")
    return np.stack([columns[is_near][order], rows[is_near][order]])


def sample_patches(image: GreyImage, centres: Floats, axes: Floats) -> GreyImage:
    """The grey levels round each bubble at :func:`patch_points`, (N, S). As :func:`sample_grid`."""
    return _sample(image, centres, axes, _masks().points)


def sample_grid(image: GreyImage, centres: Floats, axes: Floats, grid: Floats) -> GreyImage:
    """The grey levels round each of ``centres`` (N, 2) pixels on the square grid of offsets ``grid`` (P,), (N, P, P).

    ``image`` (H, W). ``axes`` (N, 2, 2) pixels: ``axes[n, :, 0]`` leads from the centre to one unit of the grid on the
    right, ``axes[n, :, 1]`` to one below, so a turned or tilted page needs no warp.
    """
    return _sample(image, centres, axes, np.stack(_square(grid))).reshape(-1, len(grid), len(grid))


def _square(grid: Floats) -> tuple[Floats, Floats]:
    columns, rows = np.meshgrid(grid, grid)
    return columns.ravel(), rows.ravel()


def _sample(image: GreyImage, centres: Floats, axes: Floats, offsets: Floats) -> GreyImage:
    """``image`` at ``offsets`` (2, S) in units of ``axes``, (N, S), by one bilinear ``remap``."""
    places = axes.astype(np.float32).transpose(1, 0, 2) @ offsets + centres.astype(np.float32).T[:, :, None]
    sampled = cv2.remap(image, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return sampled.astype(np.uint8, copy=False)


def measure_ink(
    patches: GreyImage, groups: NDArray[np.intp], rows: Sequence[NDArray[np.intp]], black_ratio: float
) -> BubbleInk:
    """Ink of each bubble from its patch (N, S).

    ``groups`` (N,): bubbles with the same number have the same print (letter and shape). ``rows``: bubbles among which
    one is meant, by index, (R, W) for each width W of 4 and more. ``black_ratio``: grey of printed black as a share of
    the paper's, as seen in this picture (haze and flare raise it).
    The printed letter is removed by subtracting the mean of the group's lighter half; where that half itself is
    inked (everyone chose 1) the blanks of all groups stand in. Blur, curl and glare differ from place to place, so each
    row's median, which is a blank, is subtracted too.
    """
    masks = _masks()
    paper, ink = _against_paper(patches, black_ratio)
    samples: Floats = ink - _blank_patches(ink, ink @ masks.inner, groups)[groups]
    for members in rows:
        samples[members] -= np.clip(_median_of_rows(samples, members), -MAX_LEVEL, MAX_LEVEL)[:, None]
    fill: Floats = (samples @ masks.inner).astype(np.float32, copy=False)
    edge: Floats = (samples @ masks.edge).astype(np.float32, copy=False)
    ordered = np.sort(samples[:, : masks.inside_count], axis=1)
    count, few = (max(1, round(share * ordered.shape[1])) for share in (DARK_SHARE, DARKEST_SHARE))
    dark: Floats = ordered[:, -count:].mean(axis=1)
    noise = _spread(fill)
    if rows:
        # most bubbles are blank, so the median deviation is theirs
        levelled = np.concatenate([members.ravel() for members in rows])
        noise = min(noise, NOISE_OF_MEDIAN * median_of(np.abs(fill[levelled])))
    return BubbleInk(
        samples=samples,
        fill=fill,
        dark=dark,
        darkest=ordered[:, -few:].mean(axis=1),
        edge=edge,
        around=(samples @ masks.around).astype(np.float32, copy=False),
        outline=(ink @ masks.edge).astype(np.float32, copy=False),
        paper=paper,
        noise=noise,
        edge_noise=_spread(edge),
        dark_noise=median_of(dark),
    )


def _median_of_rows(samples: Floats, members: NDArray[np.intp]) -> Floats:
    """The median over each row's bubbles ``members`` (R, W), sample by sample: (R, S).

    Rows are short, so the columns are sorted by exchanging neighbours: a tenth of the time of ``np.median``.
    """
    columns = [samples[members[:, place]] for place in range(members.shape[1])]
    for last in range(len(columns) - 1, 0, -1):
        for place in range(last):
            low, high = columns[place], columns[place + 1]
            columns[place], columns[place + 1] = np.minimum(low, high), np.maximum(low, high)
    middle = len(columns) // 2
    if len(columns) % 2:
        return columns[middle]
    between: Floats = (columns[middle - 1] + columns[middle]) * np.float32(0.5)
    return between


def _spread(values: Floats) -> float:
    """About 1.25 standard deviations of the blanks among ``values`` (N,), from the lighter half, where no mark is."""
    lighter = np.sort(values)[: max(2, len(values) // 2)]
    return (quantile_of(lighter, 0.75) - quantile_of(lighter, 0.25)) * 1.5


def quantile_of(ordered: NDArray[np.floating], share: float) -> float:
    """The quantile ``share`` of what is ``ordered`` (N,) already: ``np.quantile`` takes a hundred times as long."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below]) + (place - below) * float(ordered[above] - ordered[below])


def median_of(values: NDArray[np.floating]) -> float:
    """The median of ``values`` (N,): ``np.median`` takes seven times as long for a page's few hundred."""
    return quantile_of(np.sort(values), 0.5)


@dataclass(frozen=True, slots=True)
class _Masks:
    points: Floats  # (2, S)
    inside_count: int
    inner: Floats  # (S,), sums to 1
    edge: Floats  # (S,), sums to 1
    around: Floats  # (S, AROUND_SECTORS), each column sums to 1
    sectors: NDArray[np.intp]  # (8, K): eight parts of the paper ring
    plane: Floats  # (3, 8): ring levels to the coefficients of 1, x, y
    basis: Floats  # (3, S)


@lru_cache(maxsize=1)
def _masks() -> _Masks:
    points = patch_points()
    x, y = points
    radius = np.hypot(x, y)
    inner = (radius <= INNER_RADIUS).astype(np.float32)
    edge = ((radius > INNER_RADIUS) & (radius <= EDGE_RADIUS)).astype(np.float32)
    direction = np.arctan2(y, x) + np.pi
    outside = (radius >= AROUND_RADII[0]) & (radius <= AROUND_RADII[1])
    turn = (direction / (2 * np.pi) * AROUND_SECTORS).astype(int) % AROUND_SECTORS
    around = (outside[:, None] & (turn[:, None] == np.arange(AROUND_SECTORS))).astype(np.float32)
    ring = (radius >= PAPER_RADII[0]) & (radius <= PAPER_RADII[1])
    parts = [np.flatnonzero(ring & ((direction / (np.pi / 4)).astype(int) % 8 == index)) for index in range(8)]
    # the same number of each, so that all are sorted at once: the outermost, farthest from strokes that leave a mark
    fewest = min(len(part) for part in parts)
    sectors = np.stack([part[np.argsort(-radius[part])[:fewest]] for part in parts])
    centres = np.array([[1.0, x[part].mean(), y[part].mean()] for part in sectors])
    return _Masks(
        points=points,
        inside_count=int((radius <= INNER_RADIUS).sum()),
        inner=inner / inner.sum(),
        edge=edge / edge.sum(),
        around=around / around.sum(axis=0),
        sectors=sectors,
        plane=np.linalg.pinv(centres).astype(np.float32),
        basis=np.stack([np.ones_like(radius), x, y]).astype(np.float32),
    )


def _against_paper(patches: GreyImage, black_ratio: float) -> tuple[Floats, Floats]:
    """The paper's level at each centre (N,), and ink per sample (N, S): 0 paper, 1 printed black.

    The paper under a bubble is a plane through eight sectors of the ring round it, so that the edge of a shadow
    across a bubble is not ink.
    """
    masks = _masks()
    ring = np.sort(patches[:, masks.sectors].astype(np.float32), axis=2)
    levels = ring[:, :, round(PAPER_QUANTILE * (ring.shape[2] - 1))]
    ordered = np.sort(levels, axis=1)
    middle = (ordered[:, 3:4] + ordered[:, 4:5]) / 2
    # a sector full of someone's stroke must not tilt the plane
    levels = np.clip(levels, 0.72 * middle, 1.3 * middle)
    coefficients = levels @ masks.plane.T
    plane = np.maximum(coefficients @ masks.basis, 8.0)
    ink = (np.float32(1) - patches / plane) / np.float32(max(1.0 - black_ratio, 0.2))
    limited: Floats = np.clip(ink, np.float32(-0.3), np.float32(1.2)).astype(np.float32, copy=False)
    return np.maximum(coefficients[:, 0], 0.0), limited


def _blank_patches(ink: Floats, raw: Floats, groups: NDArray[np.intp]) -> Floats:
    """What a blank bubble of each group looks like, (groups, S)."""
    order = np.argsort(raw)
    common_level = quantile_of(raw[order], 0.25)
    common: Floats | None = None
    blanks = np.empty((int(groups.max()) + 1, ink.shape[1]), np.float32)
    for group in range(len(blanks)):
        members = order[groups[order] == group]
        light = members[: (len(members) + 1) // 2]
        # printed letters differ by up to 0.05 in mean ink; more than that is a hand's
        light = light[raw[light] <= common_level + 0.06]
        # where most of a few questions have this choice marked with a pale pencil, the lightest are the blanks
        # (counted from the lower quartile, a blank: from the very lightest, the noise of a photo cut off most blanks)
        light = light[raw[light] <= quantile_of(raw[light], 0.25) + MAX_BLANK_SPREAD] if len(light) else light
        if len(members) >= MIN_GROUP and len(light) >= 2:
            blanks[group] = ink[light].mean(axis=0)
            continue
        if common is None:
            common = np.median(ink[raw <= quantile_of(raw[order], 0.5)], axis=0)
        blanks[group] = common
    return blanks
