"""Pages from films: what is found, in which time and memory (make bench-video; `--seeds`, `--conditions`).

Every film is drawn with its truth once and kept in build/video. Each is read in a process of its own, so that the
memory is its own. The decode floor is the decoding of the frames that are looked at and nothing else. PySceneDetect
is not part of the project: `--scenedetect PYTHON` names an interpreter that has it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import cv2

from benchmarks.video.generator import CONDITIONS, Truth, make_video
from workers.film import SAMPLES_PER_SECOND, open_film
from workers.media.video import open_video

FOLDER: Final = Path("build/video")
REPORT: Final = Path("build/bench/video.json")
MAX_PAGES: Final = 15
F1_GOAL: Final = 0.98
MEMORY_GOAL_MIB: Final = 400
FLOOR_GOAL: Final = 1.5
LONG_GOP_GOAL, PHONE_GOAL = 2.5, 8.0
DENSE_SECONDS: Final = 1.25
"""Keyframes as close as a phone's."""

_DETECT: Final = """
import sys, time
from scenedetect import ContentDetector, detect
begun = time.process_time()
detect(sys.argv[1], ContentDetector())
print(time.process_time() - begun)
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One film: ``found`` are the pages that lie still where the pictures were taken, ``None`` for one being turned."""

    found: list[int | None]
    floor_seconds: float
    seconds: float
    peak_mib: float


def read_film(path: Path, truth: Truth) -> Reading:
    """In this process; times are processor seconds of one thread."""
    cv2.setNumThreads(1)
    begun = time.process_time()
    with path.open("rb") as file, open_video(file) as video:
        for _ in video.samples(per_second=SAMPLES_PER_SECOND):
            pass
    floor = time.process_time() - begun
    begun = time.process_time()
    with path.open("rb") as file, open_film(file, time_limit_seconds=3600) as film:
        pages = film.find_pages(max_pages=MAX_PAGES, report=lambda _: None)
        moments = [page.found.best.at for page in film.pictures(pages)]
    seconds = time.process_time() - begun
    found = [next((stay.page for stay in truth.stays if stay.start <= at <= stay.end), None) for at in moments]
    return Reading(found, floor, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def _read_apart(condition: str, seed: int) -> Reading:
    command = [sys.executable, "-m", "benchmarks.video", "--one", condition, str(seed)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Reading(**json.loads(answer))


def _scene_seconds(python: str, path: Path) -> float:
    command = [python, "-c", _DETECT, str(path)]
    environment = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "threads;1", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(answer.stdout)


def measure(conditions: list[str], seeds: int, scenedetect: str | None) -> dict[str, dict[str, object]]:
    report: dict[str, dict[str, object]] = {}
    for condition in conditions:
        right = wanted = given = duplicates = turning = 0
        floor = seconds = length = peak = 0.0
        scene: float | None = 0.0 if scenedetect else None
        for seed in range(1, seeds + 1):
            path, truth = make_video(condition, seed, FOLDER)
            reading = _read_apart(condition, seed)
            pages = [page for page in reading.found if page is not None]
            right += len(set(pages))
            wanted += truth.page_count
            given += len(reading.found)
            duplicates += len(pages) - len(set(pages))
            turning += reading.found.count(None)
            floor += reading.floor_seconds
            seconds += reading.seconds
            length += truth.duration
            peak = max(peak, reading.peak_mib)
            if scenedetect and scene is not None:
                scene += _scene_seconds(scenedetect, path)
        is_phone = CONDITIONS[condition].keyframe_seconds <= DENSE_SECONDS
        report[condition] = {
            "f1": round(2 * right / (wanted + given), 4) if wanted + given else 0.0,
            "duplicates": duplicates,
            "mid_turn": turning,
            "times_real_time": round(length / seconds, 1),
            "times_decode_floor": round(seconds / floor, 2),
            "peak_mib": round(peak),
            "times_scenedetect": round(scene / seconds, 1) if scene is not None else None,
            "times_scenedetect_goal": PHONE_GOAL if is_phone else LONG_GOP_GOAL,
        }
        print(_line(condition, report[condition]), flush=True)
    return report


def _line(condition: str, row: dict[str, object]) -> str:
    is_met = row["f1"] >= F1_GOAL and not row["duplicates"] and not row["mid_turn"]  # type: ignore[operator]
    scene = "not installed" if row["times_scenedetect"] is None else f"{row['times_scenedetect']} x"
    return (
        f"{condition:20}{row['f1']:>7}{row['duplicates']:>6}{row['mid_turn']:>9}{row['times_real_time']:>11}"
        f"{row['times_decode_floor']:>9}{row['peak_mib']:>6}{scene:>16}  {'met' if is_met else 'NOT MET'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.video", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--conditions", nargs="*", choices=list(CONDITIONS), default=list(CONDITIONS))
    parser.add_argument("--scenedetect", metavar="PYTHON", help="an interpreter with PySceneDetect")
    parser.add_argument("--one", nargs=2, metavar=("CONDITION", "SEED"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        path, truth = make_video(options.one[0], int(options.one[1]), FOLDER)
        print(json.dumps(asdict(read_film(path, truth))))
        return
    print(
        f"goals: F1 {F1_GOAL}, {FLOOR_GOAL} x decode, {MEMORY_GOAL_MIB} MiB,"
        f" {LONG_GOP_GOAL} x the scene detector, {PHONE_GOAL} x on a phone's film"
    )
    print(f"{'':20}{'F1':>7}{'twice':>6}{'turning':>9}{'real time':>11}{'x decode':>9}{'MiB':>6}{'scene detector':>16}")
    report = measure(options.conditions, options.seeds, options.scenedetect)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
