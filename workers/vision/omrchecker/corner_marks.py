"""The four printed markers of a sheet, found by correlation at several sizes and judged together.

Inside the page's outline the markers stand upright and span a rectangle, so a marker that somebody scribbled on is
told from a look-alike by its place, and one that is gone is where the other three say.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.template import BadTemplate, MarkerSpec
from workers.media.errors import BrokenMedia
from workers.media.images import DecodeLimits, decode_grey

Floats = NDArray[np.float64]

MARKER_LIMITS: Final = DecodeLimits(max_pixels=4_000_000, max_side_px=4_000, keep_long_side_px=None)
MARKER_SIDE_PX: Final = 22
SIZES: Final = (0.7, 0.78, 0.86, 0.94, 1.03, 1.13, 1.24, 1.36)
SIZES_TRIED: Final = 3
PEAKS_PER_QUARTER: Final = 3
# True markers in phone photos .6 to .95, one filled in with a pen .54; the best other place .3 to .5.
MIN_CORRELATION: Final = 0.42
# How far, in page widths, four markers may be from a parallelogram: creased pages .01.
MAX_SKEW: Final = 0.035


@dataclass(frozen=True, slots=True)
class MarkerQuad:
    """Marker centres (4, 2) in pixels, clockwise from the top left; ``found`` of them seen, 3 or 4."""

    corners: Floats
    found: int
    correlation: float


@dataclass(frozen=True, slots=True)
class _Peak:
    x: float
    y: float
    correlation: float


def decode_marker(marker: MarkerSpec) -> NDArray[np.uint8]:
    """The marker as grey (h, w). Raises ``BadTemplate`` for a picture that cannot be found on any page."""
    try:
        picture = decode_grey(marker.picture, limits=MARKER_LIMITS)
    except BrokenMedia as error:
        raise BadTemplate(f"CropOnMarkers: {marker.name!r}: {error.message}") from error
    if min(picture.shape) < 8 or float(picture.std()) < 5:
        raise BadTemplate(f"CropOnMarkers: {marker.name!r} is too small or empty to be found on a page")
    return picture


def find_markers(image: NDArray[np.uint8], page: Floats, marker: MarkerSpec) -> MarkerQuad | None:
    """The markers on the sheet whose outline is ``page`` (4, 2) pixels of grey ``image``; ``None`` below three."""
    width = round(marker.width_ratio * MARKER_SIDE_PX)
    sides = np.hypot(*(page - np.roll(page, -1, axis=0)).T)
    height = int(np.clip(width * (sides[1] + sides[3]) / max(sides[0] + sides[2], 1.0), width / 4, width * 4))
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    source, shrink = image, 1.0
    while min(sides) * shrink > 3 * width and min(source.shape) > 64:
        source, shrink = np.asarray(cv2.pyrDown(source), dtype=np.uint8), shrink / 2
    to_frame = cv2.getPerspectiveTransform((page * shrink).astype(np.float32), outline)
    frame = cv2.warpPerspective(source, to_frame, (width, height), borderMode=cv2.BORDER_REPLICATE)
    frame = cv2.GaussianBlur(frame, (0, 0), 0.8)
    peaks = _peaks(np.asarray(frame, dtype=np.uint8), decode_marker(marker))
    chosen = _four_of(peaks, width) or _three_of(peaks, width)
    if chosen is None:
        return None
    places, found, correlation = chosen
    to_image = np.linalg.inv(to_frame)
    back = cv2.perspectiveTransform(places[None].astype(np.float64), to_image)[0] / shrink
    return MarkerQuad(np.asarray(back, dtype=np.float64), found, correlation)


def _peaks(frame: NDArray[np.uint8], marker: NDArray[np.uint8]) -> list[list[_Peak]]:
    """The best places for a marker in each quarter of ``frame``: top left, top right, bottom right, bottom left."""
    height, width = frame.shape
    best = np.full((height, width), -1.0, dtype=np.float32)
    for size in _likely_sizes(frame, marker):
        response = _response(frame, marker, MARKER_SIDE_PX * size)
        # matchTemplate answers for top left corners; odd sides have their centre on a pixel
        top, left = (height - response.shape[0]) // 2, (width - response.shape[1]) // 2
        centred = best[top : top + response.shape[0], left : left + response.shape[1]]
        np.maximum(centred, response, out=centred)
    quarters: list[list[_Peak]] = []
    middle_x, middle_y = width // 2, height // 2
    for top, left in ((0, 0), (0, middle_x), (middle_y, middle_x), (middle_y, 0)):
        part = best[top : top + middle_y, left : left + middle_x].copy()
        found: list[_Peak] = []
        for _ in range(PEAKS_PER_QUARTER):
            row, column = (int(place) for place in np.unravel_index(int(np.argmax(part)), part.shape))
            correlation = float(part[row, column])
            if correlation < MIN_CORRELATION:
                break
            x, y = _subpixel(best, left + column, top + row)
            found.append(_Peak(x + 0.5, y + 0.5, correlation))
            reach = MARKER_SIDE_PX // 2
            part[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = -1
        quarters.append(found)
    return quarters


def _likely_sizes(frame: NDArray[np.uint8], marker: NDArray[np.uint8]) -> list[float]:
    """Those of ``SIZES`` that answer best in a picture half as large, ``SIZES_TRIED`` neighbours."""
    half = np.asarray(cv2.resize(frame, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    answers: list[float] = []
    for size in SIZES:
        response = _response(half, marker, MARKER_SIDE_PX * size / 2)
        middle_y, middle_x = (max(1, length // 2) for length in response.shape)
        halves = (response[:middle_y], response[middle_y:])
        quarters = [part for rows in halves for part in (rows[:, :middle_x], rows[:, middle_x:])]
        # three markers are enough
        answers.append(sum(sorted(float(quarter.max(initial=-1)) for quarter in quarters)[1:]))
    together = np.convolve(answers, np.ones(SIZES_TRIED), "valid")
    first = int(np.argmax(together))
    return list(SIZES[first : first + SIZES_TRIED])


def _response(frame: NDArray[np.uint8], marker: NDArray[np.uint8], side_px: float) -> NDArray[np.float32]:
    """How well ``marker``, ``side_px`` wide, correlates with each place of ``frame`` that holds all of it."""
    side = _odd(side_px)
    tall = _odd(side * marker.shape[0] / marker.shape[1])
    if tall >= frame.shape[0] // 2 or side >= frame.shape[1] // 2:
        return np.full((1, 1), -1.0, dtype=np.float32)
    small = cv2.GaussianBlur(cv2.resize(marker, (side, tall), interpolation=cv2.INTER_AREA), (0, 0), 0.8)
    response = np.asarray(cv2.matchTemplate(frame, small, cv2.TM_CCOEFF_NORMED), dtype=np.float32)
    return np.where(np.isfinite(response), response, np.float32(-1))


def _odd(length: float) -> int:
    """The odd number nearest to ``length``, 7 or more."""
    return max(7, 2 * int(length / 2) + 1)


def _subpixel(response: NDArray[np.float32], x: int, y: int) -> tuple[float, float]:
    height, width = response.shape
    if not (0 < x < width - 1 and 0 < y < height - 1):
        return float(x), float(y)
    offsets = []
    for before, here, after in (response[y, x - 1 : x + 2].tolist(), response[y - 1 : y + 2, x].tolist()):
        bend = before - 2 * here + after
        offsets.append(float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < -1e-6 else 0.0)
    return x + offsets[0], y + offsets[1]


def _four_of(peaks: list[list[_Peak]], width: int) -> tuple[Floats, int, float] | None:
    best: tuple[float, Floats, float] | None = None
    for combination in product(*peaks):
        places = np.array([(peak.x, peak.y) for peak in combination])
        skew = float(np.hypot(*(places[0] - places[1] + places[2] - places[3]))) / width
        correlation = sum(peak.correlation for peak in combination) / 4
        score = correlation - 4 * skew
        if skew <= MAX_SKEW and (best is None or score > best[0]):
            best = (score, places, correlation)
    return None if best is None else (best[1], 4, best[2])


def _three_of(peaks: list[list[_Peak]], width: int) -> tuple[Floats, int, float] | None:
    """Three markers at a right angle, the fourth completed to a rectangle in the page's own frame."""
    best: tuple[float, Floats, float] | None = None
    for missing in range(4):
        present = [(missing + step) % 4 for step in (1, 2, 3)]
        for combination in product(*(peaks[index] for index in present)):
            before, opposite, after = (np.array([peak.x, peak.y]) for peak in combination)
            first, second = before - opposite, after - opposite
            lengths = float(np.hypot(*first)) * float(np.hypot(*second))
            cosine = abs(float(first @ second)) / max(lengths, 1e-6)
            if cosine > 0.08 or lengths < (0.3 * width) ** 2:
                continue
            correlation = sum(peak.correlation for peak in combination) / 3
            if best is None or correlation - cosine > best[0]:
                places = np.empty((4, 2))
                places[present] = before, opposite, after
                places[missing] = before + after - opposite
                best = (correlation - cosine, places, correlation)
    return None if best is None else (best[1], 3, best[2])
