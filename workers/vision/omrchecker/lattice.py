"""The template's bubbles laid onto the picture: found where they are printed, not where the template says.

A template rarely fits to the pixel, paper bends, and a page's corners are worth a few pixels. So the answer of a
"dark inside, bright between" filter is averaged over the bubbles of a few rows or columns: what is printed alike (a
ring, a box, a disc somebody filled) adds up, the rest fades, and the shift at which it is strongest is theirs. The
shifts of all groups are smoothed by a low polynomial over the page, which outliers cannot bend, and then each block
keeps a small correction of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.template import FieldBlock, Template
from workers.vision.omrchecker.outline import GAP_TO, OUTLINE_SIZES, Outline, kernel_of, pitch, widest_that_fits
from workers.vision.omrchecker.trust import block_trust, slipped_blocks

Floats = NDArray[np.float64]
Raster = NDArray[np.float32]

SAMPLES_PER_BUBBLE: Final = 9
MAX_CANVAS_SAMPLES: Final = 4_000_000
ROWS_PER_GROUP: Final = 5
MAX_BUBBLES_AVERAGED: Final = 1_200
# Ink that counts for alignment: an outline is thin and pale, a mark is not to outweigh fifty of them.
INK_CEILING: Final = 0.3
# A line of bubbles answers so much more from between two lines than from its place only when it lies there itself.
SLIPPED_FIT: Final = 2.0
BUBBLES_PER_LINE: Final = 12


@dataclass(frozen=True, slots=True)
class Placement:
    """Bubbles in the picture: ``centres`` (N, 2) and ``axes`` (N, 2, 2) in pixels, in the template's order.

    ``axes[n, :, 0]`` leads from the centre to the right edge of the printed outline, ``axes[n, :, 1]`` to its bottom.
    ``contrast``: how much darker the print is inside its outlines than between, 0 (nothing printed) to about .2.
    ``print_seen`` (N,): the same for each bubble, as a share of the sheet's median: about 1 or more where a bubble is
    printed or marked, about 0 on bare paper or beside it, exactly 0 outside the picture. ``block_trust`` (blocks,): the
    share of each block's bubbles that are there; 0 where some lie between the printed ones, or where an outer row or
    column is missing, as it is when bubbles are taken for their neighbours. ``slip``: how much the bubbles' shifts from
    where the outline puts them differ over the sheet, in pitches. ``to_image``: page units to pixels, (3, 3).
    """

    centres: Floats
    axes: Floats
    contrast: float
    print_seen: Floats
    block_trust: Floats
    slip: float
    outline: Outline
    to_image: Floats


@dataclass(frozen=True, slots=True)
class _Group:
    """Some rows or columns of one block: ``members`` index the sheet's bubbles."""

    block: int
    members: NDArray[np.intp]
    middle: Floats


@dataclass(frozen=True, slots=True)
class _Canvas:
    """Ink (rows, columns) of the sheet's lattice in steps of ``step`` page units from ``origin``."""

    ink: Raster
    origin: Floats
    step: float


def all_centres(template: Template) -> Floats:
    """Centres of all bubbles in page units, (N, 2), block by block, field by field, choice by choice."""
    return np.array(
        [centre for block in template.blocks for row in block.centres() for centre in row], dtype=np.float64
    )


def place_bubbles(image: NDArray[np.uint8], template: Template, to_image: Floats) -> Placement:
    """The bubbles of ``template`` in grey ``image``, near where the homography ``to_image`` puts them."""
    centres = all_centres(template)
    canvas = _canvas(image, template, centres, to_image)
    outline, common = _common_shift(canvas, template, centres)
    shifts = np.zeros_like(centres) + common
    answers = [_answer(canvas, block, outline) for block in _distinct(template)]
    kinds = _kind_of_block(template)
    rows = _groups(template, centres)
    for reach in (0.45, 0.25):
        found, weights = _group_shifts(canvas, answers, kinds, template, rows, centres + shifts, reach)
        shifts = shifts + _smooth(np.stack([group.middle for group in rows]), found, weights, centres)
    both = rows + _groups(template, centres, is_by_columns=True)
    for _ in range(2):
        found, weights = _group_shifts(canvas, answers, kinds, template, both, centres + shifts, 0.25)
        shifts = shifts + _by_block(template, both, found, weights, centres)
    print_seen, contrast = _print_seen(canvas, answers, kinds, template, centres + shifts)
    placed, axes = _in_picture(template, to_image, centres + shifts, outline)
    extent = np.abs(axes).sum(axis=2)
    is_outside = (placed - extent < 0).any(axis=1) | (placed + extent > np.array(image.shape[::-1]) - 1).any(axis=1)
    print_seen[is_outside] = 0
    trust = block_trust(template, print_seen)
    lines = _groups(template, centres, line_bubbles=BUBBLES_PER_LINE)
    trust[_misplaced_blocks(canvas, answers, kinds, template, lines, centres + shifts)] = 0
    trust[slipped_blocks(template, shifts)] = 0
    narrowest = np.array([pitch(block) for block in template.blocks]).min(axis=0)
    slip = float((np.ptp(shifts, axis=0) / narrowest).max())
    return Placement(placed, axes, contrast, print_seen, trust, slip, outline, to_image)


def _canvas(image: NDArray[np.uint8], template: Template, centres: Floats, to_image: Floats) -> _Canvas:
    margin = 1.6 * max(
        max(*block.size, *(min(gap, 2.5 * max(block.size)) for gap in pitch(block))) for block in template.blocks
    )
    low, high = centres.min(axis=0) - margin, centres.max(axis=0) + margin
    step = min(min(block.size) for block in template.blocks) / SAMPLES_PER_BUBBLE
    step = max(step, float(np.sqrt((high - low).prod() / MAX_CANVAS_SAMPLES)))
    width, height = (int(n) for n in np.ceil((high - low) / step))
    to_page = np.array([[step, 0, low[0]], [0, step, low[1]], [0, 0, 1]])
    corners = np.array([[low, [high[0], low[1]], high, [low[0], high[1]]]], dtype=np.float64)
    spans = cv2.perspectiveTransform(corners, to_image)[0]
    sides = np.hypot(*(spans - np.roll(spans, -1, axis=0)).T)
    source, shrink = image, 1.0
    while min(sides[0] + sides[2], sides[1] + sides[3]) * shrink > 3.2 * min(width, height) and min(source.shape) > 64:
        source, shrink = np.asarray(cv2.pyrDown(source), dtype=np.uint8), shrink / 2
    # pyrDown keeps pixel 0 at pixel 0, so halving positions is exact.
    to_source = np.diag([shrink, shrink, 1.0]) @ to_image @ to_page
    grey = cv2.warpPerspective(
        source,
        to_source,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    side = 2 * SAMPLES_PER_BUBBLE + 1
    paper = cv2.morphologyEx(
        cv2.GaussianBlur(grey, (0, 0), 0.8), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, (side, side))
    )
    paper = np.maximum(cv2.blur(paper, (side, side)).astype(np.float32), 8)
    ink = np.clip(1 - grey.astype(np.float32) / paper, -0.1, INK_CEILING)
    return _Canvas(np.asarray(ink, dtype=np.float32), low, step)


def _groups(
    template: Template, centres: Floats, *, is_by_columns: bool = False, line_bubbles: int | None = None
) -> list[_Group]:
    """Each block in groups of rows, or one group for every column. Rows run along the shorter way.

    ``line_bubbles``: groups of as few rows as hold so many bubbles, instead of about ``ROWS_PER_GROUP``.
    """
    groups: list[_Group] = []
    first = 0
    for number, block in enumerate(template.blocks):
        index = np.arange(first, first + len(block.labels) * len(block.values))
        first += len(index)
        table = index.reshape(len(block.labels), len(block.values))
        lines = table if len(block.labels) >= len(block.values) else table.T
        if is_by_columns:
            parts = [lines[:, column] for column in range(lines.shape[1])] if len(lines) >= 3 else []
        else:
            wanted = ROWS_PER_GROUP if line_bubbles is None else -(-line_bubbles // lines.shape[1])
            cuts = max(1, round(len(lines) / wanted))
            parts = [part.ravel() for part in np.array_split(lines, cuts)]
        groups.extend(_Group(number, part, centres[part].mean(axis=0)) for part in parts)
    return groups


def _distinct(template: Template) -> list[FieldBlock]:
    """One block for each different box and pitch."""
    return list({_kind(block): block for block in template.blocks}.values())


def _kind_of_block(template: Template) -> list[int]:
    order = list({_kind(block): None for block in template.blocks})
    return [order.index(_kind(block)) for block in template.blocks]


def _kind(block: FieldBlock) -> tuple[float, ...]:
    smallest = min(block.size)
    return tuple(round(length / smallest, 1) * smallest for length in (*block.size, *pitch(block)))


def _common_shift(canvas: _Canvas, template: Template, centres: Floats) -> tuple[Outline, Floats]:
    """The outline and the one shift of the whole sheet that fit best."""
    step = canvas.step
    kinds, blocks = _kind_of_block(template), _distinct(template)
    kind_of_bubble = np.repeat(kinds, [len(block.labels) * len(block.values) for block in template.blocks])
    every = max(1, len(centres) // MAX_BUBBLES_AVERAGED)
    reach = min(
        min(min(gap, 1.6 * side) for gap, side in zip(pitch(block), block.size, strict=True)) for block in blocks
    )
    search = max(2, int(reach / step))
    means: list[tuple[FieldBlock, Raster, int]] = []
    for kind, block in enumerate(blocks):
        members = centres[kind_of_bubble == kind][::every]
        half = [int(np.ceil(side * OUTLINE_SIZES[-1] * GAP_TO / 2 / step)) + search for side in (max(block.size),) * 2]
        x, y = np.arange(-half[0], half[0] + 1), np.arange(-half[1], half[1] + 1)
        patches = _sampled(canvas.ink, (members - canvas.origin) / step, x, y)
        means.append((block, np.asarray(patches.mean(axis=0), dtype=np.float32), len(members)))
    total = sum(count for _, _, count in means)
    offsets = np.arange(-search, search + 1) * step
    gap = np.array([pitch(block) for block in blocks]).mean(axis=0)
    # A lattice fits its neighbour's place almost as well as its own: the nearer one is likelier.
    nearness = np.exp(-0.3 * ((offsets / gap[0]) ** 2 + ((offsets / gap[1]) ** 2)[:, None]))
    best = (-np.inf, Outline(1.0, "oval"), np.zeros(2))
    for shape in ("oval", "circle", "box"):
        for size in OUTLINE_SIZES:
            outline = Outline(size, shape)
            fit = np.zeros((2 * search + 1, 2 * search + 1))
            for block, mean, count in means:
                kernel = kernel_of(block, step, outline)
                if kernel is None:
                    break
                response = cv2.filter2D(mean, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
                middle = (mean.shape[0] // 2, mean.shape[1] // 2)
                fit += response[
                    middle[0] - search : middle[0] + search + 1, middle[1] - search : middle[1] + search + 1
                ] * (count / total)
            else:
                likely = np.where(fit > 0, fit * nearness, fit)
                row, column = (int(place) for place in np.unravel_index(int(np.argmax(likely)), fit.shape))
                if likely[row, column] > best[0]:
                    best = (float(likely[row, column]), outline, np.array([offsets[column], offsets[row]]))
    return best[1], best[2]


def _sampled(raster: Raster, places: Floats, x: NDArray[np.intp], y: NDArray[np.intp]) -> Raster:
    """``raster`` round each of ``places`` (N, 2) at whole offsets ``x`` and ``y``, (N, len(y), len(x))."""
    offset_x, offset_y = np.meshgrid(x, y)
    map_x = (places[:, :1] + offset_x.ravel()).astype(np.float32)
    map_y = (places[:, 1:] + offset_y.ravel()).astype(np.float32)
    sampled = cv2.remap(raster, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, dtype=np.float32).reshape(len(places), len(y), len(x))


def _answer(canvas: _Canvas, block: FieldBlock, outline: Outline) -> Raster:
    """The filter's answer everywhere on the canvas."""
    kernel = kernel_of(block, canvas.step, outline)
    if kernel is None:
        kernel = kernel_of(block, canvas.step, widest_that_fits(block, outline))
    if kernel is None:
        return np.zeros_like(canvas.ink)
    return np.asarray(cv2.filter2D(canvas.ink, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


def _fit(
    canvas: _Canvas, answer: Raster, block: FieldBlock, places: Floats, reach: float
) -> tuple[Raster, tuple[int, int]]:
    """Mean answer at ``places`` (N, 2) page units for every shift within ``reach`` pitches; the middle is no shift."""
    search_x, search_y = (
        max(2, int(min(gap, 2 * side) * reach / canvas.step))
        for gap, side in zip(pitch(block), block.size, strict=True)
    )
    every = max(1, len(places) // MAX_BUBBLES_AVERAGED)
    x, y = np.arange(-search_x, search_x + 1), np.arange(-search_y, search_y + 1)
    fit = _sampled(answer, (places[::every] - canvas.origin) / canvas.step, x, y).mean(axis=0)
    return np.asarray(fit, dtype=np.float32), (search_x, search_y)


def _group_shifts(
    canvas: _Canvas,
    answers: list[Raster],
    kinds: list[int],
    template: Template,
    groups: list[_Group],
    places: Floats,
    reach: float,
) -> tuple[Floats, Floats]:
    """Shift of each group in page units (G, 2), and its weight (G,): the fit there times the bubbles averaged."""
    shifts = np.zeros((len(groups), 2))
    weights = np.zeros(len(groups))
    for index, group in enumerate(groups):
        answer = answers[kinds[group.block]]
        fit, search = _fit(canvas, answer, template.blocks[group.block], places[group.members], reach)
        row, column = (int(place) for place in np.unravel_index(int(np.argmax(fit)), fit.shape))
        x, y = _subpixel(fit, row, column)
        shifts[index] = (x - search[0]) * canvas.step, (y - search[1]) * canvas.step
        is_at_edge = row in {0, fit.shape[0] - 1} or column in {0, fit.shape[1] - 1}
        weights[index] = 0.0 if is_at_edge else max(0.0, float(fit[row, column])) * np.sqrt(len(group.members))
    return shifts, weights


def _subpixel(fit: Raster, row: int, column: int) -> tuple[float, float]:
    height, width = fit.shape
    if not (0 < row < height - 1 and 0 < column < width - 1):
        return float(column), float(row)
    offsets = []
    for before, here, after in (fit[row, column - 1 : column + 2].tolist(), fit[row - 1 : row + 2, column].tolist()):
        bend = before - 2 * here + after
        offsets.append(float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < -1e-9 else 0.0)
    return column + offsets[0], row + offsets[1]


def _smooth(places: Floats, shifts: Floats, weights: Floats, wanted: Floats) -> Floats:
    """Shifts at ``wanted`` (N, 2) from those measured at ``places`` (G, 2): robust, of degree 0, 1 or 2."""
    if weights.sum() <= 0:
        return np.zeros_like(wanted)
    middle = places.mean(axis=0)
    spread = max(float(np.abs(places - middle).max()), 1e-6)
    terms = 1 if len(places) < 3 else 3 if len(places) < 10 else 6

    def basis(points: Floats) -> Floats:
        x, y = ((points - middle) / spread).T
        return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y][:terms], axis=1)

    design = basis(places)
    # Bending must earn its place: without a ridge two groups in a corner could swing the page.
    ridge = np.diag([1e-6, 0.02, 0.02, 0.1, 0.1, 0.1][:terms]) * weights.sum()
    current = weights.copy()
    solution = np.zeros((terms, 2))
    for _ in range(8):
        weighted = design * current[:, None]
        solution = np.linalg.lstsq(design.T @ weighted + ridge, weighted.T @ shifts, rcond=None)[0]
        residual = np.hypot(*(shifts - design @ solution).T)
        scale = max(1.5 * float(np.median(residual[weights > 0])), 0.002 * spread, 1e-6)
        current = weights / (1 + (residual / (2 * scale)) ** 2) ** 2
    return np.asarray(basis(wanted) @ solution)


def _by_block(template: Template, groups: list[_Group], shifts: Floats, weights: Floats, centres: Floats) -> Floats:
    """What each block still needs on its own: a shift and a stretch, less where little speaks for it."""
    needed: list[Floats] = []
    typical = float(np.median(weights)) if len(weights) else 0.0
    block_of_group = np.array([group.block for group in groups])
    first = 0
    for number, block in enumerate(template.blocks):
        count = len(block.labels) * len(block.values)
        mine = centres[first : first + count]
        first += count
        chosen = (block_of_group == number) & (weights > 0)
        if not chosen.any() or typical <= 0:
            needed.append(np.zeros((count, 2)))
            continue
        middle = mine.mean(axis=0)
        spread = np.maximum(np.abs(mine - middle).max(axis=0), 1e-6)
        at = (np.stack([group.middle for group in groups])[chosen] - middle) / spread
        design = np.concatenate([np.ones((len(at), 1)), at], axis=1)
        weighted = design * weights[chosen, None]
        ridge = np.diag([0.5, 0.5, 0.5]) * typical
        solution = np.linalg.lstsq(design.T @ weighted + ridge, weighted.T @ shifts[chosen], rcond=None)[0]
        everywhere = np.concatenate([np.ones((count, 1)), (mine - middle) / spread], axis=1)
        limit = 0.3 * np.array(block.size)
        needed.append(np.clip(everywhere @ solution, -limit, limit))
    return np.concatenate(needed)


def _print_seen(
    canvas: _Canvas, answers: list[Raster], kinds: list[int], template: Template, places: Floats
) -> tuple[Floats, float]:
    """Each bubble's own answer as a share of the median (N,), and that median: the sheet's contrast."""
    seen: list[Floats] = []
    first = 0
    for kind, block in zip(kinds, template.blocks, strict=True):
        mine = places[first : first + len(block.labels) * len(block.values)]
        first += len(mine)
        # One step of slack: a bubble's own print may lie that far from where its block puts it.
        slack = np.arange(-1, 2)
        around = _sampled(answers[kind], (mine - canvas.origin) / canvas.step, slack, slack)
        seen.append(around.reshape(len(mine), -1).max(axis=1).astype(np.float64))
    everything = np.concatenate(seen)
    contrast = float(np.median(everything))
    return everything / max(contrast, 1e-6), contrast


def _misplaced_blocks(
    canvas: _Canvas,
    answers: list[Raster],
    kinds: list[int],
    template: Template,
    lines: list[_Group],
    places: Floats,
) -> list[int]:
    """Blocks of which some line fits much better a good part of a pitch away: they slip from one row to the next."""
    misplaced: set[int] = set()
    for line in lines:
        block = template.blocks[line.block]
        fit, (search_x, search_y) = _fit(canvas, answers[kinds[line.block]], block, places[line.members], 0.5)
        y, x = np.mgrid[-search_y : search_y + 1, -search_x : search_x + 1]
        is_far = np.maximum(np.abs(x) / search_x, np.abs(y) / search_y) > 0.5
        near, far = float(fit[~is_far].max()), float(fit[is_far].max())
        if far > SLIPPED_FIT * max(near, 0.01):
            misplaced.add(line.block)
    return sorted(misplaced)


def _in_picture(template: Template, to_image: Floats, centres: Floats, outline: Outline) -> tuple[Floats, Floats]:
    """Centres (N, 2) and half axes (N, 2, 2) in pixels of outlines at ``centres`` in page units."""
    halves = np.concatenate(
        [np.repeat([outline.halves(block)], len(block.labels) * len(block.values), axis=0) for block in template.blocks]
    )
    points = np.concatenate([centres, centres + halves * [1.0, 0.0], centres + halves * [0.0, 1.0]])[:, None]
    placed, to_right, to_bottom = np.split(cv2.perspectiveTransform(points, to_image)[:, 0], 3)
    axes = np.stack([to_right - placed, to_bottom - placed], axis=2)
    return np.asarray(placed, dtype=np.float64), np.asarray(axes, dtype=np.float64)
