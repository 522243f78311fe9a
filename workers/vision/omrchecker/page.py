"""Where the sheet lies in the picture: four straight sides, bright inside, found by an oriented Hough transform.

Each edge pixel knows from its gradient which side of a page it may belong to, so the edge of a shadow or a printed
frame competes only with the side it resembles, and four sides are judged together. Several answers are returned:
which one carries the template's bubbles is decided later, by looking for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

WORK_SIDE_PX: Final = 480
MAX_TILT_DEGREES: Final = 40
LINES_PER_SIDE: Final = 6
MAX_CANDIDATES: Final = 12
MAX_PAGES: Final = 6
OUTSIDE_PENALTY: Final = 2.0
# The sides' share of length with an edge under it: true pages in phone photos 0.75 to 1, printed frames inside
# are cut off by the page's own higher area.
MIN_SIDE_SUPPORT: Final = 0.3
BORDER_SUPPORT: Final = 0.4
MIN_AREA_SHARE: Final = 0.1

# Gradient of the left, top, right, bottom side of a bright page, in degrees (y down).
_INWARD_DEGREES: Final = (0, 90, 180, 270)
_ROOTS: Final = np.sqrt(np.arange(256, dtype=np.float32) + 4)


@dataclass(frozen=True, slots=True)
class Page:
    """An outline of the sheet: ``corners`` (4, 2) pixels, top left, top right, bottom right, bottom left of the paper.

    ``has_four_edges``: all four sides are seen in the picture, none is the picture's own border. ``is_whole``: all four
    are the picture's border, as in a scan.
    """

    corners: Floats
    has_four_edges: bool
    is_whole: bool = False


def find_pages(image: NDArray[np.uint8]) -> Iterator[Page]:
    """Likely outlines of the sheet in grey ``image`` (H, W), best first; the whole picture is always among them."""
    height, width = image.shape
    whole = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    scale = min(1.0, WORK_SIDE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = image if scale == 1 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    if min(small.shape) < 16:
        yield Page(whole, has_four_edges=False, is_whole=True)
        return
    # Closing removes print, and the thin frames printed on a sheet with it.
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (7, 7))
    clean = np.asarray(cv2.GaussianBlur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, kernel), (0, 0), 1.2), dtype=np.uint8)
    ranked: list[tuple[float, Floats | None]] = [(_whole_score(clean), None)]
    ranked += [
        (score - OUTSIDE_PENALTY * _paper_outside(clean, corners), corners) for score, corners in _outlines(clean)
    ]
    ranked.sort(key=lambda entry: -entry[0])
    # The whole picture is tried even where it ranks last: a scan has no other outline.
    ranked = ranked[:MAX_PAGES] + [entry for entry in ranked[MAX_PAGES:] if entry[1] is None]
    for _, rough in ranked:
        if rough is None:
            yield Page(whole, has_four_edges=False, is_whole=True)
            continue
        corners = _refined(image, rough / scale, 3 / scale)
        if _is_sound(corners):
            yield _page(corners, width, height)


def _whole_score(clean: NDArray[np.uint8]) -> float:
    """The whole picture as the page: four borders, less where the picture's rim is not paper."""
    rim = np.concatenate([clean[2], clean[-3], clean[:, 2], clean[:, -3]])
    is_background = rim < 0.55 * float(np.quantile(clean, 0.8))
    return 2 * BORDER_SUPPORT + 0.5 - 1.5 * float(is_background.mean())


def _page(corners: Floats, width: int, height: int) -> Page:
    """The page of these corners, with which of its sides run along the picture's border."""
    margin = 0.015 * max(width, height)
    x, y = corners[:, 0], corners[:, 1]
    is_border = [
        bool((x[[0, 3]] < margin).all()),
        bool((y[[0, 1]] < margin).all()),
        bool((x[[1, 2]] > width - margin).all()),
        bool((y[[2, 3]] > height - margin).all()),
    ]
    return Page(corners, has_four_edges=not any(is_border), is_whole=all(is_border))


def _paper_outside(clean: NDArray[np.uint8], corners: Floats) -> float:
    """How much of what lies beyond the sides is as bright as the paper inside them, 0 to 1.

    Beyond a page's edge lies a desk; beyond a box printed on a page lies more page.
    """
    height, width = clean.shape
    size = float(np.sqrt(abs(_turn(corners[1] - corners[0], corners[3] - corners[0]))))
    bright: list[float] = []
    for index in range(4):
        begin, end = corners[index], corners[(index + 1) % 4]
        along = (end - begin) / max(float(np.hypot(*(end - begin))), 1e-6)
        outward = np.array([along[1], -along[0]])
        base = begin + (end - begin) * np.linspace(0.06, 0.94, 40)[:, None]
        inside = base - outward * 0.02 * size
        beyond = base[:, None] + outward * np.linspace(0.02, 0.16, 12)[:, None] * size
        x, y = np.rint(beyond[..., 0]).astype(int), np.rint(beyond[..., 1]).astype(int)
        is_seen = (x >= 1) & (y >= 1) & (x < width - 1) & (y < height - 1)
        if is_seen.sum() < 0.1 * is_seen.size:
            continue
        level = clean[
            np.clip(np.rint(inside[:, 1]).astype(int), 0, height - 1),
            np.clip(np.rint(inside[:, 0]).astype(int), 0, width - 1),
        ].astype(np.float64)
        outside = clean[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)].astype(np.float64)
        bright.append(float((outside > 0.85 * level[:, None])[is_seen].mean()))
    return float(np.mean(bright)) if bright else 0.0


def _outlines(clean: NDArray[np.uint8]) -> list[tuple[float, Floats]]:
    """Scores and corner sets in pixels of ``clean``, best first."""
    height, width = clean.shape
    # The root makes an edge in shadow count almost as much as one in light.
    root = _ROOTS[clean]
    grad_x = np.asarray(cv2.Sobel(root, cv2.CV_32F, 1, 0, scale=1 / 8), dtype=np.float32)
    grad_y = np.asarray(cv2.Sobel(root, cv2.CV_32F, 0, 1, scale=1 / 8), dtype=np.float32)
    strength = np.sort(cv2.magnitude(grad_x, grad_y).ravel())
    usual, steep = (float(strength[round(share * (len(strength) - 1))]) for share in (0.8, 0.995))
    floor = max(0.08, usual, 0.12 * steep)
    scaled = np.clip(np.stack([grad_x, grad_y]) * 1000, -32000, 32000).astype(np.int16)
    edges = cv2.Canny(scaled[0], scaled[1], floor * 500, floor * 1000, L2gradient=True) > 0
    ys, xs = np.nonzero(edges)
    angles = np.degrees(np.arctan2(grad_y[ys, xs], grad_x[ys, xs])) % 360
    points = np.stack([xs, ys], axis=1).astype(np.float64)

    lines: list[Floats] = []
    for inward in _INWARD_DEGREES:
        tilt = (angles - inward + 180) % 360 - 180
        belongs = np.abs(tilt) <= MAX_TILT_DEGREES
        lines.append(np.array(_side_lines(points[belongs], angles[belongs], (width, height), inward)))
    profiles = [_support_along(side, grad_x, grad_y, floor) for side in lines]
    return _best_combinations(lines, profiles, (width, height))


def _side_lines(points: Floats, angles: Floats, size: tuple[int, int], inward: int) -> list[Floats]:
    """The strongest lines as (normal x, normal y, distance), and the picture's own border as the last."""
    width, height = size
    border = {
        0: (1.0, 0.0, 0.0),
        90: (0.0, 1.0, 0.0),
        180: (-1.0, 0.0, -float(width - 1)),
        270: (0.0, -1.0, -float(height - 1)),
    }[inward]
    found: list[Floats] = []
    if len(points):
        step_degrees, step_px = 1.0, 2.0
        reach = float(np.hypot(width, height))
        spread = np.arange(-3, 4) * step_degrees
        votes_angle = (angles[:, None] + spread).ravel()
        radians = np.radians(votes_angle)
        distance = np.cos(radians) * np.repeat(points[:, 0], 7) + np.sin(radians) * np.repeat(points[:, 1], 7)
        # Angles relative to the side's own keep the histogram from wrapping round at 360 degrees.
        relative = (votes_angle - inward + 180) % 360 - 180
        span = MAX_TILT_DEGREES + 4
        rows, columns = int(2 * span / step_degrees), int(2 * reach / step_px) + 1
        row_of = ((relative + span) / step_degrees).astype(np.intp)
        column_of = ((distance + reach) / step_px).astype(np.intp)
        counted = np.bincount(row_of * columns + column_of, minlength=rows * columns)
        votes = cv2.GaussianBlur(counted.reshape(rows, columns).astype(np.float32), (3, 3), 0)
        for _ in range(LINES_PER_SIDE):
            row, column = np.unravel_index(int(np.argmax(votes)), votes.shape)
            if votes[row, column] < 8:
                break
            degrees = np.radians(inward + (row + 0.5) * step_degrees - span)
            offset = (column + 0.5) * step_px - reach
            found.append(np.array([np.cos(degrees), np.sin(degrees), offset]))
            votes[max(0, int(row) - 5) : int(row) + 6, max(0, int(column) - 4) : int(column) + 5] = 0
    return [*found, np.array(border)]


def _support_along(lines: Floats, grad_x: Raster, grad_y: Raster, floor: float) -> Floats:
    """How many pixels of each line (L, 3) carry an edge that faces the line's way, summed along it, (L, 2 * reach + 2).

    Position ``t`` pixels from the foot of the normal is column ``t + reach``. The last line is the picture's border.
    """
    height, width = grad_x.shape
    reach = int(np.hypot(width, height)) + 1
    along = np.arange(-reach, reach + 1, dtype=np.float32)
    across = np.arange(-2, 3, dtype=np.float32)
    normal_x, normal_y, distance = (lines[:, index, None, None].astype(np.float32) for index in range(3))
    x = normal_x * (distance + across[:, None]) - normal_y * along
    y = normal_y * (distance + across[:, None]) + normal_x * along
    flat_x, flat_y = x.reshape(-1, len(along)), y.reshape(-1, len(along))
    edge_x = cv2.remap(grad_x, flat_x, flat_y, cv2.INTER_NEAREST, borderValue=0).reshape(x.shape)
    edge_y = cv2.remap(grad_y, flat_x, flat_y, cv2.INTER_NEAREST, borderValue=0).reshape(x.shape)
    facing = edge_x * normal_x + edge_y * normal_y
    is_edge = (facing > floor) & (facing > 0.93 * np.hypot(edge_x, edge_y))
    support: Floats = np.asarray(is_edge.any(axis=1), dtype=np.float64)
    support[-1] = BORDER_SUPPORT
    return np.concatenate([np.zeros((len(lines), 1)), np.cumsum(support, axis=1)], axis=1)


def _best_combinations(
    lines: list[Floats], profiles: list[Floats], size: tuple[int, int]
) -> list[tuple[float, Floats]]:
    width, height = size
    choices = np.array(list(product(*(range(len(side)) for side in lines))))
    left, top, right, bottom = (side[choices[:, index]] for index, side in enumerate(lines))
    corners = np.stack(
        [_crossing(top, left), _crossing(top, right), _crossing(bottom, right), _crossing(bottom, left)], axis=1
    )
    margin = 0.04 * max(size)
    is_inside = (corners > -margin).all(axis=(1, 2)) & (corners < np.array(size) + margin).all(axis=(1, 2))
    following = np.roll(corners, -1, axis=1)
    turns = _turn(following - corners, np.roll(following, -1, axis=1) - following)
    area = 0.5 * np.abs(_turn(corners, following).sum(axis=1))
    share = area / (width * height)
    is_page = is_inside & (turns > 0).all(axis=1) & (share > MIN_AREA_SHARE)
    choices, corners, share = choices[is_page], corners[is_page], share[is_page]
    if not len(corners):
        return []
    support: list[Floats] = []
    for side, (first, second) in enumerate(((0, 3), (0, 1), (1, 2), (3, 2))):  # the corners each side joins
        line = lines[side][choices[:, side]]
        along = np.stack([-line[:, 1], line[:, 0]], axis=1)
        reach = (profiles[side].shape[1] - 2) // 2
        begin, end = (
            np.clip(np.rint((corners[:, corner] * along).sum(axis=1)).astype(int) + reach, 0, 2 * reach + 1)
            for corner in (first, second)
        )
        summed = np.abs(profiles[side][choices[:, side], end] - profiles[side][choices[:, side], begin])
        support.append(np.asarray(summed / np.maximum(np.abs(end - begin), 1), dtype=np.float64))
    sides = np.stack(support, axis=1)
    score = sides.mean(axis=1) + sides.min(axis=1) + 0.5 * np.sqrt(share)
    score = np.where(sides.min(axis=1) < MIN_SIDE_SUPPORT, -1.0, score)
    chosen: list[tuple[float, Floats]] = []
    for best in np.argsort(-score):
        if score[best] < 0 or len(chosen) == MAX_CANDIDATES:
            break
        if all(np.abs(corners[best] - other).max() > 0.05 * max(size) for _, other in chosen):
            chosen.append((float(score[best]), corners[best]))
    return chosen


def _crossing(first: Floats, second: Floats) -> Floats:
    """Where lines (N, 3) of normals and distances cross, (N, 2)."""
    determinant = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    determinant = np.where(np.abs(determinant) < 1e-6, 1e-6, determinant)
    x = (first[:, 2] * second[:, 1] - first[:, 1] * second[:, 2]) / determinant
    y = (first[:, 0] * second[:, 2] - first[:, 2] * second[:, 0]) / determinant
    return np.stack([x, y], axis=1)


def _refined(image: NDArray[np.uint8], corners: Floats, reach_px: float) -> Floats:
    """``corners`` from lines fitted to the steepest brightening across each side, within ``reach_px``."""
    height, width = image.shape
    count, depth = 90, 33
    fitted: list[Floats] = []
    for index in range(4):
        begin, end = corners[index], corners[(index + 1) % 4]
        along = (end - begin) / max(float(np.hypot(*(end - begin))), 1e-6)
        inward = np.array([-along[1], along[0]])
        base = begin + (end - begin) * np.linspace(0.04, 0.96, count)[:, None]
        offsets = np.linspace(-reach_px, reach_px, depth)
        samples = (base[:, None] + inward * offsets[:, None]).astype(np.float32)
        profile = cv2.remap(
            image, samples[..., 0], samples[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ).astype(np.float32)
        rise = np.gradient(cv2.GaussianBlur(profile, (0, 0), sigmaX=2, sigmaY=1.5), axis=1)
        steepest = np.argmax(rise, axis=1)
        found = base + inward * offsets[steepest][:, None]
        is_inside = (found >= 1).all(axis=1) & (found[:, 0] < width - 1) & (found[:, 1] < height - 1)
        is_clear = rise.max(axis=1) > max(1.0, 0.3 * float(np.median(rise.max(axis=1))))
        fitted.append(_line_through(found[is_inside & is_clear], begin, inward))
    lines = [line[None] for line in fitted]  # top, right, bottom, left
    return np.concatenate([_crossing(lines[index - 1], lines[index]) for index in range(4)])


def _line_through(points: Floats, begin: Floats, inward: Floats) -> Floats:
    """The line (normal, distance) through most of ``points``; the given one where there are too few."""
    if len(points) >= 12:
        direction_x, direction_y, x, y = cv2.fitLine(points.astype(np.float32), cv2.DIST_WELSCH, 0, 0.01, 0.01).ravel()
        normal = np.array([-direction_y, direction_x], dtype=np.float64)
        if abs(float(normal @ inward)) > 0.98:
            return np.array([normal[0], normal[1], normal @ np.array([x, y])])
    return np.array([inward[0], inward[1], inward @ begin])


def _turn(first: Floats, second: Floats) -> Floats:
    """Positive where ``second`` turns clockwise from ``first`` (y down), both (..., 2)."""
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0], dtype=np.float64)


def _is_sound(corners: Floats) -> bool:
    following = np.roll(corners, -1, axis=0)
    turns = _turn(following - corners, np.roll(following, -1, axis=0) - following)
    return bool(np.isfinite(corners).all() and (turns > 0).all())
