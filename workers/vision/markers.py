"""Finding the four corner markers of a sheet in a picture, whichever way it lies.

Candidates come from a small picture; how they could form a sheet from their distances in units of their own size;
their exact places from the full picture's grey levels.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]
Floats = NDArray[np.float64]

THUMBNAIL_PIXELS: Final = 580
"""Long side, at least, of the picture that is searched; a marker of a page that fills it has 12 to 25 pixels."""
MIN_SIDE_PIXELS: Final = 4.0
DARK_SHARE: Final = 0.74
"""Of the local mean: what is darker may be a marker. Shadows have their own mean."""
NEIGHBOURHOOD: Final = 61
MAX_ASPECT: Final = 2.4
MIN_EXTENT: Final = 0.38
"""Of its box a square turned by 45 degrees and with the orientation hole fills less than half."""
MIN_SOLIDITY: Final = 0.5
MAX_SOLIDITY: Final = 1.15
MAX_BLOBS: Final = 80
MAX_CANDIDATES: Final = 24
DIRECTIONS: Final = 12
OUTERMOST: Final = 2
"""Blobs farthest out in each direction that are kept whatever their size: in a tilted photo the farthest marker is
smaller than eighty filled bubbles, but nothing printed lies outside it."""
DISTANCE_TOLERANCE: Final = (0.66, 1.5)
"""Distance between two markers over what their size predicts: 30 degrees of tilt stretch it this far."""
MAX_SIDE_RATIO: Final = 2.8
"""Of the nearest to the farthest marker in a photo tilted by 30 degrees."""
MAX_HYPOTHESES: Final = 12
MAX_FOUR_COST: Final = 2.5
MAX_THREE_COST: Final = 3.0
MAX_TRIPLES: Final = 150
SETTLED_PIXELS: Final = 0.5
"""A window that lies so far beside the marker still holds all of it, and nothing else."""
MIN_MARKER_CONTRAST: Final = 12.0
BLACK_SHARE: Final = 0.06
PAPER_SHARE: Final = 0.92
"""Of a marker's surroundings, in order of their grey: what is surely printed, and surely not."""
STEEPEST: Final = 0.97
"""Of the steps between neighbouring pixels of a marker's surroundings: as many lie on its outline."""

_GREYS: Final = np.arange(256, dtype=np.float32)
_DARKER: Final = np.ceil(DARK_SHARE * np.arange(256)).astype(np.uint8)
_SQUARE: Final = np.ones((2, 2), np.uint8)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dark blob like a square. ``x``, ``y`` its centre and ``side`` in thumbnail pixels; ``solidity``: about 1 for
    a full square or ellipse, 0.7 for one with the orientation hole."""

    x: float
    y: float
    side: float
    solidity: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Four places, or three and None, for the layout's markers in their order; a lower ``cost`` is likelier."""

    corners: tuple[Candidate | None, ...]
    cost: float


def reduce_image(image: GreyImage, factor: int) -> GreyImage:
    """``image`` (H, W) as means of ``factor`` x ``factor`` pixels; what is left over at right and bottom goes."""
    while factor > 1:
        # halving is five times as fast as any other reduction
        step = 2 if factor % 2 == 0 else factor
        height, width = image.shape[0] // step, image.shape[1] // step
        whole = image[: height * step, : width * step]
        image = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        factor //= step
    return image


def thumbnails(image: GreyImage) -> Iterator[tuple[GreyImage, int]]:
    """``image`` (H, W) halved until its long side is little over ``THUMBNAIL_PIXELS``, then once less, each with the
    number of pixels that became one: on a page that is small in its picture a marker is but a few pixels."""
    factor = 1
    while max(image.shape) >= 2 * factor * THUMBNAIL_PIXELS:
        factor *= 2
    yield reduce_image(image, factor), factor
    if factor > 2:
        yield reduce_image(image, factor // 2), factor // 2


def find_candidates(small: GreyImage) -> list[Candidate]:
    """Blobs of ``small`` (h, w) that may be markers, at most ``MAX_CANDIDATES``: the outermost and the largest."""
    mean = cv2.boxFilter(small, -1, (NEIGHBOURHOOD, NEIGHBOURHOOD), borderType=cv2.BORDER_REPLICATE)
    dark = cv2.compare(small, cv2.LUT(mean, _DARKER), cv2.CMP_LT).astype(np.uint8, copy=False)
    # most of what is dark are letters and outlines: strokes of one pixel, which do not survive this
    strokeless = cv2.morphologyEx(dark, cv2.MORPH_OPEN, _SQUARE)
    contours, parents = cv2.findContours(strokeless, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    blobs = [blob for blob, parent in zip(contours, parents[0, :, 3], strict=True) if parent < 0] if contours else []
    boxes = np.array([cv2.boundingRect(blob) for blob in blobs], np.intp).reshape(-1, 4)
    least, most = boxes[:, 2:].min(axis=1), boxes[:, 2:].max(axis=1)
    keep = np.flatnonzero((least >= MIN_SIDE_PIXELS) & (most <= max(small.shape) / 12) & (most <= MAX_ASPECT * least))
    areas = np.array([cv2.contourArea(blobs[index]) for index in keep])
    # of the polygon through the middles of the outermost pixels
    is_full = areas >= MIN_EXTENT * (boxes[keep, 2:] - 1).prod(axis=1)
    boxes, areas = boxes[keep][is_full], areas[is_full]
    found = []
    for index in _outermost_and_largest(boxes[:, :2] + boxes[:, 2:] / 2, areas, MAX_BLOBS):
        candidate = _candidate(dark, *(int(value) for value in boxes[index]))
        if candidate is not None:
            found.append(candidate)
    places = np.array([(candidate.x, candidate.y) for candidate in found]).reshape(-1, 2)
    sides = np.array([candidate.side for candidate in found])
    return [found[index] for index in _outermost_and_largest(places, sides, MAX_CANDIDATES)]


def _candidate(dark: GreyImage, left: int, top: int, width: int, height: int) -> Candidate | None:
    """What is dark in a box of ``dark`` (h, w) and one pixel round it, if it is like a square."""
    left, top = max(0, left - 1), max(0, top - 1)
    moments = cv2.moments(dark[top : top + height + 2, left : left + width + 2], True)
    mass = moments["m00"]
    if mass < MIN_EXTENT * width * height:
        return None
    # the pixel grid adds 1/12 to each variance
    xx, yy, xy = moments["mu20"] / mass + 1 / 12, moments["mu02"] / mass + 1 / 12, moments["mu11"] / mass
    root = math.sqrt(max(xx * yy - xy * xy, 1e-6))
    solidity = mass / (12 * root)
    if not MIN_SOLIDITY <= solidity <= MAX_SOLIDITY:
        return None
    return Candidate(left + moments["m10"] / mass, top + moments["m01"] / mass, math.sqrt(12 * root), solidity)


def _outermost_and_largest(places: Floats, sizes: NDArray[np.floating | np.integer], limit: int) -> NDArray[np.intp]:
    """At most ``limit`` of K by index, largest first: of ``places`` (K, 2) the outermost, of the rest the largest."""
    if len(places) <= limit:
        return np.argsort(-sizes)
    turns = np.arange(DIRECTIONS) * (2 * np.pi / DIRECTIONS)
    along = places @ np.stack([np.cos(turns), np.sin(turns)])
    is_outermost = np.zeros(len(places), np.bool_)
    is_outermost[np.argsort(-along, axis=0)[:OUTERMOST]] = True
    chosen = np.lexsort((-sizes, ~is_outermost))[:limit]
    return chosen[np.argsort(-sizes[chosen])]


def four_corner_hypotheses(
    candidates: Sequence[Candidate], markers: Floats, size_mm: float, hole_mm: float
) -> list[Hypothesis]:
    """Ways in which four of ``candidates`` can be the layout's ``markers`` (4, 2) in mm, likeliest first."""
    fits = _pairs_that_fit(candidates, markers, size_mm)
    three = np.argwhere(fits[(0, 1)][:, :, None] & fits[(0, 2)][:, None, :] & fits[(1, 2)][None])
    fourth = fits[(0, 3)][three[:, 0]] & fits[(1, 3)][three[:, 1]] & fits[(2, 3)][three[:, 2]]
    row, last = np.nonzero(fourth)
    chosen = np.column_stack([three[row], last])
    costs = _four_costs(candidates, chosen, markers, size_mm, hole_mm)
    likeliest = np.argsort(costs)[:MAX_HYPOTHESES]
    return [
        Hypothesis(tuple(candidates[int(index)] for index in chosen[row]), float(costs[row]))
        for row in likeliest
        if costs[row] < MAX_FOUR_COST
    ]


def _four_costs(
    candidates: Sequence[Candidate], chosen: NDArray[np.intp], markers: Floats, size_mm: float, hole_mm: float
) -> Floats:
    """How badly each row of ``chosen`` (M, 4) fits the markers, (M,): in size under its own perspective, in the hole.

    A rectangle seen in perspective has homogeneous corners ``w_i (p_i, 1)`` with ``w_i`` the area of the triangle of
    the other three, so areas grow at corner i by ``2 w0 w1 w2 w3 / (area of the rectangle * w_i^3)``.
    """
    places = np.array([(c.x, c.y) for c in candidates]).reshape(-1, 2)[chosen]
    sides = np.array([c.side for c in candidates])[chosen]
    solidity = np.array([c.solidity for c in candidates])[chosen]
    weights = np.stack([_triangles(places[:, [i for i in range(4) if i != skip]]) for skip in range(4)], axis=1)
    is_convex = (weights > 0).all(axis=1)
    weights = np.maximum(weights, 1e-6)
    rectangle = float(np.prod(markers[2] - markers[0]))
    scale = np.sqrt(2 * weights.prod(axis=1, keepdims=True) / (rectangle * weights**3))
    expected = np.array([_expected_solidity(index, size_mm, hole_mm) for index in range(4)])
    costs = np.abs(np.log(sides / (scale * size_mm))).sum(axis=1) + 1.5 * np.abs(solidity - expected).sum(axis=1)
    return np.where(is_convex, costs, np.inf)


def _triangles(corners: Floats) -> Floats:
    """Signed areas (M,) of triangles (M, 3, 2); positive clockwise on the picture."""
    (ax, ay), (bx, by), (cx, cy) = (corners[:, index].T for index in range(3))
    area: Floats = ((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / 2
    return area


def three_corner_hypotheses(
    candidates: Sequence[Candidate], markers: Floats, size_mm: float, hole_mm: float
) -> list[Hypothesis]:
    """Ways in which three of ``candidates`` can be three of the layout's markers, likeliest first as far as can be said
    without perspective."""
    found: list[Hypothesis] = []
    fits = _pairs_that_fit(candidates, markers, size_mm)
    for missing in range(4):
        before, corner, after = (missing + 1) % 4, (missing + 2) % 4, (missing + 3) % 4
        for b, a in zip(*np.nonzero(_fit(fits, before, after)), strict=True):
            for c in np.flatnonzero(_fit(fits, before, corner)[b] & _fit(fits, corner, after)[:, a]):
                chosen: list[Candidate | None] = [None] * 4
                chosen[before], chosen[corner], chosen[after] = (candidates[int(i)] for i in (b, c, a))
                cost = _three_cost(chosen, missing, markers, size_mm, hole_mm)
                if cost is not None:
                    found.append(Hypothesis(tuple(chosen), cost))
    found.sort(key=lambda hypothesis: hypothesis.cost)
    return found[:MAX_TRIPLES]


def _fit(fits: dict[tuple[int, int], NDArray[np.bool_]], one: int, other: int) -> NDArray[np.bool_]:
    return fits[(one, other)] if one < other else fits[(other, one)].T


def _pairs_that_fit(
    candidates: Sequence[Candidate], markers: Floats, size_mm: float
) -> dict[tuple[int, int], NDArray[np.bool_]]:
    """For each two markers which ordered pairs of candidates lie as far apart as their sizes predict."""
    places = np.array([(c.x, c.y) for c in candidates]).reshape(-1, 2)
    sides = np.array([c.side for c in candidates])
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    scale = np.sqrt(np.outer(sides, sides)) / size_mm
    low, high = DISTANCE_TOLERANCE
    similar = np.abs(np.log(np.maximum(sides[:, None], 1e-6) / np.maximum(sides[None], 1e-6))) < math.log(
        MAX_SIDE_RATIO
    )
    fits = {}
    for one, other in itertools.combinations(range(4), 2):
        expected = math.hypot(*(markers[one] - markers[other])) * scale
        fits[(one, other)] = (apart > low * expected) & (apart < high * expected) & similar
    return fits


def _expected_solidity(index: int, size_mm: float, hole_mm: float) -> float:
    if index:
        return 1.0
    area = size_mm**2 - hole_mm**2
    return area * area / (size_mm**4 - hole_mm**4)


def _three_cost(
    chosen: Sequence[Candidate | None], missing: int, markers: Floats, size_mm: float, hole_mm: float
) -> float | None:
    before, corner, after = (chosen[(missing + step) % 4] for step in (1, 2, 3))
    if before is None or corner is None or after is None:
        return None
    places = [np.array([c.x, c.y]) for c in (before, corner, after)]
    if _cross(*places) <= 0:
        return None
    sides = [places[0] - places[1], places[2] - places[1]]
    cosine = float(sides[0] @ sides[1]) / (math.hypot(*sides[0]) * math.hypot(*sides[1]))
    if abs(cosine) > 0.6:
        return None
    expected = [markers[(missing + step) % 4] for step in (1, 2, 3)]
    lengths = [math.hypot(*(expected[0] - expected[1])), math.hypot(*(expected[2] - expected[1]))]
    stretch = math.log(math.hypot(*sides[0]) * lengths[1] / (math.hypot(*sides[1]) * lengths[0]))
    cost = abs(cosine) + abs(stretch)
    for step in (1, 2, 3):
        index = (missing + step) % 4
        candidate = chosen[index]
        if candidate is None:
            return None
        mean = math.sqrt(math.hypot(*sides[0]) / lengths[0] * math.hypot(*sides[1]) / lengths[1])
        cost += abs(math.log(candidate.side / (mean * size_mm)))
        cost += 1.5 * abs(candidate.solidity - _expected_solidity(index, size_mm, hole_mm))
    return cost if cost < MAX_THREE_COST else None


def _cross(a: Floats, b: Floats, c: Floats) -> float:
    return float((b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]))


@dataclass(frozen=True, slots=True)
class MarkerFit:
    """A marker measured in the full picture: centre in pixels, how sharp, how black against its paper.

    ``sharpness``: the steepest step between two pixels as a share of the whole contrast, 0 to 1.
    """

    x: float
    y: float
    paper: float
    black: float
    sharpness: float


def measure_marker(image: GreyImage, x: float, y: float, side: float, solid_share: float) -> MarkerFit | None:
    """The marker of ``side`` pixels near (x, y) in ``image`` (H, W), to a fraction of a pixel.

    The centre is the centroid of ink in a window that holds the marker whichever way it is turned and follows the
    centroid. ``solid_share``: inked part of the square (less than 1 with the hole). None when what is there has not
    the ink of one marker: covered by a finger, cut off by the picture's edge, or not a marker.
    """
    reach = 0.74 * side + 1.5
    for _ in range(3):
        left, right = round(x - reach), round(x + reach) + 1
        top, bottom = round(y - reach), round(y + reach) + 1
        if left < 0 or top < 0 or right > image.shape[1] or bottom > image.shape[0]:
            return None
        window = image[top:bottom, left:right]
        black, paper = _levels(window)
        contrast = paper - black
        if contrast < MIN_MARKER_CONTRAST:
            return None
        ink = cv2.LUT(window, np.clip(((paper - _GREYS) / contrast - 0.2) / 0.7, 0, 1))
        moments = cv2.moments(ink)
        mass = moments["m00"]
        if mass < 1:
            return None
        new_x, new_y = left + moments["m10"] / mass, top + moments["m01"] / mass
        is_settled = math.hypot(new_x - x, new_y - y) < SETTLED_PIXELS
        x, y = new_x, new_y
        if is_settled:
            break
    if not 0.7 <= mass / (side * side * solid_share) <= 1.4:
        return None
    levels = window.astype(np.float32)
    across, down = levels[:-1, 1:] - levels[:-1, :-1], levels[1:, :-1] - levels[:-1, :-1]
    steps = np.sort((across * across + down * down).ravel())
    sharpness = math.sqrt(float(steps[round(STEEPEST * (len(steps) - 1))])) / contrast
    return MarkerFit(x, y, paper, black, min(1.0, sharpness))


def _levels(window: GreyImage) -> tuple[float, float]:
    """The grey of what is printed black in ``window`` (h, w), and of the paper."""
    seen = np.cumsum(np.bincount(window.ravel(), minlength=256))
    black, paper = np.searchsorted(seen, (BLACK_SHARE * window.size, PAPER_SHARE * window.size), side="right")
    return float(black), float(paper)
