"""The template's bubbles laid onto the picture: found where they are printed, not where the template says.

A template rarely fits to the pixel, paper bends, and a page's corners are worth a few pixels. So the bubbles of a
few rows are averaged: what is printed alike (a ring, a box, a disc somebody filled) adds up, the rest fades. The
average is darker inside the outline than between the bubbles, and the shift at which it is most so is theirs. Shifts of
all groups are then smoothed by a low polynomial over the page, which outliers cannot bend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.omrchecker.template import FieldBlock, Template

Floats = NDArray[np.float64]
Patches = NDArray[np.float32]

SAMPLES_PER_BUBBLE: Final = 9
ROWS_PER_GROUP: Final = 5
MAX_BUBBLES_SAMPLED: Final = 1_500
# Ink that counts for alignment: an outline is thin and pale, a mark is not to outweigh fifty of them.
INK_CEILING: Final = 0.3
# Printed outlines measured against the template's box: .85 to 1.4 of it.
OUTLINE_SIZES: Final = (0.8, 0.9, 1.0, 1.12, 1.25, 1.4)
GAP_FROM: Final = 1.1
GAP_TO: Final = 1.5


@dataclass(frozen=True, slots=True)
class Outline:
    """The printed bubble: ``size`` in boxes of the template, round or square."""

    size: float
    is_round: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """Bubbles in the picture: ``centres`` (N, 2) and ``axes`` (N, 2, 2) in pixels, in the template's order.

    ``axes[n, :, 0]`` leads from the centre to the right edge of the printed outline, ``axes[n, :, 1]`` to its bottom.
    ``contrast``: how much darker the print is inside its outlines than between, 0 (nothing printed) to about .2.
    ``block_trust`` (blocks,): 0 to 1, how surely each block was found. ``to_image``: page units to pixels, (3, 3).
    """

    centres: Floats
    axes: Floats
    contrast: float
    block_trust: Floats
    outline: Outline
    to_image: Floats
    shifts: Floats


@dataclass(frozen=True, slots=True)
class _Group:
    """Some rows of one block: ``members`` index the sheet's bubbles."""

    block: int
    members: NDArray[np.intp]
    middle: Floats


def all_centres(template: Template) -> Floats:
    """Centres of all bubbles in page units, (N, 2), block by block, field by field, choice by choice."""
    return np.concatenate([block.centres().reshape(-1, 2) for block in template.blocks])


def place_bubbles(image: NDArray[np.uint8], template: Template, to_image: Floats) -> Placement:
    """The bubbles of ``template`` in grey ``image``, near where the homography ``to_image`` puts them."""
    centres = all_centres(template)
    groups = _groups(template, centres)
    step = min(min(block.size) for block in template.blocks) / SAMPLES_PER_BUBBLE
    block_of_group = np.array([group.block for group in groups])

    shifts = np.zeros_like(centres)
    outline = Outline(1.0, True)
    contrast = 0.0
    means = _group_means(image, template, to_image, centres + shifts, groups, step, reach_gaps=1.0)
    outline, common, contrast = _common_shift(means, template, groups, step)
    shifts += common
    for reach_gaps in (0.48, 0.3):
        means = _group_means(image, template, to_image, centres + shifts, groups, step, reach_gaps)
        found, weights = _group_shifts(means, template, groups, step, outline, reach_gaps)
        shifts += _smooth(np.stack([group.middle for group in groups]), found, weights, centres)
    means = _group_means(image, template, to_image, centres + shifts, groups, step, 0.25)
    found, weights = _group_shifts(means, template, groups, step, outline, 0.25)
    shifts += _by_block(template, block_of_group, found, weights)
    final = _group_means(image, template, to_image, centres + shifts, groups, step, 0.2)
    trust, contrast = _trust(final, template, groups, step, outline)
    placed, axes = _in_picture(template, to_image, centres + shifts, outline)
    return Placement(placed, axes, contrast, trust, outline, to_image, shifts)


def _groups(template: Template, centres: Floats) -> list[_Group]:
    groups: list[_Group] = []
    first = 0
    for number, block in enumerate(template.blocks):
        rows, columns = len(block.labels), len(block.values)
        index = np.arange(first, first + rows * columns).reshape(rows, columns)
        first += rows * columns
        # Cut along the longer way, so that a group is about square and holds at least some blanks.
        lines = index if rows >= columns else index.T
        for start in range(0, len(lines), ROWS_PER_GROUP):
            members = lines[start : start + ROWS_PER_GROUP].ravel()
            if len(lines) - start < 2 and start > 0:
                last = groups.pop()
                members = np.concatenate([last.members, members])
            groups.append(_Group(number, members, centres[members].mean(axis=0)))
    return groups


def _pitch(block: FieldBlock) -> tuple[float, float]:
    """Distance (x, y) to the next bubble; three boxes where there is none."""
    width, height = block.size
    gaps_x = [abs(gap[0]) for gap in (block.value_gap, block.label_gap) if abs(gap[0]) > 0]
    gaps_y = [abs(gap[1]) for gap in (block.value_gap, block.label_gap) if abs(gap[1]) > 0]
    return (min(gaps_x, default=3 * width), min(gaps_y, default=3 * height))


def _grid(block: FieldBlock, step: float, reach_gaps: float) -> tuple[Floats, Floats, int, int]:
    """Offsets (x), (y) in page units of a patch that can be searched by ``reach_gaps`` pitches, and that search in steps."""
    pitch_x, pitch_y = _pitch(block)
    search_x = max(2, int(min(pitch_x, 2.0 * block.size[0]) * reach_gaps / step))
    search_y = max(2, int(min(pitch_y, 2.0 * block.size[1]) * reach_gaps / step))
    around = max(OUTLINE_SIZES) * GAP_TO / 2
    half_x = int(np.ceil(block.size[0] * around / step)) + search_x
    half_y = int(np.ceil(block.size[1] * around / step)) + search_y
    return np.arange(-half_x, half_x + 1) * step, np.arange(-half_y, half_y + 1) * step, search_x, search_y


def _group_means(
    image: NDArray[np.uint8],
    template: Template,
    to_image: Floats,
    centres: Floats,
    groups: list[_Group],
    step: float,
    reach_gaps: float,
) -> list[Patches]:
    """The average ink round the bubbles of each group, (rows, columns) in steps of ``step`` page units."""
    total = sum(len(group.members) for group in groups)
    keep_every = max(1, -(-total // MAX_BUBBLES_SAMPLED))
    means: list[Patches] = []
    for group in groups:
        x, y, _, _ = _grid(template.blocks[group.block], step, reach_gaps)
        members = group.members[::keep_every]
        offsets = np.stack(np.meshgrid(x, y), axis=-1).reshape(1, -1, 2)
        points = (centres[members][:, None] + offsets).reshape(-1, 1, 2)
        where = cv2.perspectiveTransform(points, to_image).reshape(len(members), -1, 2).astype(np.float32)
        patches = cv2.remap(
            image,
            np.ascontiguousarray(where[..., 0]),
            np.ascontiguousarray(where[..., 1]),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).astype(np.float32)
        paper = np.maximum(np.quantile(patches, 0.8, axis=1, keepdims=True), 8)
        ink = np.clip(1 - patches / paper, -0.1, INK_CEILING)
        mean = ink.mean(axis=0).reshape(len(y), len(x))
        means.append(np.asarray(mean, dtype=np.float32))
    return means


def _kernel(block: FieldBlock, step: float, outline: Outline) -> Patches:
    """+1 inside the outline, -1 between the bubbles, each in all; neighbours' outlines count for nothing."""
    half = np.array(block.size) * outline.size / 2
    reach = np.ceil(half * GAP_TO / step).astype(int)
    x, y = np.meshgrid(np.arange(-reach[0], reach[0] + 1) * step, np.arange(-reach[1], reach[1] + 1) * step)

    def distance(centre_x: float, centre_y: float) -> Floats:
        right, down = np.abs(x - centre_x) / half[0], np.abs(y - centre_y) / half[1]
        return np.asarray(np.hypot(right, down) if outline.is_round else np.maximum(right, down))

    here = distance(0, 0)
    is_gap = (here > GAP_FROM) & (here <= GAP_TO)
    pitch_x, pitch_y = _pitch(block)
    for column in (-1, 0, 1):
        for row in (-1, 0, 1):
            if column or row:
                is_gap &= distance(column * pitch_x, row * pitch_y) > GAP_FROM
    is_inside = here <= 1
    kernel = is_inside / max(1, is_inside.sum()) - is_gap / max(1, is_gap.sum())
    return np.asarray(kernel, dtype=np.float32)


def _response(mean: Patches, kernel: Patches, search_x: int, search_y: int) -> Patches:
    """How well the outline fits at each shift, (2 * search_y + 1, 2 * search_x + 1)."""
    response = cv2.filter2D(mean, cv2.CV_32F, kernel, borderType=cv2.BORDER_REPLICATE)
    middle_y, middle_x = mean.shape[0] // 2, mean.shape[1] // 2
    return np.asarray(
        response[middle_y - search_y : middle_y + search_y + 1, middle_x - search_x : middle_x + search_x + 1],
        dtype=np.float32,
    )


def _common_shift(
    means: list[Patches], template: Template, groups: list[_Group], step: float
) -> tuple[Outline, Floats, float]:
    """The outline and the one shift of the whole sheet that fit best, and how well."""
    blocks = template.blocks
    searches = [_grid(block, step, 1.0)[2:] for block in blocks]
    search_x, search_y = (min(search[axis] for search in searches) for axis in (0, 1))
    sums: dict[int, Patches] = {}
    counts: dict[int, int] = {}
    for mean, group in zip(means, groups, strict=True):
        weight = len(group.members)
        sums[group.block] = sums.get(group.block, np.zeros_like(mean)) + weight * mean
        counts[group.block] = counts.get(group.block, 0) + weight
    total = sum(counts.values())
    across = np.arange(-search_x, search_x + 1) * step
    down = np.arange(-search_y, search_y + 1) * step
    best = (-np.inf, Outline(1.0, True), np.zeros(2))
    for is_round in (True, False):
        for size in OUTLINE_SIZES:
            outline = Outline(size, is_round)
            fit = np.zeros((2 * search_y + 1, 2 * search_x + 1), dtype=np.float32)
            for number, summed in sums.items():
                kernel = _kernel(blocks[number], step, outline)
                fit += _response(summed / total, kernel, search_x, search_y)
            # A lattice fits its neighbour's place almost as well as its own: the nearer one is likelier.
            pitch = np.array([_pitch(block) for block in blocks]).mean(axis=0)
            fit -= 0.25 * max(float(fit.max()), 0.0) * np.hypot(across / pitch[0], down[:, None] / pitch[1]) ** 2
            row, column = (int(place) for place in np.unravel_index(int(np.argmax(fit)), fit.shape))
            if fit[row, column] > best[0]:
                best = (float(fit[row, column]), outline, np.array([across[column], down[row]]))
    return best[1], best[2], best[0]


def _group_shifts(
    means: list[Patches],
    template: Template,
    groups: list[_Group],
    step: float,
    outline: Outline,
    reach_gaps: float,
) -> tuple[Floats, Floats]:
    """Shift of each group in page units (G, 2), and its weight (G,): the fit there times the bubbles averaged."""
    shifts = np.zeros((len(groups), 2))
    weights = np.zeros(len(groups))
    for index, (mean, group) in enumerate(zip(means, groups, strict=True)):
        block = template.blocks[group.block]
        _, _, search_x, search_y = _grid(block, step, reach_gaps)
        fit = _response(mean, _kernel(block, step, outline), search_x, search_y)
        row, column = (int(place) for place in np.unravel_index(int(np.argmax(fit)), fit.shape))
        x, y = _subpixel(fit, row, column)
        shifts[index] = (x - search_x) * step, (y - search_y) * step
        is_at_edge = row in {0, fit.shape[0] - 1} or column in {0, fit.shape[1] - 1}
        weights[index] = 0.0 if is_at_edge else max(0.0, float(fit[row, column])) * np.sqrt(len(group.members))
    return shifts, weights


def _subpixel(fit: Patches, row: int, column: int) -> tuple[float, float]:
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
    degree = 0 if len(places) < 3 else 1 if len(places) < 10 else 2

    def basis(points: Floats) -> Floats:
        x, y = ((points - middle) / spread).T
        terms = [np.ones_like(x), x, y, x * x, x * y, y * y]
        return np.stack(terms[: {0: 1, 1: 3, 2: 6}[degree]], axis=1)

    design = basis(places)
    # Bending must earn its place: without a ridge two groups in a corner could swing the page.
    ridge = np.diag(([0.0, 0.02, 0.02, 0.1, 0.1, 0.1])[: design.shape[1]]) * weights.sum()
    current = weights.copy()
    solution = np.zeros((design.shape[1], 2))
    for _ in range(8):
        weighted = design * current[:, None]
        solution = np.linalg.lstsq(design.T @ weighted + ridge + 1e-9 * np.eye(len(ridge)), weighted.T @ shifts)[0]
        residual = np.hypot(*(shifts - design @ solution).T)
        scale = max(1.5 * float(np.median(residual[weights > 0])), 0.02 * spread / 10, 1e-6)
        current = weights / (1 + (residual / (2 * scale)) ** 2) ** 2
    return np.asarray(basis(wanted) @ solution)


def _by_block(template: Template, block_of_group: NDArray[np.intp], shifts: Floats, weights: Floats) -> Floats:
    """What each block still needs on its own: small, and less where little speaks for it."""
    needed: list[Floats] = []
    typical = float(np.median(weights)) if len(weights) else 0.0
    for number, block in enumerate(template.blocks):
        mine = block_of_group == number
        weight = float(weights[mine].sum())
        shift = np.zeros(2)
        if weight > 0:
            shift = (shifts[mine] * weights[mine, None]).sum(axis=0) / weight * weight / (weight + 0.5 * typical)
        limit = 0.2 * np.array(block.size)
        needed.append(np.repeat(np.clip(shift, -limit, limit)[None], len(block.labels) * len(block.values), axis=0))
    return np.concatenate(needed)


def _trust(
    means: list[Patches], template: Template, groups: list[_Group], step: float, outline: Outline
) -> tuple[Floats, float]:
    """Per block how much of its own best fit lies at the place taken (0 to 1), and the sheet's contrast there."""
    here = np.zeros(len(groups))
    best = np.zeros(len(groups))
    sizes = np.array([len(group.members) for group in groups])
    for index, (mean, group) in enumerate(zip(means, groups, strict=True)):
        block = template.blocks[group.block]
        _, _, search_x, search_y = _grid(block, step, 0.2)
        fit = _response(mean, _kernel(block, step, outline), search_x, search_y)
        here[index], best[index] = fit[search_y, search_x], fit.max()
    contrast = float(np.average(here, weights=sizes))
    trust = np.zeros(len(template.blocks))
    for number in range(len(template.blocks)):
        mine = np.array([group.block == number for group in groups])
        top = float(np.average(best[mine], weights=sizes[mine]))
        level = float(np.average(here[mine], weights=sizes[mine]))
        trust[number] = np.clip(level / max(top, 1e-6), 0, 1) * np.clip(level / max(0.35 * contrast, 1e-6), 0, 1)
    return trust, contrast


def _in_picture(template: Template, to_image: Floats, centres: Floats, outline: Outline) -> tuple[Floats, Floats]:
    """Centres (N, 2) and half axes (N, 2, 2) in pixels of outlines at ``centres`` in page units."""
    halves = np.concatenate(
        [np.repeat([block.size], len(block.labels) * len(block.values), axis=0) for block in template.blocks]
    ) * (outline.size / 2)
    right = centres + halves * [1.0, 0.0]
    down = centres + halves * [0.0, 1.0]
    points = np.concatenate([centres, right, down])[:, None]
    placed, to_right, to_bottom = np.split(cv2.perspectiveTransform(points, to_image)[:, 0], 3)
    axes = np.stack([to_right - placed, to_bottom - placed], axis=2)
    return np.asarray(placed, dtype=np.float64), np.asarray(axes, dtype=np.float64)
