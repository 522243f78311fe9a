"""How well and how fast homework is read: ``python -m benchmarks.homework [--pages N]``.

For each condition attempted problems called blank (the unforgivable error), other wrong verdicts, unsure ones, red
marks, regions proposed, time and memory beside decoding alone; then pictures that are no page of the worksheet.
``build/bench/homework.json`` has the figures, written after each condition; how far it is goes to stderr, and what an
interrupted run had is printed. More than 5,000 attempted problems are on photos in a room's light.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from benchmarks.homework.generator import CONDITIONS, capture, make_sample
from benchmarks.homework.worksheets import PAPER_MM, draw_worksheet
from sheets.homework import Mark, Region, Verdict
from workers.media.encode import encode_jpeg
from workers.media.pages import decode_colour_page
from workers.vision.homework.reading import read_homework, register_page

REPORT: Final = Path("build/bench/homework.json")
FIRST_SEED: Final = 900_000
"""Apart from the seeds used while the reader was built."""
CHUNK: Final = 4
SAY_SECONDS: Final = 15.0
FOREIGN: Final = 24
"""Pictures of no page of the worksheet."""
FOUND_OVERLAP: Final = 0.75
"""Intersection over union from which a proposed region is the printed one."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Pages that are read; percent of regions that may be wrong otherwise, and unsure."""

    pages: int
    wrong_percent: float
    unsure_percent: float


GOALS: Final = {
    "scan": Goal(60, 0.5, 3.0),
    "phone": Goal(1400, 0.5, 3.0),
    "hard-phone": Goal(60, 1.0, 15.0),
    "light": Goal(
        40, 0.0, 15.0
    ),  # nothing written, deep shadows, glare, colours far from white: all that is seen is light
}


@dataclass(slots=True)
class Tally:
    """What became of the regions of some pages. ``missed``: attempted and called blank."""

    pages: int = 0
    unmatched: int = 0
    regions: int = 0
    attempted: int = 0
    missed: int = 0
    wrong: int = 0
    unsure: int = 0
    marks: int = 0
    marks_wrong: int = 0
    marks_unseen: int = 0
    printed: int = 0
    proposed: int = 0
    decode_ms: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    peak_mb: float = 0.0

    def add(self, other: Tally) -> None:
        for item in fields(self):
            mine, theirs = getattr(self, item.name), getattr(other, item.name)
            setattr(self, item.name, max(mine, theirs) if item.name == "peak_mb" else mine + theirs)


def read_some(condition: str, seeds: Sequence[int]) -> Tally:
    """Make and read one page per seed. CPU time is that of decoding, and of reading after it."""
    cv2.setNumThreads(1)
    tally = Tally()
    for seed in seeds:
        sample = make_sample(CONDITIONS[condition], seed)
        data = encode_jpeg(sample.image, 92)
        problems = sample.worksheet.problems
        blank = register_page(sample.worksheet.page, PAPER_MM)
        tally.printed += len(problems)
        tally.proposed += sum(any(_overlap(p.region, q) > FOUND_OVERLAP for q in blank.regions) for p in problems)
        blank = replace(blank, regions=tuple(problem.region for problem in problems))
        start = time.process_time()
        image = decode_colour_page(data)
        decoded = time.process_time()
        reading = read_homework(image, [blank]).reading
        tally.decode_ms.append(1000 * (decoded - start))
        tally.read_ms.append(1000 * (time.process_time() - decoded))
        tally.pages += 1
        tally.regions += len(problems)
        if reading.page is None:
            tally.unmatched += 1
            tally.unsure += len(problems)
            tally.attempted += sum(truth.is_attempted for truth in sample.truth)
            continue
        for truth, found in zip(sample.truth, reading.regions, strict=True):
            right = Verdict.ATTEMPTED if truth.is_attempted else Verdict.BLANK
            tally.attempted += truth.is_attempted
            tally.missed += truth.is_attempted and found.verdict is Verdict.BLANK
            tally.wrong += not truth.is_attempted and found.verdict is Verdict.ATTEMPTED
            tally.unsure += found.verdict is Verdict.UNSURE
            tally.marks += truth.mark is not Mark.NONE
            tally.marks_unseen += truth.mark is not Mark.NONE and found.mark is Mark.NONE
            tally.marks_wrong += found.mark is not Mark.NONE and found.mark is not truth.mark
            if found.verdict is not right:
                what = f"{truth.kind}: {found.verdict} {found.doubt}, {found.ink_mm2:.2f} mm2"
                tally.mistakes.append(f"{condition}:{seed} problem {found.label} {what}")
    tally.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tally


def _overlap(one: Region, other: Region) -> float:
    x = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    y = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    shared = max(x, 0.0) * max(y, 0.0)
    return shared / (one.width * one.height + other.width * other.height - shared)


def measure(condition: str, pages: int, processes: int, first_seed: int) -> Tally:
    """Read ``pages`` pages of a condition, spread over ``processes``; interrupted, those that were read till then."""
    seeds = range(first_seed, first_seed + pages)
    chunks = [seeds[start : start + CHUNK] for start in range(0, pages, CHUNK)]
    total = Tally()
    start = said = time.monotonic()
    with ProcessPoolExecutor(processes) as pool:
        waiting = {pool.submit(read_some, condition, chunk) for chunk in chunks}
        try:
            for part in as_completed(waiting):
                total.add(part.result())
                if time.monotonic() - said >= SAY_SECONDS:
                    said = time.monotonic()
                    _say(f"{condition}: {total.pages} of {pages} pages, {_counts(total)}, {said - start:.0f} s")
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            _say(f"{condition}: interrupted after {total.pages} of {pages} pages")
    return total


def _counts(tally: Tally) -> str:
    return (
        f"{tally.missed} of {tally.attempted} attempted called blank, "
        f"of {tally.regions} regions {tally.wrong} wrong otherwise, {tally.unsure} unsure"
    )


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def judged_foreign(count: int, processes: int, first_seed: int) -> int:
    """Of ``count`` pages of other worksheets and pictures of no page, how many had any region judged."""
    with ProcessPoolExecutor(processes) as pool:
        return sum(pool.map(_is_foreign_judged, range(first_seed, first_seed + count)))


def _is_foreign_judged(seed: int) -> bool:
    cv2.setNumThreads(1)
    blank = register_page(draw_worksheet(seed).page, PAPER_MM)
    rng = np.random.default_rng([seed, 3])
    if seed % 3 == 2:
        small = rng.integers(0, 255, (12, 9, 3), dtype=np.uint8)
        image = np.asarray(cv2.resize(small, (1200, 1600), interpolation=cv2.INTER_CUBIC), np.uint8)
    elif seed % 3 == 1:
        image = capture(np.full((2339, 1654, 3), 250, np.uint8), CONDITIONS["phone"], seed)
    else:
        image = make_sample(CONDITIONS["phone"], seed, worksheet_seed=seed + 1_000_000).image
    return any(region.verdict is not Verdict.UNSURE for region in read_homework(image, [blank]).reading.regions)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all conditions, print the table, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.homework", description=__doc__)
    parser.add_argument("--pages", type=int, help="pages per condition instead of the standard numbers")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED, help="another set of pages")
    parser.add_argument("--only", choices=sorted(GOALS), action="append", help="this condition only")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--mistakes", action="store_true", help="list every region that was not read right")
    options = parser.parse_args(arguments)
    report: dict[str, dict[str, object]] = {}
    print(
        f"{'condition':11}{'pages':>6}{'regions':>9}{'attempted as blank':>26}{'other wrong':>13}{'unsure':>16}", end=""
    )
    print(f"{'marks wrong/unseen':>21}{'proposed':>10}{'decode ms':>11}{'read ms':>9}{'peak MB':>9}")
    is_whole = True
    for condition in options.only or GOALS:
        goal = GOALS[condition]
        pages = options.pages or goal.pages
        tally = measure(condition, pages, options.processes, options.first_seed)
        is_whole = tally.pages == pages
        if tally.pages:
            _report(report, condition, tally, goal)
        if options.mistakes:
            print("".join(f"    {line}\n" for line in tally.mistakes), end="")
        _write(report)
        if not is_whole:
            break
    if is_whole and not options.only:
        count = min(options.pages or FOREIGN, FOREIGN)
        judged = judged_foreign(count, options.processes, options.first_seed)
        print(f"other worksheets, empty paper, no paper: {judged} of {count} judged (goal 0)")
        report["foreign_judged"] = {"value": judged, "goal": 0, "unit": "pictures", "is_met": judged == 0}
    _write(report)
    if not is_whole:
        print("\ninterrupted: no verdict")
        return 1
    missed = [name for name, entry in report.items() if not entry["is_met"]]
    print("\nall goals are met" if not missed else f"\nMISSED: {', '.join(missed)}")
    return 1 if missed else 0


def _write(report: dict[str, dict[str, object]]) -> None:
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))


def _report(report: dict[str, dict[str, object]], condition: str, tally: Tally, goal: Goal) -> None:
    regions = max(tally.regions, 1)
    wrong, unsure = 100 * tally.wrong / regions, 100 * tally.unsure / regions
    found = 100 * tally.proposed / max(tally.printed, 1)
    marks = 100 * tally.marks_wrong / max(tally.marks, 1)
    decode, read = statistics.median(tally.decode_ms), statistics.median(tally.read_ms)
    print(f"{condition:11}{tally.pages:6}{tally.regions:9}{tally.missed:7} of {tally.attempted:<5} (goal 0)", end="")
    print(f"{wrong:6.2f}% <={goal.wrong_percent:.1f}{unsure:8.2f}% <={goal.unsure_percent:4.1f}", end="")
    print(
        f"{tally.marks_wrong:9}/{tally.marks_unseen} of {tally.marks:<5}{found:9.1f}%{decode:11.0f}{read:9.0f}", end=""
    )
    print(f"{tally.peak_mb:9.0f}   {tally.unmatched} unmatched", flush=True)
    for metric, value, limit, unit in (
        ("missed", float(tally.missed), 0.0, "attempted regions called blank"),
        ("wrong", wrong, goal.wrong_percent, "% of regions"),
        ("unsure", unsure, goal.unsure_percent, "% of regions"),
        ("marks_wrong", marks, 2.0, "% of red marks"),
    ):
        entry = {"value": round(value, 3), "goal": limit, "unit": unit, "is_met": value <= limit}
        report[f"{condition}_{metric}"] = entry
    report[f"{condition}_proposed"] = {"value": round(found, 1), "goal": 90.0, "unit": "%", "is_met": found >= 90}
    report[f"{condition}_cpu"] = {"value": round(read), "goal": 2500, "unit": "ms a page", "is_met": read <= 2500}


if __name__ == "__main__":
    sys.exit(main())
