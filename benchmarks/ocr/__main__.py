"""How well and how fast pages are read: ``python -m benchmarks.ocr [--pages N] [--only NAME]``.

Prints the character error rate for each condition beside that of pytesseract's default (the whole page,
``kor+eng``), with the goals, and writes ``build/bench/ocr.json``. White space does not count as a character.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.ocr.pages import (
    BARUN,
    BASE_DPI,
    GOTHIC,
    MYEONGJO,
    SANS,
    SERIF,
    THIN,
    DrawnPage,
    Face,
    Maker,
    english_page,
    exam_page,
    handout_page,
)
from benchmarks.ocr.parallel import parallel_seconds
from benchmarks.ocr.scoring import character_error_rate
from benchmarks.omr.camera import PhoneDials, ScanDials, photograph_page, scan_page
from workers.vision.text import engines
from workers.vision.text.pages import Language
from workers.vision.text.reading import READERS, read_crop, read_page

GreyImage = NDArray[np.uint8]

REPORT: Final = Path("build/bench/ocr.json")
FIRST_SEED: Final = 900_000
"""Apart from the seeds used while the reader was built."""
HANGUL_GOAL: Final = 0.03
ENGLISH_GOAL: Final = 0.005
RATIO_GOAL: Final = 0.4
CROP_GOAL: Final = 5.0
PARALLEL_GOAL: Final = 4.0
LITE_PAGE_SECONDS: Final = 2.0

CLEAN: Final = ScanDials(dpi=(300,), skew_degrees=0.0, noise=1.0, jpeg=(88, 95), shift_mm=0.0)
SCAN: Final = ScanDials(dpi=(200, 300), skew_degrees=1.5, noise=4.0, jpeg=(70, 92))
PHONE: Final = PhoneDials(
    long_side=(3400, 4000),
    tilt_degrees=14.0,
    roll_degrees=6.0,
    fill=(0.86, 0.97),
    shadow=(0.0, 0.4),
    blur=(0.3, 0.8),
    motion=1.0,
    noise=(1.5, 4.0),
    jpeg=(75, 92),
    curl_mm=2.0,
)


@dataclass(frozen=True, slots=True)
class Condition:
    """What is on the page, in which typeface, and how it came in."""

    maker: Maker
    face: Face
    capture: ScanDials | PhoneDials
    pages: int
    goal: float
    quarter_turns: bool = False


CONDITIONS: Final = {
    "exam-clean": Condition(exam_page, MYEONGJO, CLEAN, 2, HANGUL_GOAL),
    "exam-scan": Condition(exam_page, MYEONGJO, SCAN, 3, HANGUL_GOAL, quarter_turns=True),
    "exam-gothic": Condition(exam_page, GOTHIC, SCAN, 2, HANGUL_GOAL),
    "exam-thin": Condition(exam_page, THIN, SCAN, 2, HANGUL_GOAL),
    "exam-phone": Condition(exam_page, BARUN, PHONE, 3, HANGUL_GOAL, quarter_turns=True),
    "table-scan": Condition(handout_page, GOTHIC, SCAN, 2, HANGUL_GOAL),
    "table-phone": Condition(handout_page, MYEONGJO, PHONE, 2, HANGUL_GOAL),
    "english-clean": Condition(english_page, SERIF, CLEAN, 2, ENGLISH_GOAL),
    "english-scan": Condition(english_page, SERIF, SCAN, 2, ENGLISH_GOAL, quarter_turns=True),
    "english-phone": Condition(english_page, SANS, PHONE, 2, ENGLISH_GOAL),
}


def make_page(condition: Condition, seed: int) -> tuple[GreyImage, GreyImage, DrawnPage]:
    """One captured page as it came in, the same upright, and what is on it. The same arguments give the same page."""
    rng = np.random.default_rng(seed)
    page = condition.maker(rng, condition.face)
    if isinstance(condition.capture, ScanDials):
        image = scan_page(page.pixels, BASE_DPI, condition.capture, rng)
    else:
        image = photograph_page(page.pixels, BASE_DPI, condition.capture, rng)
    turns = int(rng.integers(0, 4)) if condition.quarter_turns else 0
    return np.ascontiguousarray(np.rot90(image, turns)), image, page


def peers_text(image: GreyImage) -> str:
    """The page as pytesseract reads it by default, with one OpenMP thread, as it should be run.

    It does not turn pages, so that it is given them upright.
    """
    import pytesseract  # type: ignore[import-untyped]  # ships no types

    return str(pytesseract.image_to_string(Image.fromarray(image), lang="kor+eng"))


@dataclass(frozen=True, slots=True)
class Score:
    """Error rates of one page, and CPU seconds of ours, warm, after decoding."""

    error: float
    peer_error: float | None
    cpu_seconds: float


def measure_page(name: str, seed: int, tier: str, with_peer: bool) -> Score:
    image, upright, page = make_page(CONDITIONS[name], seed)
    cv2.setNumThreads(1)
    engines.warm_up()
    start = time.process_time()
    text = read_page(image, READERS[tier]).page.text
    taken = time.process_time() - start
    peer = character_error_rate(peers_text(upright), page.text) if with_peer else None
    return Score(character_error_rate(text, page.text), peer, taken)


def crops(count: int) -> list[tuple[GreyImage, str]]:
    """Small pictures of one word or two, as a name field or an answer box gives them."""
    rng = np.random.default_rng(FIRST_SEED)
    found = []
    for _ in range(count):
        page = handout_page(rng, GOTHIC)
        found.append((np.ascontiguousarray(page.pixels[210:280, 190:490]), page.text))
    return found


def milliseconds_each(call: Callable[[GreyImage], object], images: Sequence[GreyImage]) -> float:
    taken = []
    for image in images:
        start = time.perf_counter()
        call(image)
        taken.append(1000 * (time.perf_counter() - start))
    return statistics.median(taken)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ocr", description=__doc__)
    parser.add_argument("--pages", type=int, help="pages per condition instead of the standard numbers")
    parser.add_argument("--only", choices=list(CONDITIONS), action="append", help="this condition only")
    parser.add_argument("--tier", choices=list(READERS), action="append", help="this tier only")
    parser.add_argument("--without-peer", action="store_true", help="ours alone")
    parser.add_argument("--without-speed", action="store_true", help="character errors alone")
    options = parser.parse_args(arguments)
    report: dict[str, dict[str, object]] = {}

    def note(metric: str, value: float, goal: float, unit: str, *, is_met: bool) -> None:
        report[metric] = {"value": round(value, 4), "goal": goal, "unit": unit, "is_met": is_met}

    print(f"{'condition':16}{'tier':7}{'pages':>6}{'error':>9}{'goal':>8}{'peer':>9}{'of it':>8}{'CPU s':>8}")
    for name in options.only or CONDITIONS:
        condition = CONDITIONS[name]
        seeds = range(FIRST_SEED, FIRST_SEED + (options.pages or condition.pages))
        peer: float | None = None
        for tier in options.tier or READERS:
            scores = [measure_page(name, seed, tier, not options.without_peer and peer is None) for seed in seeds]
            error = statistics.mean(score.error for score in scores)
            cpu = statistics.median(score.cpu_seconds for score in scores)
            found = [score.peer_error for score in scores if score.peer_error is not None]
            peer = statistics.mean(found) if found else peer
            ratio = error / peer if peer else None
            print(f"{name:16}{tier:7}{len(seeds):6}{error:9.4f}{condition.goal:8.3f}", end="")
            print(f"{'' if peer is None else f'{peer:9.4f}':>9}{'' if ratio is None else f'{ratio:8.2f}':>8}{cpu:8.2f}")
            sys.stdout.flush()
            note(f"{name}_{tier}", error, condition.goal, "character error rate", is_met=error <= condition.goal)
            if ratio is not None and condition.goal == HANGUL_GOAL:
                note(f"{name}_{tier}_of_peer", ratio, RATIO_GOAL, "of pytesseract's", is_met=ratio <= RATIO_GOAL)
            if tier == "lite":
                note(f"{name}_cpu", cpu, LITE_PAGE_SECONDS, "CPU s a page", is_met=cpu <= LITE_PAGE_SECONDS)
    if not options.without_speed:
        images = [image for image, _ in crops(12)]
        read_crop(images[0], READERS["lite"])
        ours = milliseconds_each(lambda image: read_crop(image, READERS["lite"], Language.KOREAN), images)
        theirs = milliseconds_each(peers_text, images)
        print(
            f"crop of 300 x 70: {ours:.1f} ms, pytesseract {theirs:.1f} ms: "
            f"{theirs / ours:.1f} times (goal {CROP_GOAL})"
        )
        note("crop_speed", theirs / ours, CROP_GOAL, "times pytesseract", is_met=theirs >= CROP_GOAL * ours)
        pages = [make_page(CONDITIONS["exam-scan"], FIRST_SEED + number)[1] for number in (90, 91)]
        mine, default = parallel_seconds(pages)
        print(
            f"two pages at a time: {mine:.1f} s, Tesseract's default {default:.1f} s: {default / mine:.1f} times",
            end="",
        )
        print(f" (goal {PARALLEL_GOAL})")
        note("parallel", default / mine, PARALLEL_GOAL, "times Tesseract", is_met=default >= PARALLEL_GOAL * mine)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1))
    return 0 if all(entry["is_met"] for entry in report.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
