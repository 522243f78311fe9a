"""Pages from films: what is found, in which time and memory (make bench-video; `--seeds`, `--conditions`).

Every film is drawn with its truth once and kept in build/video. Each is read in a process of its own, so that the
memory is its own. Times are processor seconds of one thread. Beside them the floors: the plain decoding, by FFmpeg in
one thread, of the very frames that were decoded while the film was read, samples, doubts and pictures, with nothing
done to them; and that of the samples alone. PySceneDetect is no part of the project: `make` puts it into an
environment of its own, and `--scenedetect PYTHON` names another.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import av
import cv2

from benchmarks.video.generator import CONDITIONS, Truth, make_video, repeat_video
from workers.film import open_film
from workers.media.video import DENSE_KEYFRAMES_SECONDS, Skipped, Video, open_video

FOLDER: Final = Path("build/video")
REPORT: Final = Path("build/bench/video.json")
SCENE_DETECT: Final = Path("build/scenedetect/bin/python")
MAX_PAGES: Final = 15
F1_GOAL: Final = 0.98
MEMORY_GOAL_MIB: Final = 400
FLOOR_GOAL: Final = 1.5
LONG_GOP_GOAL, PHONE_GOAL = 2.5, 8.0
TWO_HOURS: Final = 7200.0
LIMIT_SECONDS: Final = 20.0
"""Given to two hours of film, which take longer."""
GRACE_SECONDS: Final = 3.0
ROUNDS: Final = 2

Row = dict[str, object]

_DETECT: Final = """
import sys, time
import cv2
from scenedetect import ContentDetector, detect
cv2.setNumThreads(1)
begun = time.process_time()
detect(sys.argv[1], ContentDetector())
print(time.process_time() - begun)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One film: ``found`` are the pages that lie still where the pictures were taken, ``None`` for one being turned.

    ``decode_seconds``: of the frames that were used; ``sample_seconds``: of the samples alone.
    """

    found: list[int | None]
    decode_seconds: float
    sample_seconds: float
    seconds: float
    peak_mib: float


@dataclass(slots=True)
class _Use:
    """Frames that were decoded in a row: from where, what was skipped, how many."""

    pts: int
    skipped: Skipped
    count: int = 0


def read_film(path: Path, truth: Truth) -> Reading:
    """In this process, in the best of some rounds."""
    cv2.setNumThreads(1)
    uses: list[_Use] = []
    frames_of = Video.frames

    def noted(video: Video, pts: int, skipped: Skipped) -> Iterator[av.VideoFrame]:
        uses.append(_Use(pts, skipped))
        use = uses[-1]
        for frame in frames_of(video, pts, skipped):
            use.count += 1
            yield frame

    seconds = float("inf")
    for _ in range(ROUNDS):
        uses.clear()
        begun = time.process_time()
        with (
            patch.object(Video, "frames", noted),
            path.open("rb") as file,
            open_film(file, time_limit_seconds=3600) as film,
        ):
            pages = film.find_pages(max_pages=MAX_PAGES, report=lambda _: None)
            moments = [page.found.best.at for page in film.pictures(pages)]
        seconds = min(seconds, time.process_time() - begun)
    found = [next((stay.page for stay in truth.stays if stay.start <= at <= stay.end), None) for at in moments]
    decode, samples = (min(_decoding(path, some) for _ in range(ROUNDS)) for some in (uses, uses[:1]))
    return Reading(found, decode, samples, seconds, _peak_mib())


def read_hurriedly(path: Path) -> tuple[int, bool, float]:
    """How many pages were found in the time there is, whether it was said that it ran out, and MiB."""
    cv2.setNumThreads(1)
    with path.open("rb") as file, open_film(file, time_limit_seconds=LIMIT_SECONDS) as film:
        pages = film.find_pages(max_pages=MAX_PAGES, report=lambda _: None)
        return sum(1 for _ in film.pictures(pages)), film.is_timed_out, _peak_mib()


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _decoding(path: Path, uses: Sequence[_Use]) -> float:
    begun = time.process_time()
    with path.open("rb") as file, open_video(file) as video:
        for use in uses:
            frames = video.frames(use.pts, use.skipped)
            for _ in range(use.count):
                next(frames)
    return time.process_time() - begun


def _read_apart(condition: str, seed: int) -> Reading:
    command = [sys.executable, "-m", "benchmarks.video", "--one", condition, str(seed)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Reading(**json.loads(answer))


def _scene_seconds(python: str, path: Path) -> float:
    command = [python, "-c", _DETECT, str(path)]
    environment = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "threads;1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(answer.stdout)


def measure(condition: str, seeds: range, scenedetect: str | None) -> dict[str, Row]:
    """Reads the films of one condition, prints its line, gives its figures with their goals."""
    right = wanted = given = duplicates = turning = 0
    decode = samples = seconds = length = peak = scene = 0.0
    for seed in seeds:
        path, truth = make_video(condition, seed, FOLDER)
        reading = _read_apart(condition, seed)
        pages = [page for page in reading.found if page is not None]
        right += len(set(pages))
        wanted += truth.page_count
        given += len(reading.found)
        duplicates += len(pages) - len(set(pages))
        turning += reading.found.count(None)
        decode += reading.decode_seconds
        samples += reading.sample_seconds
        seconds += reading.seconds
        length += truth.duration
        peak = max(peak, reading.peak_mib)
        scene += _scene_seconds(scenedetect, path) if scenedetect else 0.0
    is_phone = CONDITIONS[condition].keyframe_seconds <= DENSE_KEYFRAMES_SECONDS
    least = PHONE_GOAL if is_phone else LONG_GOP_GOAL
    f1 = 2 * right / (wanted + given) if wanted + given else 0.0
    rows: dict[str, Row] = {
        "f1": _row(f1, F1_GOAL, "", is_least=True),
        "twice": _row(duplicates, 0, "pages"),
        "turning": _row(turning, 0, "pages"),
        "over_decoding": _row(seconds / decode, FLOOR_GOAL, "times the frames used"),
        "memory": _row(peak, MEMORY_GOAL_MIB, "MiB"),
    }
    faster = "not measured"
    if scenedetect:
        rows["over_scene_detector"] = _row(scene / seconds, least, "times as fast", is_least=True)
        faster = f"{scene / seconds:.1f} x >= {least}"
    missed = [name for name, row in rows.items() if not row["is_met"]]
    print(
        f"{condition:18}{f1:>6.3f}{duplicates:>6}{turning:>8}{seconds:>8.2f} s{decode:>7.2f} s"
        f"{seconds / decode:>7.2f}{seconds / samples:>9.2f}{length / seconds:>10.0f} x{peak:>6.0f}{faster:>17}"
        f"  {'met' if not missed else 'MISSED: ' + ', '.join(missed)}",
        flush=True,
    )
    return {f"{condition}_{name}": row for name, row in rows.items()}


def measure_two_hours() -> dict[str, Row]:
    """A film of two hours with less time than it takes: it ends in time, with what was found and the flag."""
    path, _ = repeat_video("slides", 1, FOLDER, seconds=TWO_HOURS)
    begun = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.video", "--hurried", str(path)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    taken = time.monotonic() - begun
    pages, is_said, peak = json.loads(answer)
    print(
        f"two hours of film, {LIMIT_SECONDS:.0f} s given: ended after {taken:.1f} s, {pages} pages,"
        f" {'said to be out of time' if is_said else 'NOT SAID to be out of time'}, {peak:.0f} MiB"
    )
    return {
        "two_hours_seconds": _row(taken, LIMIT_SECONDS + GRACE_SECONDS, "s"),
        "two_hours_pages": _row(pages, 1, "pages", is_least=True),
        "two_hours_said": _row(float(is_said), 1, "", is_least=True),
        "two_hours_memory": _row(peak, MEMORY_GOAL_MIB, "MiB"),
    }


def _row(value: float, goal: float, unit: str, *, is_least: bool = False) -> Row:
    is_met = value >= goal if is_least else value <= goal
    return {"value": round(value, 4), "goal": goal, "unit": unit, "is_met": is_met}


def _draw(film: tuple[str, int]) -> None:
    cv2.setNumThreads(1)
    make_video(*film, FOLDER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all conditions, print the table, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.video", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="films of each condition")
    parser.add_argument(
        "--first-seed", type=int, default=101, help="apart from those used while it was built: 1 to 100"
    )
    parser.add_argument("--conditions", nargs="*", choices=list(CONDITIONS), default=list(CONDITIONS))
    default = str(SCENE_DETECT) if SCENE_DETECT.exists() else None
    parser.add_argument("--scenedetect", metavar="PYTHON", default=default, help="an interpreter with PySceneDetect")
    parser.add_argument("--one", nargs=2, metavar=("CONDITION", "SEED"), help=argparse.SUPPRESS)
    parser.add_argument("--hurried", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        path, truth = make_video(options.one[0], int(options.one[1]), FOLDER)
        print(json.dumps(asdict(read_film(path, truth))))
        return 0
    if options.hurried:
        print(json.dumps(read_hurriedly(options.hurried)))
        return 0
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    with ProcessPoolExecutor(os.cpu_count() or 1) as pool:
        list(pool.map(_draw, [(condition, seed) for condition in options.conditions for seed in seeds]))
    print(f"goals: F1 {F1_GOAL}, no page twice, none while it is turned, {FLOOR_GOAL} x decoding the frames used,")
    print(f"{MEMORY_GOAL_MIB} MiB, {PHONE_GOAL} x the scene detector where keyframes are dense, else {LONG_GOP_GOAL} x")
    print(f"{'':18}{'F1':>6}{'twice':>6}{'turning':>8}{'all of it':>10}{'decoding':>9}{'times':>7}", end="")
    print(f"{'x samples':>9}{'real time':>12}{'MiB':>6}{'scene detector':>17}")
    report: dict[str, Row] = {}
    for condition in options.conditions:
        report |= measure(condition, seeds, options.scenedetect)
    report |= measure_two_hours()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    missed = [name for name, row in report.items() if not row["is_met"]]
    print("\nall goals are met" if not missed else f"\nMISSED: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
