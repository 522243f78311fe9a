"""How well and how fast own answer sheets are read: ``python -m benchmarks.omr [--sheets N]``.

Prints right, wrong and unsure answers for each condition with the goal beside, and writes ``build/bench/omr.json``.
``--write DIR CONDITION`` writes a folder of images and ``truth.json`` instead.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.omr.generator import CONDITIONS, make_sample, write_samples
from benchmarks.omr.scoring import Tally
from sheets.layout import Choices, Essays, Layout, Numbers, design_layout
from sheets.reading import FieldStatus, UnreadableSheet
from workers.vision.markers import reduce_image
from workers.vision.sheet import read_sheet

REPORT: Final = Path("build/bench/omr.json")
QUESTIONS: Final = 80
FIRST_SEED: Final = 500_000
"""Apart from the seeds used while the reader was built."""
CHUNK: Final = 10
DECODED_LONG_SIDE: Final = 3000
"""Larger scans are decoded at half size, as the worker's media decoder does."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a condition has to reach: sheets to read, wrong answers and unsure ones per thousand."""

    sheets: int
    wrong_per_thousand: float
    unsure_per_thousand: float
    capture: str = ""  # the condition of the pictures; "" means the goal's own name
    layout: str = "plain"


# Of the new kinds more is asked about: a numeric answer has three to six columns and a question with several marks
# several marks, each of which may be erased or pale.
GOALS: Final = {
    "flat": Goal(60, 0.0, 10.0),
    "scan300": Goal(60, 0.0, 10.0),
    "scan100": Goal(30, 1.0, 10.0),
    "phone": Goal(200, 1.0, 10.0),
    "hard-phone": Goal(60, 5.0, 30.0),
    "mixed-flat": Goal(30, 0.0, 20.0, "flat", "mixed"),
    "mixed-300": Goal(30, 0.0, 20.0, "scan300", "mixed"),
    "mixed-phone": Goal(60, 1.0, 25.0, "phone", "mixed"),
    "large-flat": Goal(20, 0.0, 20.0, "flat", "large"),
    "large-phone": Goal(30, 1.0, 25.0, "phone", "large"),
}
MIXED: Final = (
    Choices(15),
    Numbers(7),
    Choices(5, has_several=True),
    Numbers(3, has_sign=True, decimals=2),
    Numbers(2, digits=2, denominator=2),
    Essays(1, lines=3),
)


@cache
def layout_named(name: str) -> Layout:
    """The sheet of a goal: ``plain`` single choices, or every kind there is, ``mixed`` or in ``large`` print."""
    if name == "plain":
        return design_layout(question_count=QUESTIONS)
    return design_layout(groups=MIXED, version_count=4, is_large_print=name == "large")


@dataclass(slots=True)
class Outcome:
    """A tally with what else is reported."""

    tally: Tally = field(default_factory=Tally)
    cpu_ms: list[float] = field(default_factory=list)
    confidences: list[tuple[float, bool]] = field(default_factory=list)


def read_some(goal: str, seeds: Sequence[int]) -> Outcome:
    """Make and read one page per seed, in turn of all pages. CPU time is that of reading after decoding."""
    cv2.setNumThreads(1)
    layout = layout_named(GOALS[goal].layout)
    condition = GOALS[goal].capture or goal
    outcome = Outcome()
    for seed in seeds:
        sample = make_sample(layout, CONDITIONS[condition], seed, page=seed % len(layout.pages) + 1)
        image: NDArray[np.uint8] = sample.image
        if max(image.shape) > DECODED_LONG_SIDE:
            image = reduce_image(image, 2)
        start = time.process_time()
        name = f"{goal}:{seed}"
        try:
            reading = read_sheet(image, layout)
        except UnreadableSheet as error:
            outcome.tally.add_unreadable(name, error.reason)
            continue
        finally:
            outcome.cpu_ms.append(1000 * (time.process_time() - start))
        outcome.tally.add_reading(name, reading, sample.truth)
        outcome.confidences += [
            (found.confidence, found.values == sample.truth.answers[found.label])
            for found in reading.fields
            if found.status is not FieldStatus.UNSURE
        ]
    return outcome


def measure(condition: str, sheets: int, processes: int, first_seed: int = FIRST_SEED) -> Outcome:
    """Read ``sheets`` sheets of a condition, spread over ``processes``."""
    seeds = range(first_seed, first_seed + sheets)
    chunks = [seeds[start : start + CHUNK] for start in range(0, sheets, CHUNK)]
    total = Outcome()
    with ProcessPoolExecutor(processes) as pool:
        for part in pool.map(read_some, [condition] * len(chunks), chunks):
            total.tally.add(part.tally)
            total.cpu_ms += part.cpu_ms
            total.confidences += part.confidences
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all conditions, print the table, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.omr", description=__doc__)
    parser.add_argument("--sheets", type=int, help="sheets per condition instead of the standard numbers")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="another set of sheets")
    parser.add_argument("--only", choices=sorted(GOALS), action="append", help="this condition only")
    parser.add_argument("--mistakes", action="store_true", help="list every wrong answer")
    parser.add_argument("--write", nargs=2, metavar=("DIR", "CONDITION"), help="write sample images and stop")
    options = parser.parse_args(arguments)
    if options.write:
        folder, condition = options.write
        write_samples(Path(folder), design_layout(question_count=QUESTIONS), CONDITIONS[condition], range(20))
        return 0
    report: dict[str, dict[str, object]] = {}
    print(f"{'condition':12}{'sheets':>7}{'refused':>8}{'answers':>9}{'wrong':>7}{'goal':>8}", end="")
    print(f"{'unsure':>8}{'goal':>8}{'numbers wrong/unsure':>22}{'CPU ms':>8}")
    for condition in options.only or GOALS:
        goal = GOALS[condition]
        outcome = measure(condition, options.sheets or goal.sheets, os.cpu_count() or 1, options.first_seed)
        _report(report, condition, outcome, goal)
        if options.mistakes:
            print("".join(f"    {line}\n" for line in outcome.tally.mistakes), end="")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))
    return 0 if all(entry["is_met"] for entry in report.values()) else 1


def _report(report: dict[str, dict[str, object]], condition: str, outcome: Outcome, goal: Goal) -> None:
    tally = outcome.tally
    answers = max(tally.answers, 1)
    wrong, unsure = 1000 * tally.wrong / answers, 1000 * tally.unsure / answers
    cpu = statistics.median(outcome.cpu_ms)
    print(f"{condition:12}{tally.sheets:7}{tally.unreadable:8}{tally.answers:9}{tally.wrong:7}", end="")
    print(f"{goal.wrong_per_thousand:6.1f} ‰{tally.unsure:8}{goal.unsure_per_thousand:6.1f} ‰", end="")
    wrong_numbers = tally.numbers_wrong + tally.versions_wrong
    unsure_numbers = tally.numbers_unsure + tally.versions_unsure
    print(f"{wrong_numbers:15}/{unsure_numbers:<6}{cpu:8.1f}   {_calibration(outcome.confidences)}")
    for metric, value, limit, unit in (
        ("wrong", wrong, goal.wrong_per_thousand, "per 1000 answers"),
        ("unsure", unsure, goal.unsure_per_thousand, "per 1000 answers"),
        ("numbers_wrong", float(wrong_numbers), 0.0, "numbers and versions"),
        ("refused", 100 * tally.unreadable / max(tally.sheets, 1), 2.0, "% of sheets"),
    ):
        report[f"{condition}_{metric}"] = {
            "value": round(value, 3),
            "goal": limit,
            "unit": unit,
            "is_met": value <= limit,
        }
    report[f"{condition}_cpu"] = {"value": round(cpu, 1), "goal": 41.0, "unit": "ms a sheet", "is_met": cpu <= 41.0}


def _calibration(confidences: list[tuple[float, bool]]) -> str:
    """How often answers of a stated confidence were right, for the doubtful ones and the rest."""
    parts = []
    for low, high in ((0.0, 0.9), (0.9, 0.99), (0.99, 1.01)):
        group = [(stated, is_right) for stated, is_right in confidences if low <= stated < high]
        if group:
            stated = sum(value for value, _ in group) / len(group)
            right = sum(is_right for _, is_right in group) / len(group)
            parts.append(f"{stated:.3f}->{right:.4f} ({len(group)})")
    return "confidence->right: " + ", ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
