"""Makes the weights of ``workers.vision.mark_model``: ``python -m benchmarks.omr.training [--share S]``.

Generated sheets, of seeds that no benchmark and no test uses, are located and measured by the reader itself; a small
network learns which bubbles were marked. Half of the sheets have more of what is rare (erasures, questions left out,
changes of style, strays), half are as in the benchmark. The last step, on sheets of the second kind that were kept
apart, scales the odds so that what is stated is what is right.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.omr.generator import CONDITIONS, Condition, make_sample
from sheets.layout import Choices, Essays, Layout, Numbers, design_layout
from sheets.reading import UnreadableSheet
from workers.vision.locate import locate_page
from workers.vision.mark_features import describe_bubbles
from workers.vision.mark_model import LIMIT, WEIGHTS, MarkModel
from workers.vision.markers import reduce_image
from workers.vision.sheet import measure_page

Floats = NDArray[np.float32]

FIRST_SEED: Final = 3_000_000
CALIBRATION_SEED: Final = 4_000_000
CHUNK: Final = 5
DECODED_LONG_SIDE: Final = 3000
NETWORKS: Final = 4
"""Each from another start, side by side in one: where they differ the odds are nearer to even."""
LAYERS: Final = (32, 16)
EPOCHS: Final = 40
BATCH: Final = 2048
RATE: Final = 0.003
DECAY: Final = 3e-5
SLIGHT: Final = 0.05
"""Of bubbles with less ink than this in usual marks a quarter is enough to learn from."""
SHEETS: Final[dict[tuple[str, str], int]] = {
    ("plain", "flat"): 200,
    ("plain", "scan300"): 80,
    ("plain", "scan600"): 20,
    ("plain", "scan100"): 80,
    ("plain", "bitonal"): 40,
    ("plain", "photocopy"): 80,
    ("plain", "phone"): 300,
    ("plain", "hard-phone"): 200,
    ("mixed", "flat"): 60,
    ("mixed", "scan300"): 40,
    ("mixed", "phone"): 80,
    ("large", "flat"): 40,
    ("large", "phone"): 60,
    ("short", "flat"): 20,
    ("short", "phone"): 60,
    ("wide", "phone"): 30,
    ("narrow", "phone"): 30,
}
CALIBRATED: Final = ("flat", "scan300", "phone")


@cache
def layout_named(name: str) -> Layout:
    groups = (
        Choices(15),
        Numbers(7),
        Choices(5, has_several=True),
        Numbers(3, has_sign=True, decimals=2),
        Numbers(2, digits=2, denominator=2),
        Essays(1, lines=3),
    )
    return {
        "plain": lambda: design_layout(question_count=80),
        "short": lambda: design_layout(question_count=10, choice_count=4),
        "wide": lambda: design_layout(question_count=30, choice_count=10),
        "narrow": lambda: design_layout(question_count=40, choice_count=2),
        "mixed": lambda: design_layout(groups=groups, version_count=4),
        "large": lambda: design_layout(groups=groups, version_count=4, is_large_print=True),
    }[name]()


@dataclass(frozen=True, slots=True)
class Measured:
    """One page's bubbles: their numbers (N, F), which were marked (N,), and where each row starts (R,)."""

    features: Floats
    is_marked: NDArray[np.bool_]
    starts: NDArray[np.intp]


def measure_some(layout_name: str, condition_name: str, seeds: Sequence[int], is_rich: bool) -> list[Measured]:
    """Of pages that cannot be located nothing."""
    cv2.setNumThreads(1)
    layout, found = layout_named(layout_name), []
    for seed in seeds:
        condition = CONDITIONS[condition_name]
        if is_rich:
            condition = _enriched(condition, np.random.default_rng([seed, 1]))
        page = seed % len(layout.pages) + 1
        sample = make_sample(layout, condition, seed, page=page)
        image = sample.image
        if max(image.shape) > DECODED_LONG_SIDE:
            image = reduce_image(image, 2)
        try:
            located = locate_page(image, layout)
        except UnreadableSheet:
            continue
        if located.page != page or not located.is_trusted.all():
            continue
        features = describe_bubbles(measure_page(located), located.plan)
        found.append(Measured(features, sample.is_marked, located.plan.row_starts))
    return found


def _enriched(condition: Condition, rng: np.random.Generator) -> Condition:
    """More of what is rare, as much as a draw says."""
    return replace(
        condition,
        blank_rate=float(rng.choice([0.03, 0.15, 0.6, 0.97], p=[0.45, 0.4, 0.1, 0.05])),
        double_rate=float(rng.choice([0.015, 0.06, 0.25])),
        erasure_rate=float(rng.choice([0.03, 0.15])),
        erased_blank_rate=float(rng.choice([0.005, 0.015])),
        stray_rate=float(rng.choice([0.25, 1.0, 5.0])),
        style_change=float(rng.choice([0.04, 0.4])),
        struck_rate=float(rng.choice([0.0, 0.2])),
    )


def collect(first_seed: int, share: float, *, is_calibration: bool) -> list[Measured]:
    """Pages of every kind, ``share`` of the standard numbers."""
    jobs: list[tuple[str, str, range, bool]] = []
    for (layout, condition), count in SHEETS.items():
        if is_calibration and (layout != "plain" or condition not in CALIBRATED):
            continue
        for start in range(0, max(round(share * count), CHUNK), CHUNK):
            seeds = range(first_seed + start, first_seed + start + CHUNK)
            jobs.append((layout, condition, seeds, not is_calibration and start // CHUNK % 2 == 0))
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return [page for part in pool.map(measure_some, *zip(*jobs, strict=True)) for page in part]


def train(pages: Sequence[Measured], seed: int) -> MarkModel:
    """A network by Adam (Kingma and Ba 2015) with a cosine rate, on the logarithmic loss of each bubble."""
    rng = np.random.default_rng(seed)
    features = np.concatenate([page.features for page in pages])
    meant = np.concatenate([page.is_marked for page in pages])
    is_slight = (features[:, 2] < SLIGHT) & (features[:, 3] < SLIGHT) & ~meant
    chosen = ~is_slight | (rng.random(len(meant)) < 0.25)
    features, targets = features[chosen], meant[chosen].astype(np.float32)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-3
    inputs = np.clip((features - mean) / scale, -LIMIT, LIMIT)
    sizes = (inputs.shape[1], *LAYERS, 1)
    weights = [rng.normal(0, size**-0.5, (size, following)).astype(np.float32) for size, following in pairwise(sizes)]
    biases = [np.zeros(size, np.float32) for size in sizes[1:]]
    optimiser = _Adam([*weights, *biases], total=EPOCHS * (len(inputs) // BATCH))
    for _ in range(EPOCHS):
        order = rng.permutation(len(inputs))
        for start in range(0, len(inputs) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            optimiser.step(_gradients(inputs[batch], targets[batch], weights, biases))
    return MarkModel(mean, scale, tuple(weights), tuple(biases))


def side_by_side(models: Sequence[MarkModel]) -> MarkModel:
    """One network whose odds are, in their logarithm, the mean of those of ``models``, which see the same numbers."""
    last = len(models[0].weights) - 1
    weights = [np.hstack([model.weights[0] for model in models])]
    for layer in range(1, last):
        blocks = [model.weights[layer] for model in models]
        rows, columns = blocks[0].shape
        whole = np.zeros((rows * len(blocks), columns * len(blocks)), np.float32)
        for place, block in enumerate(blocks):
            whole[place * rows : (place + 1) * rows, place * columns : (place + 1) * columns] = block
        weights.append(whole)
    weights.append(np.vstack([model.weights[last] for model in models]) / np.float32(len(models)))
    biases = [np.concatenate([model.biases[layer] for model in models]) for layer in range(last)]
    biases.append(np.stack([model.biases[last] for model in models]).mean(axis=0))
    return replace(models[0], weights=tuple(weights), biases=tuple(biases))


def _gradients(inputs: Floats, targets: Floats, weights: list[Floats], biases: list[Floats]) -> list[Floats]:
    """Of the mean logarithmic loss, for all weights and then all biases."""
    values = [inputs]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        values.append(np.tanh(values[-1] @ weight + bias))
    odds = (values[-1] @ weights[-1] + biases[-1])[:, 0]
    error = ((1 / (1 + np.exp(-odds)) - targets) / len(inputs))[:, None].astype(np.float32)
    of_weights: list[Floats] = []
    of_biases: list[Floats] = []
    for index in reversed(range(len(weights))):
        of_weights.insert(0, values[index].T @ error + np.float32(DECAY) * weights[index])
        of_biases.insert(0, error.sum(axis=0))
        error = (error @ weights[index].T) * (1 - values[index] ** 2)
    return of_weights + of_biases


class _Adam:
    """Changes arrays in place, step by step."""

    def __init__(self, arrays: list[Floats], total: int) -> None:
        self._arrays, self._total, self._done = arrays, total, 0
        self._means = [np.zeros_like(array) for array in arrays]
        self._squares = [np.zeros_like(array) for array in arrays]

    def step(self, gradients: list[Floats]) -> None:
        self._done += 1
        rate = RATE * 0.5 * (1 + np.cos(np.pi * self._done / self._total))
        grown, grown_squares = 1 - 0.9**self._done, 1 - 0.999**self._done
        for array, mean, square, gradient in zip(self._arrays, self._means, self._squares, gradients, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            array -= rate * (mean / grown) / (np.sqrt(square / grown_squares) + 1e-8)


def calibrated(model: MarkModel, pages: Sequence[Measured]) -> MarkModel:
    """``model`` with its odds scaled and shifted, by Newton's method, so that they are those of ``pages``.

    Never scaled up: ordinary pages are easier than those learned from, and what is rare on them must stay doubtful.
    """
    odds = np.concatenate([model.log_odds(page.features) for page in pages]).astype(np.float64)
    meant = np.concatenate([page.is_marked for page in pages])
    known = np.stack([odds, np.ones_like(odds)], axis=1)
    found = np.array([1.0, 0.0])
    for free in (2, 1):  # first both, then the shift alone under the slope that is kept
        known_of, chosen = known[:, 2 - free :], slice(2 - free, 2)
        for _ in range(25):
            stated = 1 / (1 + np.exp(-np.clip(known @ found, -35, 35)))
            curvature = known_of.T @ (known_of * (stated * (1 - stated))[:, None]) + 1e-9 * np.eye(free)
            found[chosen] -= np.linalg.solve(curvature, known_of.T @ (stated - meant))
        found[0] = min(found[0], 1.0)
    slope, shift = np.float32(found[0]), np.float32(found[1])
    print(f"odds scaled by {slope:.3f}, shifted by {shift:+.3f}")
    weights, biases = list(model.weights), list(model.biases)
    weights[-1], biases[-1] = weights[-1] * slope, biases[-1] * slope + shift
    return replace(model, weights=tuple(weights), biases=tuple(biases))


def report(name: str, model: MarkModel, pages: Sequence[Measured]) -> None:
    """Rows by confidence: how many, what is stated, how many of them are right."""
    stated, right = [], []
    for page in pages:
        odds = model.log_odds(page.features).astype(np.float64)
        cost = np.add.reduceat(np.logaddexp(0, -np.abs(odds)), page.starts)
        stated.append(np.exp(-cost))
        right.append(np.add.reduceat(((odds > 0) != page.is_marked).astype(int), page.starts) == 0)
    confidence, is_right = np.concatenate(stated), np.concatenate(right)
    print(f"{name}: {len(confidence)} rows of {len(pages)} pages, {int((~is_right).sum())} wrong at best")
    for low, high in ((0, 0.7), (0.7, 0.9), (0.9, 0.95), (0.95, 0.98), (0.98, 0.99), (0.99, 0.999), (0.999, 2)):
        chosen = (confidence >= low) & (confidence < high)
        if chosen.any():
            mean, share = confidence[chosen].mean(), is_right[chosen].mean()
            print(f"    from {low:5}: {int(chosen.sum()):7} rows, stated {mean:.4f}, right {share:.4f}")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.omr.training", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the standard numbers of sheets")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    print("collecting", flush=True)
    pages = collect(FIRST_SEED, options.share, is_calibration=False)
    apart = collect(CALIBRATION_SEED, options.share, is_calibration=True)
    print(f"{len(pages)} and {len(apart)} pages in {time.monotonic() - began:.0f} s", flush=True)
    model = side_by_side([train(pages, seed) for seed in range(NETWORKS)])
    report("learned from", model, pages)
    model = calibrated(model, apart)
    report("calibrated on", model, apart)
    model.save(WEIGHTS)
    print(f"{WEIGHTS}: {WEIGHTS.stat().st_size} bytes, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
