"""How dark each bubble is: sampled straight from the picture, against its own paper, without its printed letter.

Knows nothing of layouts: bubbles are centres and half axes in picture pixels, so the same measurement serves
this product's sheets and those of other makers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
Floats = NDArray[np.float32]

PATCH_SIDE: Final = 25
"""Samples along one side of a bubble's patch; at 4 pixels per mm that is about one sample per pixel."""
PATCH_REACH: Final = 1.6
"""Half side of a patch in half axes of the bubble: the ring round the bubble tells what the paper is like."""
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

    ``samples``: ink of each sample of the patch, (N, P * P), 0 (paper) to 1 (printed black), without the printed letter
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


def sample_patches(image: GreyImage, centres: Floats, axes: Floats) -> Floats:
    """The grey levels round each bubble, (N, P, P) float32, P = ``PATCH_SIDE``, by one bilinear ``remap``.

    ``image`` (H, W). ``centres`` (N, 2) pixels. ``axes`` (N, 2, 2) pixels: ``axes[n, :, 0]`` leads from the centre to
    the bubble's right edge, ``axes[n, :, 1]`` to its bottom edge, so a turned or tilted page needs no warp.
    """
    grid = np.linspace(-PATCH_REACH, PATCH_REACH, PATCH_SIDE, dtype=np.float32)
    return sample_grid(image, centres, axes, grid)


def patch_grid() -> tuple[Floats, Floats]:
    """Where a patch's samples lie, x and y (P * P,), in half axes of the bubble from its centre."""
    grid = np.linspace(-PATCH_REACH, PATCH_REACH, PATCH_SIDE, dtype=np.float32)
    columns, rows = np.meshgrid(grid, grid)
    return columns.ravel(), rows.ravel()


def sample_grid(image: GreyImage, centres: Floats, axes: Floats, grid: Floats) -> Floats:
    """As :func:`sample_patches`, on the square grid of offsets ``grid`` (P,), in units of ``axes``."""
    columns, rows = np.meshgrid(grid, grid)
    offsets = np.stack([columns.ravel(), rows.ravel()])
    points = axes.astype(np.float32) @ offsets + centres.astype(np.float32)[:, :, None]
    side = len(grid)
    sampled = cv2.remap(
        image,
        np.ascontiguousarray(points[:, 0].reshape(-1, side * side)),
        np.ascontiguousarray(points[:, 1].reshape(-1, side * side)),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return sampled.reshape(-1, side, side).astype(np.float32)


def measure_ink(
    patches: Floats, groups: NDArray[np.intp], rows: Sequence[NDArray[np.intp]], black_ratio: float
) -> BubbleInk:
    """Ink of each bubble from its patch (N, P, P).

    ``groups`` (N,): bubbles with the same number have the same print (letter and shape). ``rows``: bubbles among which
    one is meant, by index, (R, W) for each width W of 4 and more. ``black_ratio``: grey of printed black as a share of
    the paper's, as seen in this picture (haze and flare raise it).
    The printed letter is removed by subtracting the mean of the group's lighter half; where that half itself is
    inked (everyone chose 1) the blanks of all groups stand in. Blur, curl and glare differ from place to place, so each
    row's median, which is a blank, is subtracted too.
    """
    masks = _masks()
    paper, ink = _against_paper(patches, black_ratio)
    raw = ink.reshape(len(ink), -1) @ masks.inner
    blanks = _blank_patches(ink, raw, groups)
    samples: Floats = (ink - blanks[groups]).reshape(len(ink), -1)
    for members in rows:
        samples[members] -= np.clip(_median_of_rows(samples, members), -MAX_LEVEL, MAX_LEVEL)[:, None]
    fill: Floats = (samples @ masks.inner).astype(np.float32, copy=False)
    edge: Floats = (samples @ masks.edge).astype(np.float32, copy=False)
    inside = samples[:, masks.inner > 0]
    count, few = (max(1, round(share * inside.shape[1])) for share in (DARK_SHARE, DARKEST_SHARE))
    ordered = np.partition(inside, (-count, -few), axis=1)
    dark: Floats = ordered[:, -count:].mean(axis=1)
    noise = _spread(fill)
    if rows:
        # most bubbles are blank, so the median deviation is theirs
        levelled = np.concatenate([members.ravel() for members in rows])
        noise = min(noise, NOISE_OF_MEDIAN * float(np.median(np.abs(fill[levelled]))))
    return BubbleInk(
        samples=samples,
        fill=fill,
        dark=dark,
        darkest=ordered[:, -few:].mean(axis=1),
        edge=edge,
        around=(samples @ masks.around).astype(np.float32, copy=False),
        outline=(ink.reshape(len(ink), -1) @ masks.edge).astype(np.float32, copy=False),
        paper=paper,
        noise=noise,
        edge_noise=_spread(edge),
        dark_noise=float(np.median(dark)),
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
    low, high = np.percentile(lighter, [25, 75])
    return float(high - low) * 1.5


@dataclass(frozen=True, slots=True)
class _Masks:
    inner: Floats  # (P*P,), sums to 1
    edge: Floats  # (P*P,), sums to 1
    around: Floats  # (P*P, AROUND_SECTORS), each column sums to 1
    sectors: tuple[NDArray[np.intp], ...]  # eight parts of the paper ring
    plane: Floats  # (3, 8): ring levels to the coefficients of 1, x, y
    basis: Floats  # (3, P*P)


@lru_cache(maxsize=1)
def _masks() -> _Masks:
    x, y = patch_grid()
    radius = np.hypot(x, y)
    inner = (radius <= INNER_RADIUS).astype(np.float32)
    edge = ((radius > INNER_RADIUS) & (radius <= EDGE_RADIUS)).astype(np.float32)
    direction = np.arctan2(y, x) + np.pi
    outside = (radius >= AROUND_RADII[0]) & (radius <= AROUND_RADII[1])
    turn = (direction / (2 * np.pi) * AROUND_SECTORS).astype(int) % AROUND_SECTORS
    around = (outside[:, None] & (turn[:, None] == np.arange(AROUND_SECTORS))).astype(np.float32)
    ring = (radius >= PAPER_RADII[0]) & (radius <= PAPER_RADII[1])
    sector = (direction / (np.pi / 4)).astype(int) % 8
    sectors = tuple(np.flatnonzero(ring & (sector == index)) for index in range(8))
    centres = np.array([[1.0, x[part].mean(), y[part].mean()] for part in sectors])
    return _Masks(
        inner=inner / inner.sum(),
        edge=edge / edge.sum(),
        around=around / around.sum(axis=0),
        sectors=sectors,
        plane=np.linalg.pinv(centres).astype(np.float32),
        basis=np.stack([np.ones_like(radius), x, y]).astype(np.float32),
    )


def _against_paper(patches: Floats, black_ratio: float) -> tuple[Floats, Floats]:
    """The paper's level at each centre (N,), and ink per sample (N, P, P): 0 paper, 1 printed black.

    The paper under a bubble is a plane through eight sectors of the ring round it, so that the edge of a shadow
    across a bubble is not ink.
    """
    masks = _masks()
    flat = patches.reshape(len(patches), -1)
    levels = np.empty((len(flat), 8), np.float32)
    for index, part in enumerate(masks.sectors):
        keep = round(PAPER_QUANTILE * (len(part) - 1))
        levels[:, index] = np.partition(flat[:, part], keep, axis=1)[:, keep]
    middle = np.median(levels, axis=1, keepdims=True)
    # a sector full of someone's stroke must not tilt the plane
    levels = np.clip(levels, 0.72 * middle, 1.3 * middle)
    coefficients = levels @ masks.plane.T
    plane = np.maximum(coefficients @ masks.basis, 8.0)
    ink = (1.0 - flat / plane) / max(1.0 - black_ratio, 0.2)
    limited: Floats = np.clip(ink, -0.3, 1.2).astype(np.float32).reshape(patches.shape)
    return np.maximum(coefficients[:, 0], 0.0).astype(np.float32), limited


def _blank_patches(ink: Floats, raw: Floats, groups: NDArray[np.intp]) -> Floats:
    """What a blank bubble of each group looks like, (groups, P, P)."""
    common_level = float(np.quantile(raw, 0.25))
    found: list[Floats | None] = []
    for group in range(int(groups.max()) + 1):
        members = np.flatnonzero(groups == group)
        light = members[np.argsort(raw[members])[: (len(members) + 1) // 2]]
        # printed letters differ by up to 0.05 in mean ink; more than that is a hand's
        light = light[raw[light] <= common_level + 0.06]
        # where most of a few questions have this choice marked with a pale pencil, the lightest are the blanks
        # (counted from the lower quartile, a blank: from the very lightest, the noise of a photo cut off most blanks)
        light = light[raw[light] <= np.quantile(raw[light], 0.25) + MAX_BLANK_SPREAD] if len(light) else light
        has_enough = len(members) >= MIN_GROUP and len(light) >= 2
        found.append(ink[light].mean(axis=0) if has_enough else None)
    if all(blank is not None for blank in found):
        return np.stack(cast(list[Floats], found))
    common = np.median(ink[raw <= np.quantile(raw, 0.5)], axis=0)
    return np.stack([common if blank is None else blank for blank in found])
