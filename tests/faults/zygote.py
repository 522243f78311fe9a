"""`python -m tests.faults.zygote`: has everything loaded and forks a worker for each line it is told.

What costs most of starting one is loading Django and boto3; the tests start dozens. A worker forked here is the same
process as a fresh one, since nothing that it keeps (connections, threads, clients) is made before the fork.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from infra.local.processes import die_with_parent

ROOT: Final = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG: Final = 1


class Zygote:
    """The test's side: starts processes and learns how they ended. They end with the zygote, and it with us."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [*die_with_parent("KILL"), sys.executable, "-m", "tests.faults.zygote"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """Run a module's `main()` in a process of its own; the pid."""
        asked = {"module": module, "arguments": arguments, "environment": environment, "log": os.fspath(log)}
        return int(self._ask(asked))

    def ended_with(self, pid: int) -> int | None:
        """The status that the process ended with, negative for a signal; None while it runs."""
        status: int | None = self._ask({"pid": pid})
        return status

    def _ask(self, question: Mapping[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
    django.setup()
    for module in ("worker", "submit", "tasks"):
        importlib.import_module(f"tests.faults.{module}")
    for module in ("workers.__main__", "academy.jobs.dispatcher", "academy.jobs.runner", "boto3"):
        importlib.import_module(module)
    for line in sys.stdin:
        question = json.loads(line)
        if "pid" in question:
            pid, status = os.waitpid(question["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if answer == 0:
                _become(question)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _become(question: Mapping[str, Any]) -> None:
    """The rest of the forked process's life."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        log = os.open(question["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, nothing), (1, log), (2, log)):
            os.dup2(source, target)
        os.environ.update(question["environment"])
        sys.argv = [question["module"], *question["arguments"]]
        importlib.import_module(question["module"]).main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001  the last frame of this process
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
