"""How well and how fast pages are read: ``python -m benchmarks.ocr [--pages N] [--only NAME]``.

One golden set measures every engine that is configured: prints the character error rate of each on each condition with
the goal, beside that of pytesseract's default (the whole page, ``kor+eng``), then the speeds, then what was missed;
writes ``build/bench/ocr.json``. White space does not count as a character.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2

from benchmarks.ocr.conditions import CONDITIONS, FIRST_SEED, HANGUL_GOAL, make_page
from benchmarks.ocr.configured import ENGINES, Engine
from benchmarks.ocr.peers import is_installed, read_by_pytesseract
from benchmarks.ocr.scoring import character_error_rate
from benchmarks.ocr.speed import measure_crops, measure_parallel
from workers.vision.text import engines

REPORT: Final = Path("build/bench/ocr.json")
RATIO_GOAL: Final = 0.4
CROP_GOAL: Final = 5.0
PARALLEL_GOAL: Final = 4.0
LITE_PAGE_SECONDS: Final = 2.0
ROUNDS: Final = 3
"""How often a page is read; the fastest counts, since neighbours on the machine cost CPU time as well."""


@dataclass(slots=True)
class Report:
    """The figures with their goals, as they come."""

    rows: dict[str, dict[str, object]] = field(default_factory=dict)

    def note(self, metric: str, value: float, goal: float, unit: str, *, is_met: bool) -> str:
        """Keep a figure; gives what is printed behind its goal."""
        self.rows[metric] = {"value": round(value, 4), "goal": goal, "unit": unit, "is_met": is_met}
        return "met" if is_met else "MISSED"

    @property
    def missed(self) -> list[str]:
        return [metric for metric, row in self.rows.items() if not row["is_met"]]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one page: the error rate, and CPU seconds after decoding, warm."""

    error: float
    cpu_seconds: float


def measure_page(name: str, seed: int, engine: Engine) -> Score:
    image, _, page = make_page(CONDITIONS[name], seed)
    cv2.setNumThreads(1)
    engines.warm_up()
    taken, text = [], ""
    for _ in range(ROUNDS):
        start = time.process_time()
        text = engine(image)
        taken.append(time.process_time() - start)
    return Score(character_error_rate(text, page.text), min(taken))


def peer_error(name: str, seed: int) -> float:
    """What pytesseract gets wrong of the same page; it is given it upright, and with one thread, as it should run."""
    _, upright, page = make_page(CONDITIONS[name], seed)
    return character_error_rate(read_by_pytesseract(upright), page.text)


def measure_condition(report: Report, name: str, tiers: Sequence[str], pages: int | None, *, with_peer: bool) -> None:
    """Prints a line for each engine."""
    condition = CONDITIONS[name]
    seeds = range(FIRST_SEED, FIRST_SEED + (pages or condition.pages))
    peer = statistics.mean(peer_error(name, seed) for seed in seeds) if with_peer else None
    for tier in tiers:
        scores = [measure_page(name, seed, ENGINES[tier]) for seed in seeds]
        error = statistics.mean(score.error for score in scores)
        cpu = statistics.median(score.cpu_seconds for score in scores)
        words = {report.note(f"{name}_{tier}", error, condition.goal, "error rate", is_met=error <= condition.goal)}
        print(f"{name:15}{tier:9}{len(seeds):6}{error:9.4f}{condition.goal:8.3f}", end="")
        if peer is not None and condition.goal == HANGUL_GOAL:
            met = error <= RATIO_GOAL * peer
            words.add(report.note(f"{name}_{tier}_of_peer", error / max(peer, 1e-9), RATIO_GOAL, "times", is_met=met))
            print(f"{peer:13.4f}{error / max(peer, 1e-9):7.2f}{RATIO_GOAL:6.1f}", end="")
        else:
            print(f"{'' if peer is None else f'{peer:.4f}':>13}{'':13}", end="")
        if tier == "lite":
            met = cpu <= LITE_PAGE_SECONDS
            words.add(report.note(f"{name}_cpu", cpu, LITE_PAGE_SECONDS, "CPU s a page", is_met=met))
        print(f"{cpu:8.2f}{LITE_PAGE_SECONDS if tier == 'lite' else '':>6}  {'/'.join(sorted(words))}", flush=True)


def measure_speeds(report: Report) -> None:
    crop = measure_crops()
    word = report.note("crop_speed", crop.ratio, CROP_GOAL, "times pytesseract", is_met=crop.ratio >= CROP_GOAL)
    print(f"\n{'beside pytesseract':28}{'ours':>10}{'peer':>10}{'times':>8}{'goal':>6}")
    print(f"{'a crop of 300 x 70':28}{crop.ours:7.1f} ms{crop.peer:7.1f} ms{crop.ratio:8.1f}{CROP_GOAL:6.1f}  {word}")
    two, cpu = measure_parallel()
    word = report.note("parallel", two.ratio, PARALLEL_GOAL, "times pytesseract", is_met=two.ratio >= PARALLEL_GOAL)
    print(f"{'two pages at a time':28}{two.ours:8.2f} s{two.peer:8.2f} s{two.ratio:8.1f}{PARALLEL_GOAL:6.1f}  {word}")
    print(f"{'    their CPU time':28}{cpu.ours:8.2f} s{cpu.peer:8.2f} s{cpu.ratio:8.1f}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the report. 1 when a goal is missed or the peer's figures are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ocr", description=__doc__)
    parser.add_argument("--pages", type=int, help="pages per condition instead of the standard numbers")
    parser.add_argument("--only", choices=list(CONDITIONS), action="append", help="this condition only")
    parser.add_argument("--tier", choices=list(ENGINES), action="append", help="this engine only")
    parser.add_argument("--without-peer", action="store_true", help="ours alone: no figures beside it, no speeds")
    parser.add_argument("--without-speed", action="store_true", help="character errors alone")
    options = parser.parse_args(arguments)
    with_peer = not options.without_peer
    if with_peer and not is_installed():
        print("pytesseract or tesseract is not installed: nothing to compare with. --without-peer measures ours alone.")
        return 1
    report = Report()
    print(f"{'condition':15}{'engine':9}{'pages':>6}{'error':>9}{'goal':>8}", end="")
    print(f"{'pytesseract':>13}{'of it':>7}{'goal':>6}{'CPU s':>8}{'goal':>6}")
    for name in options.only or CONDITIONS:
        measure_condition(report, name, options.tier or list(ENGINES), options.pages, with_peer=with_peer)
    if with_peer and not options.without_speed:
        measure_speeds(report)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report.rows, indent=1))
    print("\nall goals are met" if not report.missed else f"\nMISSED: {', '.join(report.missed)}")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
