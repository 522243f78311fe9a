"""How well and how fast own answer sheets are read: ``python -m benchmarks.omr [--sheets N]``.

Prints right, wrong and unsure answers for each condition with the goal beside, how often what is stated is right, and
the CPU time and memory of a picture beside those of merely decoding it. ``build/bench/omr.json`` has the figures,
``build/bench/omr-reliability.svg`` the curves. ``--write DIR CONDITION`` writes images and ``truth.json`` instead.
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
from benchmarks.omr.other_makers import measure_folder
from benchmarks.omr.reliability import Reliability, draw_curves
from benchmarks.omr.scoring import Tally
from benchmarks.omr.speed import measure_speed
from sheets.layout import Choices, Essays, Layout, Numbers, design_layout
from sheets.reading import UnreadableSheet
from workers.vision.markers import reduce_image
from workers.vision.sheet import read_sheet

REPORT: Final = Path("build/bench/omr.json")
CURVES: Final = Path("build/bench/omr-reliability.svg")
QUESTIONS: Final = 80
FIRST_SEED: Final = 500_000
"""Apart from the seeds used while the reader was built."""
CHUNK: Final = 10
DECODED_LONG_SIDE: Final = 3000
"""Larger scans are decoded at half size, as the worker's media decoder does."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a condition has to reach: sheets to read, wrong answers and unsure ones per thousand, refused sheets."""

    sheets: int
    wrong_per_thousand: float
    unsure_per_thousand: float
    capture: str = ""  # the condition of the pictures; "" means the goal's own name
    layout: str = "plain"
    refused_percent: float = 2.0


# A sheet has 80 answers: 50,000 of flat scans, 10,000 and more of every other capture of the plain sheet. Of the other
# kinds more is asked about: a numeric answer has three to six columns and a question with several marks several marks.
GOALS: Final = {
    "flat": Goal(625, 0.0, 1.0),
    "scan300": Goal(125, 0.0, 1.0),
    "scan600": Goal(125, 0.0, 1.0),
    "scan100": Goal(125, 0.1, 5.0),
    "phone": Goal(250, 0.1, 5.0),
    "hard-phone": Goal(125, 0.5, 30.0, refused_percent=8.0),
    "photocopy": Goal(125, 0.5, 30.0),
    "mixed-flat": Goal(120, 0.0, 20.0, "flat", "mixed"),
    "mixed-300": Goal(60, 0.0, 20.0, "scan300", "mixed"),
    "mixed-phone": Goal(180, 1.0, 25.0, "phone", "mixed"),
    "large-flat": Goal(60, 0.0, 20.0, "flat", "large"),
    "large-phone": Goal(90, 1.0, 25.0, "phone", "large"),
}
MAX_CALIBRATION_ERROR: Final = 0.02
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
    reliability: Reliability = field(default_factory=Reliability)


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
        for found in reading.fields:
            is_right = found.values == sample.truth.answers[found.label]
            outcome.reliability.add(found.confidence, is_right=is_right)
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
            total.reliability.add_all(part.reliability)
    return total


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all conditions, print the table, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.omr", description=__doc__)
    parser.add_argument("--sheets", type=int, help="sheets per condition instead of the standard numbers")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="another set of sheets")
    parser.add_argument("--only", choices=sorted(GOALS), action="append", help="this condition only")
    parser.add_argument("--mistakes", action="store_true", help="list every wrong answer")
    parser.add_argument("--other-makers", type=Path, metavar="DIR", help="sheets of other makers, read as well")
    parser.add_argument("--omrchecker", type=Path, metavar="DIR", help="a checkout of OMRChecker, to read those too")
    parser.add_argument("--write", nargs=2, metavar=("DIR", "CONDITION"), help="write sample images and stop")
    options = parser.parse_args(arguments)
    if options.write:
        folder, condition = options.write
        write_samples(Path(folder), design_layout(question_count=QUESTIONS), CONDITIONS[condition], range(20))
        return 0
    report: dict[str, dict[str, object]] = {}
    curves: dict[str, Reliability] = {}
    print(f"{'condition':12}{'sheets':>7}{'refused':>8}{'answers':>9}{'wrong':>7}{'goal':>9}", end="")
    print(f"{'unsure':>8}{'':>8}{'goal':>9}{'numbers wrong/unsure':>22}{'CPU ms':>8}{'calibration error':>19}")
    for condition in options.only or GOALS:
        goal = GOALS[condition]
        outcome = measure(condition, options.sheets or goal.sheets, os.cpu_count() or 1, options.first_seed)
        _report(report, condition, outcome, goal)
        curves[condition] = outcome.reliability
        if options.mistakes:
            print("".join(f"    {line}\n" for line in outcome.tally.mistakes), end="")
    everything = Reliability()
    for curve in curves.values():
        everything.add_all(curve)
    print("\nconfidence of all answers, the best guesses of unsure ones too", *everything.lines(), sep="\n")
    if not options.only:
        report |= measure_speed()
    if options.other_makers:
        report |= measure_folder(options.other_makers, names_mistakes=options.mistakes, omrchecker=options.omrchecker)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))
    draw_curves(curves, CURVES)
    missed = [name for name, entry in report.items() if not entry["is_met"]]
    print("\nall goals are met" if not missed else f"\nMISSED: {', '.join(missed)}")
    return 1 if missed else 0


def _report(report: dict[str, dict[str, object]], condition: str, outcome: Outcome, goal: Goal) -> None:
    tally = outcome.tally
    answers = max(tally.answers, 1)
    wrong, unsure = 1000 * tally.wrong / answers, 1000 * tally.unsure / answers
    cpu = statistics.median(outcome.cpu_ms)
    error = outcome.reliability.error()
    print(f"{condition:12}{tally.sheets:7}{tally.unreadable:8}{tally.answers:9}{tally.wrong:7}", end="")
    print(f"{goal.wrong_per_thousand:7.1f} ‰{tally.unsure:8}{unsure:6.2f} ‰{goal.unsure_per_thousand:7.1f} ‰", end="")
    wrong_numbers = tally.numbers_wrong + tally.versions_wrong
    unsure_numbers = tally.numbers_unsure + tally.versions_unsure
    print(f"{wrong_numbers:15}/{unsure_numbers:<6}{cpu:8.1f}{error:18.2%}", flush=True)
    for metric, value, limit, unit in (
        ("wrong", wrong, goal.wrong_per_thousand, "per 1000 answers"),
        ("unsure", unsure, goal.unsure_per_thousand, "per 1000 answers"),
        ("numbers_wrong", float(wrong_numbers), 0.0, "numbers and versions"),
        ("refused", 100 * tally.unreadable / max(tally.sheets, 1), goal.refused_percent, "% of sheets"),
        ("calibration_error", error, MAX_CALIBRATION_ERROR, "share"),
    ):
        report[f"{condition}_{metric}"] = {
            "value": round(value, 4),
            "goal": limit,
            "unit": unit,
            "is_met": value <= limit,
        }


if __name__ == "__main__":
    sys.exit(main())
