"""Writing told from paper: what is darker than the noise that the paper around it has, outside of print."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.homework.alignment import BLOCK_MM, GOOD_MATCH, Aligned
from workers.vision.homework.paper import PX_PER_MM, Floats, Ink

Mask = NDArray[np.bool_]

PRINT_FLOOR: Final = 0.1
"""Darkness of the registered page that counts as print; its JPEG's noise is below 0.04."""
PRINT_MARGIN_MM: Final = 0.42
"""Round print of a sharp picture."""
MARGIN_BLURS: Final = 1.7
"""How far blurred print reaches: at 1.35 times its blur rims of tables and figures were left on 1 page in 40."""
SOFTNESS_MM: Final = 0.13
FAINT_SOFTNESS_MM: Final = 0.35
"""Noise of a blurred or dark picture is gone at this softness, a line that is as blurred is still there."""
FAINT_MARGIN_MM: Final = 0.15
"""More than of print: a rim that is no stroke at the usual softness adds up at this one."""
HARD_PENCIL: Final = (0.2, 0.35)
"""Darkness and width in mm of the palest line that has to be seen."""
FAINT_SHARE: Final = 0.55
"""Of what a hard pencil shows; an erased line leaves 0.4."""
FAINT_SIGMAS: Final = 3.8
FAINT_LENGTH_MM: Final = 1.5
FAINT_CORE_RATIO: Final = 1.34
"""So long, or so much darker than the floor somewhere: 1 blank problem in 20 on hard photos has it, and of 53 that were
written in so pale that nothing else showed it 47; the others were in noise, or ringed a printed choice."""
VISIBLE_SIGMAS: Final = 4.4
"""Of the noise around that a hard pencil has to be for BLANK to be said."""
LOWEST_INK: Final = 0.05
LOW_SIGMAS: Final = 4.5
NOISE_STEP: Final = 3
"""Every so many pixels tell the noise as well as all of them."""
NOISE_TILE_MM: Final = 10.0
MIN_TILE_SHARE: Final = 0.3
"""Of a tile without print, for it to tell the noise."""
PAPER_UNEVENNESS: Final = 0.03
"""As far as paper differs from the page's; what is darker all over a tile is a student's pencil."""
CORE_RATIO: Final = 1.5
"""A stroke is as dark as this times the floor somewhere; noise that crosses the floor is not."""
MIN_LENGTH_MM: Final = 1.1
MIN_PIECE_MM2: Final = 0.1
EDGE_MM: Final = 2.5
BLURS_MM: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.36, 0.43, 0.51, 0.6, 0.72)
BLUR_BLOCKS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """What was written on a page: ``labels`` (H, W) int32 of the pieces that count, 0 elsewhere.

    By piece, the first being the background, its ``areas`` in mm^2, its ``lengths`` in mm and its ``darkness``.
    ``floor`` (H, W): the least darkness that was looked for.
    """

    labels: NDArray[np.int32]
    areas: Floats
    lengths: Floats
    darkness: Floats
    floor: Floats


def find_strokes(dark: Floats, printed: Floats, is_seen: Mask, is_red: Mask, margin_mm: float) -> Strokes:
    """The pieces of writing in ``dark`` (H, W), outside of print and its margin, of red ink, and of the page's edge."""
    soft = np.asarray(cv2.GaussianBlur(dark, (0, 0), SOFTNESS_MM * PX_PER_MM), np.float32)
    strokes, heights = _pieces(soft, _is_free(printed, is_seen, is_red, margin_mm), LOWEST_INK, LOW_SIGMAS)
    is_stroke = (strokes.areas >= MIN_PIECE_MM2) & (strokes.lengths >= MIN_LENGTH_MM) & (heights >= CORE_RATIO)
    return _only(strokes, is_stroke)


def find_faint(dark: Floats, printed: Floats, is_seen: Mask, is_red: Mask, blur_mm: float) -> Strokes:
    """As :func:`find_strokes`, what is so pale that it is seen only as a whole, in a picture of ``blur_mm``."""
    margin_mm = print_margin(blur_mm)
    is_free = _is_free(printed, is_seen, is_red, margin_mm)
    middle = np.float32(np.median(dark[::NOISE_STEP, ::NOISE_STEP]))
    soft = cv2.GaussianBlur(np.where(is_free, dark, middle), (0, 0), FAINT_SOFTNESS_MM * PX_PER_MM)
    is_free = _is_free(printed, is_seen, is_red, margin_mm + FAINT_MARGIN_MM)
    lowest = FAINT_SHARE * faintest(blur_mm)
    strokes, heights = _pieces(np.asarray(soft, np.float32), is_free, lowest, FAINT_SIGMAS)
    return _only(strokes, (strokes.lengths >= FAINT_LENGTH_MM) | (heights >= FAINT_CORE_RATIO))


def faintest(blur_mm: float, softness_mm: float = FAINT_SOFTNESS_MM) -> float:
    """How dark a hard pencil's line is in its middle, seen with ``blur_mm`` at ``softness_mm``."""
    darkness, width = HARD_PENCIL
    return darkness * math.erf(width / (2 * math.sqrt(2) * math.hypot(blur_mm, softness_mm)))


def print_margin(blur_mm: float) -> float:
    """How far from print, in mm, its own blur reaches."""
    return max(PRINT_MARGIN_MM, MARGIN_BLURS * math.hypot(blur_mm, SOFTNESS_MM))


def blur_of(aligned: Aligned, dark: Floats, printed: Floats) -> float:
    """How blurred the picture is, in mm (sigma): with which blur the page's print is most like what is seen of it."""
    found = [int(index) for index in np.argsort(-aligned.matches) if aligned.matches[index] >= GOOD_MATCH]
    likes = [_likeness(dark[window], printed[window]) for window in _windows(aligned, found[:BLUR_BLOCKS])]
    return float(np.quantile([BLURS_MM[int(np.argmax(like))] for like in likes], 0.75)) if likes else BLURS_MM[-1]


def _windows(aligned: Aligned, blocks: list[int]) -> Iterator[tuple[slice, slice]]:
    half = int(BLOCK_MM * PX_PER_MM // 2)
    for x, y in np.round(aligned.blocks[blocks] * PX_PER_MM).astype(int).tolist():
        yield slice(max(y - half, 0), y + half), slice(max(x - half, 0), x + half)


def _likeness(seen: Floats, printed: Floats) -> list[float]:
    wanted = seen - seen.mean()
    result = []
    for blur in BLURS_MM:
        shown = cv2.GaussianBlur(printed, (0, 0), blur * PX_PER_MM)
        shown = shown - shown.mean()
        result.append(float((wanted * shown).sum() / max(float(np.sqrt(np.square(shown).sum())), 1e-6)))
    return result


def redness(strokes: Strokes, seen: Ink) -> Floats:
    """By piece how much of its darkness is red: 1 and more for a red pen in good light, none for a pencil."""
    at = np.flatnonzero(strokes.labels)
    of_piece = strokes.labels.ravel()[at]
    dark, red = (
        np.bincount(of_piece, values.ravel()[at].astype(np.float64), minlength=len(strokes.areas))
        for values in (seen.dark, seen.red)
    )
    return np.asarray(red / np.maximum(dark, 1e-6), np.float32)


def _is_free(printed: Floats, is_seen: Mask, is_red: Mask, margin_mm: float) -> Mask:
    is_print = printed > PRINT_FLOOR
    reach = round(margin_mm * PX_PER_MM)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    is_free = ~(cv2.dilate(is_print.astype(np.uint8), around) > 0) & is_seen & ~is_red
    edge = round(EDGE_MM * PX_PER_MM)
    is_free[:edge] = is_free[-edge:] = False
    is_free[:, :edge] = is_free[:, -edge:] = False
    return is_free


def _only(strokes: Strokes, is_kept: Mask) -> Strokes:
    is_kept[0] = False
    return replace(
        strokes,
        labels=np.where(is_kept[strokes.labels], strokes.labels, 0).astype(np.int32),
        areas=np.where(is_kept, strokes.areas, 0).astype(np.float32),
    )


def _pieces(soft: Floats, is_free: Mask, lowest: float, sigmas: float) -> tuple[Strokes, Floats]:
    """What of ``soft`` is darker than the paper around by ``lowest``, and by ``sigmas`` of its noise; and by piece how
    many times darker than that it is somewhere."""
    if int(is_free[::NOISE_STEP, ::NOISE_STEP].sum()) < 100:
        none = np.zeros(1, np.float32)
        return Strokes(np.zeros(soft.shape, np.int32), none, none, none, np.ones_like(soft)), none
    middle, spread = _paper(soft, is_free)
    lifted = soft - middle
    floor = np.maximum(np.float32(lowest), np.float32(sigmas) * spread)
    candidate = ((lifted > floor) & is_free).astype(np.uint8)
    count, found, stats, _ = cv2.connectedComponentsWithStats(candidate, connectivity=8)
    labels = np.asarray(found, np.int32)
    at = np.flatnonzero(candidate)
    of_piece, values = labels.ravel()[at], lifted.ravel()[at]
    heights = np.zeros(count, np.float32)
    np.maximum.at(heights, of_piece, values / floor.ravel()[at])
    areas = stats[:, cv2.CC_STAT_AREA].astype(np.float32) / np.float32(PX_PER_MM**2)
    lengths = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]) / PX_PER_MM
    darkness = _darker_half(of_piece, values.astype(np.float64), count)
    return Strokes(labels, areas, lengths.astype(np.float32), darkness, floor), heights


def _paper(soft: Floats, is_free: Mask) -> tuple[Floats, Floats]:
    """How dark the paper is, and its noise, around each pixel, (H, W) each: in a shadow there is more of it.

    Ink only ever adds: of each tile the lighter half shows the noise alone.
    """
    values, free = soft[::NOISE_STEP, ::NOISE_STEP], is_free[::NOISE_STEP, ::NOISE_STEP]
    side = round(NOISE_TILE_MM * PX_PER_MM / NOISE_STEP)
    rows, columns = -(-values.shape[0] // side), -(-values.shape[1] // side)
    tiles = np.full((rows * side, columns * side), np.inf, np.float32)
    tiles[: values.shape[0], : values.shape[1]] = np.where(free, values, np.inf)
    tiles = np.sort(tiles.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(rows, columns, -1), axis=2)
    many = np.isfinite(tiles).sum(axis=2)
    everything = values[free]
    middle = np.take_along_axis(tiles, (many // 2)[:, :, None].clip(max=side * side - 1), 2)[:, :, 0]
    low = np.take_along_axis(tiles, (many // 4)[:, :, None].clip(max=side * side - 1), 2)[:, :, 0]
    page_middle, page_low = np.median(everything), np.quantile(everything, 0.25)
    is_told = many >= MIN_TILE_SHARE * side * side
    middle = np.where(is_told, middle, page_middle)
    spread = 1.4826 * np.where(is_told, middle - np.where(is_told, low, 0), page_middle - page_low)
    middle = np.clip(middle, page_middle - PAPER_UNEVENNESS, page_middle + PAPER_UNEVENNESS)
    # a tile or two of a shadow's edge may tell less noise than there is
    spread = np.maximum(spread, cv2.blur(spread.astype(np.float32), (3, 3)))
    height, width = soft.shape
    size = (columns * side * NOISE_STEP, rows * side * NOISE_STEP)
    around, noise = (
        np.asarray(
            cv2.resize(tile.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[:height, :width], np.float32
        )
        for tile in (middle, spread)
    )
    return around, noise


def _darker_half(of_piece: NDArray[np.int32], values: NDArray[np.float64], count: int) -> Floats:
    """Of each piece the mean of what is darker than its own mean, (count,)."""
    sizes = np.maximum(np.bincount(of_piece, minlength=count), 1)
    means = np.bincount(of_piece, values, minlength=count) / sizes
    is_darker = values >= means[of_piece]
    many = np.maximum(np.bincount(of_piece, is_darker, minlength=count), 1)
    result: Floats = (np.bincount(of_piece, values * is_darker, minlength=count) / many).astype(np.float32)
    return result
