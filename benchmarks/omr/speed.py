"""CPU time and memory from a JPEG file to its reading, beside those of merely decoding it at half size in grey.

That decoding is the floor: no reader can do with less than seeing the picture.
"""

from __future__ import annotations

import multiprocessing
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.omr.camera import PhoneDials, ScanDials
from benchmarks.omr.generator import CONDITIONS, make_sample
from sheets.layout import Layout, design_layout
from sheets.reading import UnreadableSheet
from workers.media.encode import encode_jpeg
from workers.media.images import decode_grey
from workers.vision.sheet import read_sheet

SEED: Final = 700_001
QUESTIONS: Final = 40
"""Of the usual sheet of A4: 20 to 45 on Korean exams."""
MANY_QUESTIONS: Final = 80
ROUNDS: Final = 25
MAX_RATIO: Final = 2.0
MAX_PEAK_MIB: Final = 200.0
MAX_FAILURE_SECONDS: Final = 1.0
Row = dict[str, object]


def measure_speed() -> dict[str, Row]:
    """Prints a line for each kind of file; gives the figures with their goals, which are for the usual sheet."""
    report: dict[str, Row] = {}
    usual, long = (design_layout(question_count=count) for count in (QUESTIONS, MANY_QUESTIONS))
    print(f"\n{'file':34}{'KiB':>7}{'decode at half size':>21}{'file to reading':>17}{'ratio':>8}{'goal':>7}")
    for layout in (usual, long):
        for name, data in _files(layout).items():
            raw = np.frombuffer(data, np.uint8)
            floor = _cpu_ms(lambda raw=raw: cv2.imdecode(raw, cv2.IMREAD_REDUCED_GRAYSCALE_2))  # type: ignore[misc]
            whole = _cpu_ms(lambda data=data, layout=layout: read_sheet(decode_grey(data), layout))  # type: ignore[misc]
            ratio = whole / floor
            title = f"{name}, {layout.question_count} questions"
            goal = f"{MAX_RATIO:7.1f}" if layout is usual else f"{'-':>7}"
            print(f"{title:34}{len(data) // 1024:7}{floor:18.1f} ms{whole:14.1f} ms{ratio:8.2f}{goal}")
            if layout is usual:
                report[f"{name}_over_decoding"] = _row(ratio, MAX_RATIO, "times the floor")
    peak = _peak_of_reading(_files(long)["12 MP photo"], long)
    print(f"peak memory of a process that reads the 12 MP photo: {peak:.0f} MiB, goal {MAX_PEAK_MIB:.0f}")
    report["peak_memory"] = _row(peak, MAX_PEAK_MIB, "MiB")
    slowest = max(_seconds_to_refuse(picture, long) for picture in _hopeless())
    print(f"slowest refusal of a picture without a sheet: {slowest:.2f} s, goal {MAX_FAILURE_SECONDS:.0f}")
    report["slowest_refusal"] = _row(slowest, MAX_FAILURE_SECONDS, "s")
    return report


def _row(value: float, goal: float, unit: str) -> Row:
    return {"value": round(value, 3), "goal": goal, "unit": unit, "is_met": value <= goal}


def _files(layout: Layout) -> dict[str, bytes]:
    """Colour JPEG files as scanners and phones make them."""
    phone = CONDITIONS["phone"].capture
    assert isinstance(phone, PhoneDials)
    captures: dict[str, ScanDials | PhoneDials] = {
        "scan of 200 dpi": ScanDials(dpi=(200,), skew_degrees=0.5, noise=2.0, jpeg=(95, 95)),
        "scan of 300 dpi": ScanDials(dpi=(300,), skew_degrees=0.5, noise=2.0, jpeg=(95, 95)),
        "12 MP photo": replace(phone, long_side=(4000, 4000), jpeg=(95, 95)),
    }
    return {
        name: encode_jpeg(
            cv2.cvtColor(
                make_sample(layout, replace(CONDITIONS["flat"], capture=capture), SEED).image, cv2.COLOR_GRAY2BGR
            ).astype(np.uint8, copy=False),
            90,
        )
        for name, capture in captures.items()
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    """The median over some rounds, of this process, with one thread of OpenCV's."""
    cv2.setNumThreads(1)
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)


def _peak_of_reading(data: bytes, layout: Layout) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_read_and_weigh, (data, layout))


def _read_and_weigh(data: bytes, layout: Layout) -> float:
    """MiB that this process has held at most: what its parent held does not count, as it does in ``ru_maxrss``."""
    read_sheet(decode_grey(data), layout)
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def _hopeless() -> list[NDArray[np.uint8]]:
    """Pictures of 12 MP: nothing, noise, and a page of text."""
    rng = np.random.default_rng(SEED)
    text = np.full((4000, 3000), 235, np.uint8)
    for line in range(60):
        words = "".join(rng.choice(list("abcdefghij klmnop"), 60))
        cv2.putText(text, words, (200, 200 + 60 * line), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (20,), 3)
    return [np.full((4000, 3000), 200, np.uint8), rng.integers(0, 256, (4000, 3000), np.uint8), text]


def _seconds_to_refuse(picture: NDArray[np.uint8], layout: Layout) -> float:
    start = time.perf_counter()
    try:
        read_sheet(picture, layout)
    except UnreadableSheet:
        return time.perf_counter() - start
    raise AssertionError("a sheet was read where there is none")
