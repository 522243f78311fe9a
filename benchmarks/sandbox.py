"""What isolation costs: an empty job, and one with a page of pixels, through the sandbox and without it.

`uv run python -m benchmarks.sandbox` prints a table and writes build/bench/sandbox.json. Beside the sandbox stand its
floor (the call in this process) and its peers: a pool of processes that live on (no isolation between jobs, results
unpickled) and a process exec'd for each job.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.workers import sandbox_functions
from workers.sandbox import Sandbox

FUNCTIONS = sandbox_functions.__name__
PRELOAD = ("numpy", "cv2", FUNCTIONS)
GOAL_MS = 10.0
PAGE = os.urandom(1_000_000)
REPORT = Path("build/bench/sandbox.json")


def milliseconds(call: Callable[[], object], times: int, *, pause_seconds: float = 0) -> list[float]:
    """How long each of `times` calls took, after three that don't count, with a pause between two."""
    taken = []
    for number in range(times + 3):
        time.sleep(pause_seconds)
        start = time.perf_counter()
        call()
        if number >= 3:
            taken.append((time.perf_counter() - start) * 1000)
    return taken


def exec_for_each_job() -> None:
    subprocess.run([sys.executable, "-c", f"import {', '.join(PRELOAD)}"], check=True)


def main() -> None:
    start = time.perf_counter()
    with Sandbox(preload=PRELOAD, allowed=[FUNCTIONS]) as sandbox, multiprocessing.get_context("spawn").Pool(1) as pool:
        ready_ms = (time.perf_counter() - start) * 1000

        def isolated(name: str, *args: object) -> Callable[[], object]:
            return lambda: sandbox.run(f"{FUNCTIONS}:{name}", *args, timeout_seconds=60)

        rows = {
            "in this process, empty": milliseconds(sandbox_functions.nothing, 1000),
            "living pool, empty": milliseconds(lambda: pool.apply(sandbox_functions.nothing), 200),
            "exec for each job, empty": milliseconds(exec_for_each_job, 5),
            "sandbox, empty": milliseconds(isolated("nothing"), 300),
            "sandbox, empty, after a pause": milliseconds(isolated("nothing"), 100, pause_seconds=0.02),
            "living pool, 1 MB there and back": milliseconds(lambda: pool.apply(sandbox_functions.echo, [PAGE]), 100),
            "sandbox, 1 MB there and back": milliseconds(isolated("echo", PAGE), 100),
        }
        confinement = dict(sandbox.confinement)

    print(f"{'':36}{'median ms':>12}{'p95 ms':>12}{'goal':>10}")
    report: dict[str, dict[str, object]] = {}
    for name, taken in rows.items():
        median, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        is_ours = name.startswith("sandbox")
        goal = f"< {GOAL_MS:g}" if is_ours else ""
        print(f"{name:36}{median:12.3f}{p95:12.3f}{goal:>10}")
        report[f"{name}, median"] = {
            "value": round(median, 3),
            "goal": GOAL_MS if is_ours else None,
            "unit": "ms",
            "is_met": median < GOAL_MS if is_ours else None,
        }
    print(f"{'ready after':36}{ready_ms:12.1f}")
    print(" ".join(f"{name}={value}" for name, value in confinement.items()))
    report["ready after"] = {"value": round(ready_ms, 1), "goal": None, "unit": "ms", "is_met": None}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
