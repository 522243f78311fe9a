"""What two qualities of a lecture cost beside decoding it once (make bench-lecture).

Films of a slide show and of a notebook under a phone, drawn with a seed and made ready as lectures are. Each is written
in a process of its own, so that the memory is its own. Times are processor seconds of one thread per second of film:
their product with the length is what a job takes, whatever the length.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Final

import cv2

from benchmarks.video.generator import make_video
from workers.compute import prepare_lecture, write_lecture_renditions
from workers.media.video import open_video

FOLDER: Final = Path("build/video")
REPORT: Final = Path("build/bench/lecture.json")
CONDITIONS: Final = ("slides", "notebook")
SEED: Final = 101
WRITE_SECONDS: Final = 1500.0
"""What a job may spend: ``RENDITIONS_SECONDS`` of apps/lectures."""
HOURS_GOAL: Final = 2.0
MEMORY_GOAL_MIB: Final = 400


def measure_one(film: Path) -> dict[str, float]:
    """In this process: seconds of the film, of decoding it, of writing it, bits a second, lines and MiB."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        prepared = prepare_lecture(str(film), 3600.0)
        begun = time.process_time()
        with Path(prepared["file"]).open("rb") as file, open_video(file) as video:
            for _ in video.frames(0, "DEFAULT"):
                pass
        decode = time.process_time() - begun
        begun = time.process_time()
        written = write_lecture_renditions(prepared["file"], 3600.0)
        taken = time.process_time() - begun
        high, low = written[0], written[-1]
        return {
            "seconds": prepared["seconds"],
            "decode": decode,
            "taken": taken,
            "high_bits": high["average_bits"],
            "low_bits": low["average_bits"],
            "lines": min(high["width"], high["height"]),
            "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a line for each film, write the report. 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lecture", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--conditions", nargs="*", choices=CONDITIONS, default=CONDITIONS)
    parser.add_argument("--one", metavar="FILE", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure_one(options.one.resolve())))
        return 0
    report: dict[str, dict[str, object]] = {}
    for condition in options.conditions:
        path, _ = make_video(condition, SEED, FOLDER)
        command = [sys.executable, "-m", "benchmarks.lecture", "--one", str(path)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        times, per_second = found["taken"] / found["decode"], found["taken"] / found["seconds"]
        hours = WRITE_SECONDS / per_second / 3600
        is_met = hours >= HOURS_GOAL and found["mib"] <= MEMORY_GOAL_MIB
        report[condition] = {**found, "times_decoding": times, "longest_hours": hours, "is_met": is_met}
        print(
            f"{condition:12} {found['lines']:.0f} lines: {per_second:.3f} s a second, {times:.1f} x decoding"
            f", so {hours:.1f} h in {WRITE_SECONDS:.0f} s (>= {HOURS_GOAL}); {found['high_bits'] / 1e6:.2f} and"
            f" {found['low_bits'] / 1e6:.2f} Mbit/s, {found['mib']:.0f} MiB (<= {MEMORY_GOAL_MIB})"
            f"  {'met' if is_met else 'MISSED'}",
            flush=True,
        )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row["is_met"] for row in report.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
