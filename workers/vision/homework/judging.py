"""Whether somebody wrote in a region: what is on the page and was not printed, in mm^2 of ink.

The unforgivable error is to call an attempted problem blank. So BLANK needs a reason of its own: the region is in the
picture, its print lies where it should, a pencil would be seen there, and nothing is. All else is UNSURE.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import Doubt, Mark, Region, RegionReading, Verdict
from workers.vision.homework.alignment import Aligned
from workers.vision.homework.paper import PX_PER_MM, Floats, Ink
from workers.vision.homework.red_marks import MIN_MARK_MM, RED_SHARE, RedInk, find_red
from workers.vision.homework.strokes import (
    FAINT_SIGMAS,
    PRINT_FLOOR,
    SOFTNESS_MM,
    VISIBLE_SIGMAS,
    Strokes,
    blur_of,
    faintest,
    find_faint,
    find_strokes,
    print_margin,
    redness,
)

MAX_DRIFT_MM: Final = 0.38
"""As far as print may lie off and still be covered by its own margin."""
MIN_ALIGNMENT: Final = 0.42
MIN_PX_PER_MM: Final = 2.4
ATTEMPT_MM2: Final = 1.3
ATTEMPT_DARKNESS: Final = 0.13
"""Mean of a piece's darker half: an erased line leaves 0.03 to 0.06."""
ATTEMPT_LENGTH_MM: Final = 1.9
"""What is shorter makes a region no blank, and no attempt either: noise in a deep shadow, the rim of blurred print and
what is left of a red line are 1.8 mm at most; the shortest stroke of a digit of 3 mm is 2."""
MAYBE_RED_SHARE: Final = 0.1
"""A slash with so much red in it may have been a teacher's: of students' strokes 5 % have as much, in poor JPEGs."""
RED_END_MM: Final = 6.0
"""Where red ink runs on without its colour: longer is a student's stroke that it crosses."""
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
NOISE_QUANTILE: Final = 0.8
RIM_SHARE: Final = 0.96
PRINT_BLUR_MM: Final = 0.3
LONG_STROKE_MM: Final = 10.0
"""Without colours a single stroke this long may be a teacher's."""
BLANK_MM2: Final = 0.22
"""A full stop of a ball pen has 0.3; a handwritten 1 of 3 mm has 1.0."""
NEARBY_MM: Final = 5.0
NEARBY_MM2: Final = 1.5
OWN_SHARE: Final = 0.6
MIN_SEEN_SHARE: Final = 0.97


def judge(aligned: Aligned, printed: Floats, seen: Ink, regions: Sequence[Region]) -> tuple[RegionReading, ...]:
    """What there is in each of ``regions``. ``printed`` (H, W) is the ink of the registered page, ``seen`` that of
    the picture as ``aligned``."""
    blur = blur_of(aligned, seen.dark, printed)
    margin = print_margin(blur)
    red = find_red(seen, None, regions)
    strokes = find_strokes(seen.dark, printed, aligned.is_seen, red.is_red, margin)
    is_greyed = (redness(strokes, seen) > RED_SHARE) & (strokes.areas >= GREYED_MM2)
    if is_greyed.any():
        red = find_red(seen, is_greyed[strokes.labels], regions)
        strokes = find_strokes(seen.dark, printed, aligned.is_seen, red.is_red, margin)
    own, shared, nearby = _share_out(strokes, _may_be_red(strokes, seen, red), regions)
    unexplained = seen.dark - _blurred_print(seen.dark, printed)
    close = find_strokes(unexplained, printed, aligned.is_seen, red.is_core, TIGHT_MARGIN_MM)
    hidden = _hidden_mm2(close, regions)
    faint = find_faint(unexplained, printed, aligned.is_seen, red.is_red, blur)
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
            faint,
            faintest(blur),
        )
        for index, region in enumerate(regions)
    )


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


@dataclass(slots=True)
class _Share:
    """What a region has of the page's strokes: mm^2 of all, mm^2 that is surely ink, pieces."""

    ink_mm2: float = 0.0
    dark_mm2: float = 0.0
    pale_mm2: float = 0.0
    longest_mm: float = 0.0
    pieces: int = 0


def _may_be_red(strokes: Strokes, seen: Ink, red: RedInk) -> NDArray[np.bool_]:
    """By piece whether a red pen may have written it: a slash a little red, or what is left where red ink ends."""
    is_slash = (strokes.lengths >= MIN_MARK_MM) & (strokes.areas <= SLASH_MM * strokes.lengths)
    touching = strokes.labels[cv2.dilate(red.is_red.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0]
    is_end = np.bincount(touching, minlength=len(strokes.areas)) > 0
    return (is_slash & (redness(strokes, seen) > MAYBE_RED_SHARE)) | (is_end & (strokes.lengths <= RED_END_MM))


def _share_out(
    strokes: Strokes, may_be_red: NDArray[np.bool_], regions: Sequence[Region]
) -> tuple[list[_Share], list[float], list[float]]:
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
                if strokes.lengths[piece] < ATTEMPT_LENGTH_MM or may_be_red[piece]:
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
    faint: Strokes,
    visible: float,
) -> RegionReading:
    match, drift = aligned.around(region.x, region.y, region.width, region.height)
    rows, columns = _window(region, strokes.labels.shape, 0)
    seen_share = float(aligned.is_seen[rows, columns].mean())
    noise = float(np.quantile(faint.floor[rows, columns][::8, ::8], NOISE_QUANTILE)) / FAINT_SIGMAS
    is_faint = bool(faint.labels[rows, columns].any())
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
    elif VISIBLE_SIGMAS * noise > visible:
        doubt = Doubt.TOO_NOISY
    elif aligned.px_per_mm < MIN_PX_PER_MM:
        doubt = Doubt.TOO_COARSE
    elif own.ink_mm2 > BLANK_MM2 or hidden_mm2 >= TIGHT_MM2 or is_faint:
        doubt = Doubt.LITTLE_INK
    elif red.other_mm2[index] > 0.5 or mark is Mark.RIGHT:
        doubt = Doubt.RED_INK  # a red pencil is a student's too, and nobody rings nothing
    elif others_mm2 > NEARBY_MM2:
        doubt = Doubt.INK_NEARBY
    else:
        verdict = Verdict.BLANK
        confidence = _sureness(min(BLANK_MM2 / max(own.ink_mm2, 0.02), visible / (3 * noise)))
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
