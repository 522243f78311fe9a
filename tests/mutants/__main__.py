"""``make isolation-mutants``: every wall down in turn; a table of what caught each; fails when one survives."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.mutants.names import NO_FILTER, NO_FILTER_NO_POLICY

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / "build" / "isolation-mutants"
WORKERS: Final = 2
NO_MUTANT: Final = "control: no mutant"
CONTROLS: Final = (NO_MUTANT, NO_FILTER, NO_FILTER_NO_POLICY)
PASSED, FAILED = 0, 1


@dataclass(frozen=True, slots=True)
class Task:
    mutant: str
    tests: tuple[str, ...]
    expected: int
    is_first_enough: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    mutant: str
    is_good: bool
    says: str


class Worker:
    """A process that runs one mutant after the other."""

    def __init__(self, number: int, files: tuple[str, ...]) -> None:
        reading, writing = os.pipe()
        self.log = RESULTS / f"worker-{number}.log"
        command = [sys.executable, "-m", "tests.mutants.worker", str(writing), str(self.log), *files]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True, pass_fds=[writing])
        os.close(writing)
        self._answers = os.fdopen(reading)

    def run(self, task: Task) -> Outcome:
        assert self._process.stdin is not None
        asked = {"mutant": task.mutant, "tests": task.tests, "is_first_enough": task.is_first_enough}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        line = self._answers.readline()
        if not line:
            return Outcome(task.mutant, False, "the worker died")
        answer: dict[str, Any] = json.loads(line)
        # Before its tests begin, a mutant may be caught by the guard of statements; a control may not fail there.
        is_broken = task.mutant in CONTROLS and str(answer["failed"]).endswith(("(setup)", "(teardown)"))
        is_good = answer["code"] == task.expected and not is_broken
        if is_good:
            says = answer["failed"] or "passed"
        else:
            says = {PASSED: "SURVIVED", FAILED: f"FAILED: {answer['failed']}"}.get(answer["code"], "BROKEN")
            self.log.rename(RESULTS / f"{task.mutant.translate(str.maketrans(' /<>:', '_____'))}.log")
        return Outcome(task.mutant, is_good, says)

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._answers.close()


def _run(tasks: list[Task], files: tuple[str, ...]) -> list[Outcome]:
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    outcomes: dict[str, Outcome] = {}

    def work(number: int) -> None:
        worker = Worker(number, files)
        try:
            while True:
                task = waiting.get_nowait()
                outcomes[task.mutant] = outcome = worker.run(task)
                if not outcome.is_good:
                    print(f"  {outcome.mutant}: {outcome.says}", flush=True)
        except queue.Empty:
            worker.stop()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [outcomes.get(task.mutant, Outcome(task.mutant, False, "never ran")) for task in tasks]


def _print(title: str, outcomes: list[Outcome]) -> int:
    width = max(len(outcome.mutant) for outcome in outcomes)
    print(f"\n{title}")
    for outcome in outcomes:
        says = outcome.says.removeprefix("tests/architecture/").removeprefix("tests/")
        print(f"  {outcome.mutant:<{min(width, 90)}}  {says}")
    good = sum(outcome.is_good for outcome in outcomes)
    print(f"  {good} of {len(outcomes)}")
    return len(outcomes) - good


def main() -> int:
    begun = time.monotonic()
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.glob("*.log"):
        old.unlink()
    with open(os.devnull, "w") as silent:  # noqa: PTH123  no path of ours
        before = os.dup(1)
        os.dup2(silent.fileno(), 1)
        code = pytest.main(["-q", "-p", "no:cacheprovider", "--collect-only", "tests/architecture/test_urls.py"])
        os.dup2(before, 1)
    assert code == PASSED, "the tests cannot be collected"
    from tests.mutants import walls
    from tests.mutants.database import caught_by_catalogue

    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    controls = [
        Task(NO_MUTANT, walls.SELECTION, PASSED),
        Task(NO_FILTER, (walls.BEHIND,), PASSED, is_first_enough=False),
        Task(NO_FILTER_NO_POLICY, (walls.BEHIND,), FAILED),
    ]
    tasks = [Task(mutant.name, mutant.tests, FAILED) for mutant in walls.mutants().values()]
    chosen = [task for task in (*controls, *tasks) if wanted in task.mutant]
    ran = _run(chosen, (*walls.SELECTION, walls.BEHIND))
    count = len([task for task in controls if wanted in task.mutant])
    bad = 0
    if count:
        bad += _print(
            "Controls: the tests pass without a mutant; behind every dropped filter the policies hold", ran[:count]
        )
    if ran[count:]:
        bad += _print("Walls taken down, and the test that caught it", ran[count:])
    catalogue = [
        Outcome(name, complaint is not None, complaint or "SURVIVED")
        for name, complaint in caught_by_catalogue()
        if wanted in name
    ]
    if catalogue:
        bad += _print("Walls of the database, and what the walk over the catalogue said", catalogue)
    everything = [*ran, *catalogue]
    print(f"\n{len(everything) - bad} of {len(everything)} as they should be, in {time.monotonic() - begun:.0f} s")
    (RESULTS / "results.json").write_text(
        json.dumps(
            {outcome.mutant: {"is_good": outcome.is_good, "says": outcome.says} for outcome in everything}, indent=1
        )
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
