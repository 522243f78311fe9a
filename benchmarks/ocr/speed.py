"""How fast small crops, and two pages at a time, are read beside pytesseract: both in turn, in the same run.

The machine may be busy with others. So each side is measured several times in turn with the other, the least disturbed
round of each counts, and every reader is a session of its own: the kernel shares its time among sessions
(``sched_autogroup``), where it would give a side with twice the threads twice the time.
"""

from __future__ import annotations

import os
import resource
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.ocr.conditions import CONDITIONS, FIRST_SEED, make_page
from benchmarks.ocr.pages import GOTHIC, handout_page
from benchmarks.ocr.peers import read_by_pytesseract
from workers.vision.text import engines
from workers.vision.text.pages import Language
from workers.vision.text.readers import reader_of
from workers.vision.text.reading import read_crop, read_page

GreyImage = NDArray[np.uint8]

CROPS = 12
ROUNDS = 3
PAGES_AT_A_TIME = 2


@dataclass(frozen=True, slots=True)
class Pair:
    """What ours and pytesseract took, in the same unit."""

    ours: float
    peer: float

    @property
    def ratio(self) -> float:
        return self.peer / self.ours


def measure_crops() -> Pair:
    """Milliseconds for a picture of a word or two, as a name field gives it; the median. Each has one thread."""
    rng = np.random.default_rng(FIRST_SEED)
    images = [np.ascontiguousarray(handout_page(rng, GOTHIC).pixels[210:280, 190:490]) for _ in range(CROPS)]
    engines.warm_up()
    ours, peer = [], []
    for image in images:
        ours.append(_milliseconds(lambda image=image: read_crop(image, reader_of("lite"), Language.KOREAN)))  # type: ignore[misc]  # bound now
        peer.append(_milliseconds(lambda image=image: read_by_pytesseract(image)))  # type: ignore[misc]  # bound now
    return Pair(statistics.median(ours), statistics.median(peer))


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def measure_parallel() -> tuple[Pair, Pair]:
    """Seconds until two pages are read at a time, ours in warm processes, pytesseract with its default threads; and
    the CPU seconds of each."""
    seeds = range(FIRST_SEED + 90, FIRST_SEED + 90 + PAGES_AT_A_TIME)
    pages = [make_page(CONDITIONS["exam-scan"], seed)[1] for seed in seeds]
    ours: list[tuple[float, float]] = []
    peer: list[tuple[float, float]] = []
    with _pool(_warm) as warm, _pool(_alone) as cold:
        for read, pool in ((_ours, warm), (_peer, cold)):
            list(pool.map(read, pages))  # the processes are there, and what they import
        for _ in range(ROUNDS):
            ours.append(_at_a_time(warm, _ours, pages))
            peer.append(_at_a_time(cold, _peer, pages))
    fastest, least = (Pair(min(row[place] for row in ours), min(row[place] for row in peer)) for place in (0, 1))
    return fastest, least


def _at_a_time(
    pool: ProcessPoolExecutor, read: Callable[[GreyImage], float], pages: Sequence[GreyImage]
) -> tuple[float, float]:
    start = time.perf_counter()
    cpu = sum(pool.map(read, pages))
    return time.perf_counter() - start, cpu


@contextmanager
def _pool(prepare: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(PAGES_AT_A_TIME, mp_context=get_context("spawn"), initializer=prepare) as pool:
        yield pool


def _alone() -> None:
    """A session of its own, and of OpenMP what a machine has that nobody configured."""
    os.setsid()
    for name in [name for name in os.environ if name.startswith("OMP_")]:
        del os.environ[name]


def _warm() -> None:
    os.setsid()
    cv2.setNumThreads(1)
    engines.warm_up()


def _ours(page: GreyImage) -> float:
    return _cpu_seconds(lambda: read_page(page, reader_of("lite")))


def _peer(page: GreyImage) -> float:
    return _cpu_seconds(lambda: read_by_pytesseract(page))


def _cpu_seconds(work: Callable[[], object]) -> float:
    before = _cpu_so_far()
    work()
    return _cpu_so_far() - before


def _cpu_so_far() -> float:
    """Of this process and of those that it started and that have ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
