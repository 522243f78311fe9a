"""Whether somebody wrote in a region: what is on the page and was not printed, in mm^2 of ink.

The unforgivable error is to call an attempted problem blank. So BLANK needs a reason of its own: the region is in the
picture, its print lies where it should, a pencil would be seen there, and nothing is. All else is UNSURE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import Doubt, Mark, Region, RegionReading, Verdict
from workers.vision.homework.alignment import Aligned
from workers.vision.homework.paper import PX_PER_MM, Floats, Ink
from workers.vision.homework.red_marks import MIN_MARK_MM, RED_SHARE, RedInk, find_red

PRINT_FLOOR: Final = 0.1
"""Darkness of the registered page that counts as print; its JPEG's noise is below 0.04."""
PRINT_MARGIN_MM: Final = 0.42
MAX_DRIFT_MM: Final = 0.38
"""As far as print may lie off and still be covered by its own margin."""
MIN_ALIGNMENT: Final = 0.42
SOFTNESS_MM: Final = 0.13
LOWEST_INK: Final = 0.05
LOW_SIGMAS: Final = 4.5
NOISE_STEP: Final = 3
"""Every so many pixels tell the noise as well as all of them."""
NOISE_AROUND_MM: Final = 16.0
CORE_RATIO: Final = 1.5
"""A stroke is as dark as this times the floor somewhere; noise that crosses the floor is not."""
MAX_FLOOR: Final = 0.14
"""Above it a hard pencil's line, 0.15 to 0.25 of the paper, could hide in the noise."""
MIN_PX_PER_MM: Final = 2.4
MIN_LENGTH_MM: Final = 1.1
MIN_PIECE_MM2: Final = 0.1
ATTEMPT_MM2: Final = 1.3
ATTEMPT_DARKNESS: Final = 0.13
"""Mean of a piece's darker half: an erased line leaves 0.03 to 0.06."""
ATTEMPT_LENGTH_MM: Final = 1.9
"""What is shorter makes a region no blank, and no attempt either: noise in a deep shadow, the rim of blurred print and
what is left of a red line are 1.8 mm at most; the shortest stroke of a digit of 3 mm is 2."""
MAYBE_RED_SHARE: Final = 0.1
"""A slash with so much red in it may have been a teacher's: of students' strokes 5 % have as much, in poor JPEGs."""
SLASH_MM: Final = 1.5
"""How wide a line may be, blurred, that runs straight."""
GREYED_MM2: Final = 0.6
"""Of a stroke so large its share of red says what pen wrote it."""
PALE_DARKNESS: Final = 0.09
PALE_ATTEMPT_MM2: Final = 4.0
"""A hard pencil's writing is pale and much; what is pale and little stays a doubt."""
TIGHT_MARGIN_MM: Final = 0.2
TIGHT_MM2: Final = 0.3
TIGHT_LENGTH_MM: Final = 1.8
TIGHT_DARKNESS: Final = 0.16
"""A tick over a printed choice shows between its strokes only: looked for before BLANK is said."""
RIM_SHARE: Final = 0.96
PRINT_BLUR_MM: Final = 0.3
LONG_STROKE_MM: Final = 10.0
"""Without colours a single stroke this long may be a teacher's."""
BLANK_MM2: Final = 0.22
"""A full stop of a ball pen has 0.3; a handwritten 1 of 3 mm has 1.0."""
NEARBY_MM: Final = 5.0
NEARBY_MM2: Final = 1.5
OWN_SHARE: Final = 0.6
EDGE_MM: Final = 2.5
MIN_SEEN_SHARE: Final = 0.97


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """What was written on a page: ``labels`` (H, W) int32 of the pieces that count, 0 elsewhere.

    By piece, the first being the background, its ``areas`` in mm^2, its ``lengths`` in mm, its ``darkness``, and
    whether it ``stands_out`` from the noise around it; ``floor``: the least darkness that was looked for.
    """

    labels: NDArray[np.int32]
    areas: Floats
    lengths: Floats
    darkness: Floats
    stands_out: NDArray[np.bool_]
    floor: float


def judge(aligned: Aligned, printed: Floats, seen: Ink, regions: Sequence[Region]) -> tuple[RegionReading, ...]:
    """What there is in each of ``regions``. ``printed`` (H, W) is the ink of the registered page, ``seen`` that of
    the picture as ``aligned``."""
    red = find_red(seen, None, regions)
    strokes = find_strokes(seen.dark, printed, aligned.is_seen, red.is_red)
    redness = _redness(strokes, seen)
    is_greyed = (redness > RED_SHARE) & (strokes.areas >= GREYED_MM2)
    if is_greyed.any():
        red = find_red(seen, is_greyed[strokes.labels], regions)
        strokes = find_strokes(seen.dark, printed, aligned.is_seen, red.is_red)
        redness = _redness(strokes, seen)
    is_slash = (strokes.lengths >= MIN_MARK_MM) & (strokes.areas <= SLASH_MM * strokes.lengths)
    strokes = replace(strokes, stands_out=strokes.stands_out & ~(is_slash & (redness > MAYBE_RED_SHARE)))
    own, shared, nearby = _share_out(strokes, regions)
    unexplained = seen.dark - _blurred_print(seen.dark, printed)
    close = find_strokes(unexplained, printed, aligned.is_seen, red.is_core, TIGHT_MARGIN_MM)
    hidden = _hidden_mm2(close, regions)
    return tuple(
        _judge_region(
            region,
            aligned,
            strokes,
            own[index],
            shared[index] + nearby[index],
            hidden[index],
            red,
            index,
            seen.has_colour,
        )
        for index, region in enumerate(regions)
    )


def find_strokes(
    dark: Floats,
    printed: Floats,
    is_seen: NDArray[np.bool_],
    is_red: NDArray[np.bool_],
    margin_mm: float = PRINT_MARGIN_MM,
) -> Strokes:
    """The pieces of writing in ``dark`` (H, W), outside of print and its margin, of red ink, and of the page's edge."""
    is_print = printed > PRINT_FLOOR
    reach = round(margin_mm * PX_PER_MM)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    is_free = ~(cv2.dilate(is_print.astype(np.uint8), around) > 0) & is_seen & ~is_red
    edge = round(EDGE_MM * PX_PER_MM)
    is_free[:edge] = is_free[-edge:] = False
    is_free[:, :edge] = is_free[:, -edge:] = False
    soft = cv2.GaussianBlur(dark, (0, 0), SOFTNESS_MM * PX_PER_MM)
    sample = soft[::NOISE_STEP, ::NOISE_STEP][is_free[::NOISE_STEP, ::NOISE_STEP]]
    if sample.size < 100:
        none = np.zeros(1, np.float32)
        return Strokes(np.zeros(dark.shape, np.int32), none, none, none, none > 0, 1.0)
    middle = float(np.median(sample))
    # ink only ever adds: the lighter half shows the noise alone
    spread = 1.4826 * float(np.median(middle - sample[sample < middle])) if (sample < middle).any() else 0.0
    lifted = soft - np.float32(middle)
    floor = max(LOWEST_INK, LOW_SIGMAS * spread)
    candidate = ((lifted > floor) & is_free).astype(np.uint8)
    count, found, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=8)
    labels = np.asarray(found, np.int32)
    at = np.flatnonzero(candidate)
    of_piece, values = labels.ravel()[at], lifted.ravel()[at]
    peaks, heights = np.zeros(count, np.float32), np.zeros(count, np.float32)
    np.maximum.at(peaks, of_piece, values)
    noise = np.maximum(_spread_around(lifted, is_free).ravel()[at], np.float32(1e-3))
    np.maximum.at(heights, of_piece, values / noise)
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float32) / np.float32(PX_PER_MM**2)
    lengths = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) / PX_PER_MM
    is_kept = (areas >= MIN_PIECE_MM2) & (lengths >= MIN_LENGTH_MM) & (peaks >= CORE_RATIO * floor)
    is_kept[0] = False
    darkness = _darker_half(of_piece, values.astype(np.float64), count)
    return Strokes(
        labels=np.where(is_kept[labels], labels, 0).astype(np.int32),
        areas=np.where(is_kept, areas, 0).astype(np.float32),
        lengths=lengths.astype(np.float32),
        darkness=darkness,
        stands_out=heights >= CORE_RATIO * LOW_SIGMAS,
        floor=floor,
    )


def _spread_around(lifted: Floats, is_free: NDArray[np.bool_]) -> Floats:
    """The noise, (H, W), as the lighter side of what lies around shows it: in a shadow there is more of it."""
    step = NOISE_STEP
    free = is_free[::step, ::step].astype(np.float32)
    lighter = np.square(np.minimum(lifted[::step, ::step], 0)) * free
    side = round(NOISE_AROUND_MM * PX_PER_MM / step)
    squares, weights = (cv2.blur(values, (side, side)) for values in (lighter, free))
    spread = cv2.sqrt(2 * squares / np.maximum(weights, np.float32(0.05)))
    size = (lifted.shape[1], lifted.shape[0])
    return np.asarray(cv2.resize(spread, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _redness(strokes: Strokes, seen: Ink) -> Floats:
    """By piece how much of its darkness is red: 1 and more for a red pen in good light, none for a pencil."""
    at = np.flatnonzero(strokes.labels)
    of_piece = strokes.labels.ravel()[at]
    dark, red = (
        np.bincount(of_piece, values.ravel()[at].astype(np.float64), minlength=len(strokes.areas))
        for values in (seen.dark, seen.red)
    )
    return np.asarray(red / np.maximum(dark, 1e-6), np.float32)


def _blurred_print(dark: Floats, printed: Floats) -> Floats:
    """What the page's own print makes of the paper beside it at most, (H, W): the lens blurs all of it alike.

    A tick over one choice stands out from that.
    """
    soft = cv2.GaussianBlur(dark, (0, 0), SOFTNESS_MM * PX_PER_MM)
    blurred = cv2.GaussianBlur(printed, (0, 0), PRINT_BLUR_MM * PX_PER_MM)
    reach = 2 * round(TIGHT_MARGIN_MM * PX_PER_MM) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    is_rim = (blurred > 0.05) & ~(cv2.dilate((printed > PRINT_FLOOR).astype(np.uint8), kernel) > 0)
    gain = float(np.quantile(soft[is_rim] / blurred[is_rim], RIM_SHARE)) if is_rim.any() else 1.0
    return (np.float32(gain) * blurred).astype(np.float32)


def _darker_half(of_piece: NDArray[np.int32], values: NDArray[np.float64], count: int) -> Floats:
    """Of each piece the mean of what is darker than its own mean, (count,)."""
    sizes = np.maximum(np.bincount(of_piece, minlength=count), 1)
    means = np.bincount(of_piece, values, minlength=count) / sizes
    is_darker = values >= means[of_piece]
    many = np.maximum(np.bincount(of_piece, is_darker, minlength=count), 1)
    result: Floats = (np.bincount(of_piece, values * is_darker, minlength=count) / many).astype(np.float32)
    return result


@dataclass(slots=True)
class _Share:
    """What a region has of the page's strokes: mm^2 of all, mm^2 that is surely ink, pieces."""

    ink_mm2: float = 0.0
    dark_mm2: float = 0.0
    pale_mm2: float = 0.0
    longest_mm: float = 0.0
    pieces: int = 0


def _share_out(strokes: Strokes, regions: Sequence[Region]) -> tuple[list[_Share], list[float], list[float]]:
    """Each piece to the region that most of it lies in. Others that it reaches into share it; what lies outside of
    all regions is near those that are near."""
    own = [_Share() for _ in regions]
    shared, nearby = [0.0] * len(regions), [0.0] * len(regions)
    total = np.bincount(strokes.labels.ravel(), minlength=len(strokes.areas)).astype(np.float64)
    inside = np.zeros((len(regions), len(total)))
    around = np.zeros((len(regions), len(total)))
    for index, region in enumerate(regions):
        rows, columns = _window(region, strokes.labels.shape, 0)
        inside[index] = np.bincount(strokes.labels[rows, columns].ravel(), minlength=len(total))
        rows, columns = _window(region, strokes.labels.shape, NEARBY_MM)
        around[index] = np.bincount(strokes.labels[rows, columns].ravel(), minlength=len(total))
    anywhere = inside.sum(axis=0)
    for piece in np.flatnonzero((total > 0) & (np.arange(len(total)) > 0)).tolist():
        for index in np.flatnonzero(around[:, piece]).tolist():
            part = inside[index, piece] / total[piece]
            area = float(strokes.areas[piece])
            if part >= OWN_SHARE or (part > 0 and part == inside[:, piece].max() / total[piece]):
                own[index].ink_mm2 += float(area * part)
                own[index].pieces += 1
                own[index].longest_mm = max(own[index].longest_mm, float(strokes.lengths[piece]))
                if strokes.lengths[piece] < ATTEMPT_LENGTH_MM or not strokes.stands_out[piece]:
                    continue
                if strokes.darkness[piece] >= ATTEMPT_DARKNESS:
                    own[index].dark_mm2 += float(area * part)
                if strokes.darkness[piece] >= PALE_DARKNESS:
                    own[index].pale_mm2 += float(area * part)
            elif part > 0:
                shared[index] += float(area * part)
            elif anywhere[piece] == 0:
                nearby[index] += area * float(around[index, piece] / total[piece])
    return own, shared, nearby


def _hidden_mm2(strokes: Strokes, regions: Sequence[Region]) -> list[float]:
    """By region what of ``strokes``, found close to print, is too long, dark and large for a rim of print."""
    is_ink = (strokes.areas >= TIGHT_MM2) & (strokes.lengths >= TIGHT_LENGTH_MM) & (strokes.darkness >= TIGHT_DARKNESS)
    is_ink[0] = False
    found = []
    for region in regions:
        rows, columns = _window(region, strokes.labels.shape, 0)
        found.append(float(is_ink[strokes.labels[rows, columns]].sum()) / PX_PER_MM**2)
    return found


def _window(region: Region, shape: tuple[int, ...], margin_mm: float) -> tuple[slice, slice]:
    def span(start: float, size: float, limit: int) -> slice:
        low, high = (start - margin_mm) * PX_PER_MM, (start + size + margin_mm) * PX_PER_MM
        return slice(min(max(round(low), 0), limit), min(max(round(high), 0), limit))

    return span(region.y, region.height, shape[0]), span(region.x, region.width, shape[1])


def _judge_region(
    region: Region,
    aligned: Aligned,
    strokes: Strokes,
    own: _Share,
    others_mm2: float,
    hidden_mm2: float,
    red: RedInk,
    index: int,
    has_colour: bool,
) -> RegionReading:
    match, drift = aligned.around(region.x, region.y, region.width, region.height)
    rows, columns = _window(region, strokes.labels.shape, 0)
    seen_share = float(aligned.is_seen[rows, columns].mean())
    mark = red.marks[index]
    verdict, confidence, doubt = Verdict.UNSURE, 0.5, Doubt.NONE
    if seen_share < MIN_SEEN_SHARE:
        doubt = Doubt.OUT_OF_PICTURE
    elif match < MIN_ALIGNMENT or drift > MAX_DRIFT_MM:
        doubt = Doubt.MISALIGNED
    elif own.dark_mm2 >= ATTEMPT_MM2 or own.pale_mm2 >= PALE_ATTEMPT_MM2:
        if not has_colour and own.pieces <= 2 and own.longest_mm >= LONG_STROKE_MM:
            doubt = Doubt.RED_INK
        else:
            verdict = Verdict.ATTEMPTED
            confidence = _sureness(max(own.dark_mm2 / ATTEMPT_MM2, own.pale_mm2 / PALE_ATTEMPT_MM2))
    elif strokes.floor > MAX_FLOOR:
        doubt = Doubt.TOO_NOISY
    elif aligned.px_per_mm < MIN_PX_PER_MM:
        doubt = Doubt.TOO_COARSE
    elif own.ink_mm2 > BLANK_MM2 or hidden_mm2 >= TIGHT_MM2:
        doubt = Doubt.LITTLE_INK
    elif red.other_mm2[index] > 0.5 or mark is Mark.RIGHT:
        doubt = Doubt.RED_INK  # a red pencil is a student's too, and nobody rings nothing
    elif others_mm2 > NEARBY_MM2:
        doubt = Doubt.INK_NEARBY
    else:
        verdict = Verdict.BLANK
        confidence = _sureness(min(BLANK_MM2 / max(own.ink_mm2, 0.02), 0.5 * MAX_FLOOR / strokes.floor * 4))
    return RegionReading(
        label=region.label,
        verdict=verdict,
        confidence=confidence,
        ink_mm2=own.ink_mm2,
        strokes=own.pieces,
        alignment=max(match, 0.0),
        drift_mm=min(drift, 99.0),
        mark=mark,
        doubt=doubt,
    )


def _sureness(ratio: float) -> float:
    """0.5 at the threshold towards 1 well beyond it."""
    return 1 - 0.5 * math.exp(-(max(ratio, 1.0) - 1.0))
