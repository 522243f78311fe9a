"""A process with everything imported and a database of its own: takes mutants by name and forks for each.

In, one JSON object per line: ``mutant``, ``tests``, ``is_first_enough``. Out, on the descriptor that it is given:
``mutant``, ``code`` of pytest, and ``failed``, the first test that did.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.mutants.names import VARIABLE

TIME_LIMIT_SECONDS: Final = 180
OPTIONS: Final = ["-q", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin"]


class _Failures:
    def __init__(self) -> None:
        self.first: str | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.first is None:
            self.first = report.nodeid if report.when == "call" else f"{report.nodeid} ({report.when})"


def _run(asked: dict[str, Any], out: int, log: Path) -> None:
    """In the child: never returns."""
    signal.alarm(TIME_LIMIT_SECONDS)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.environ[VARIABLE] = asked["mutant"]
    failures = _Failures()
    code = int(pytest.main([*OPTIONS, *(["-x"] if asked["is_first_enough"] else []), *asked["tests"]], [failures]))
    sys.stdout.flush()
    _say(out, {"mutant": asked["mutant"], "code": code, "failed": failures.first})
    os._exit(0)


def _say(out: int, answer: dict[str, Any]) -> None:
    os.write(out, json.dumps(answer).encode() + b"\n")


def main(out: int, log: Path, files: list[str]) -> None:
    os.environ.pop(VARIABLE, None)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    assert pytest.main([*OPTIONS, "--collect-only", *files]) == 0
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(asked, out, log)
        _, status = os.waitpid(child, 0)
        if status != 0:
            _say(out, {"mutant": asked["mutant"], "code": -1, "failed": None})


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
