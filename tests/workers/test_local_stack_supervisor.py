"""The supervisor: everything comes up, what dies comes back, and nothing survives it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import processes
from infra.local.postgres import attach_postgres
from infra.local.state import ROOT
from infra.local.supervisor import PreparationFailed, Stack, Supervised, supervised

# Stands for the application: one that runs until it is told to stop, and one that ignores being told.
PROGRAM = """
import signal, sys
from pathlib import Path
from infra.local.__main__ import run
from infra.local.children import Command
from infra.local.supervisor import Stack
obedient = (sys.executable, "-c", "import time; print('working'); time.sleep(600)")
stubborn = ("sh", "-c", "trap '' TERM; while :; do sleep 600; done")
commands = [Command("obedient", obedient), Command("stubborn", stubborn, grace_seconds=0.5)]
stack = Stack(Path(sys.argv[1]), commands=commands, preparations=[("prepare", ("sh", "-c", "echo $DATABASE_URL"))])
sys.exit(run(stack, has_web=False))
"""


class Running:
    """A supervisor in a process of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.log = state.parent / f"{state.name}.log"
        self.log.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, os.fspath(state)], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
            )
        until(lambda: "| ready" in self.log.read_text(), self.log)

    def status(self) -> Supervised:
        found = supervised(self.state)
        assert found is not None
        return found

    def everything(self) -> list[int]:
        """The pids of all that it started."""
        postgres = attach_postgres(self.state)
        assert postgres is not None
        aws = processes.working_in(self.state / "aws")
        assert aws
        return [*self.status().children.values(), postgres.pid, *aws]


def until(is_true: Callable[[], bool], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(processes.POLL_SECONDS)


@pytest.fixture
def start() -> Iterator[Callable[[Path], Running]]:
    """Starts supervisors, and stops them afterwards."""
    started: list[Running] = []

    def begin(state: Path) -> Running:
        started.append(Running(state))
        return started[-1]

    yield begin
    for supervisor in started:
        with contextlib.suppress(ProcessLookupError):
            supervisor.process.terminate()
        supervisor.process.wait(60)


@pytest.fixture
def running(start: Callable[[Path], Running], tmp_path: Path) -> Running:
    return start(tmp_path / "state folder with spaces")


def command(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "infra.local", *arguments],
        cwd=ROOT,
        env={**os.environ, "ACADEMY_LOCAL_STATE": os.fspath(state)},
        capture_output=True,
        text=True,
    )


def test_a_signal_stops_everything_in_order(running: Running) -> None:
    started = running.everything()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert not [pid for pid in started if processes.is_alive(pid)]
    assert supervised(running.state) is None
    log = running.log.read_text()
    assert "obedient   | working" in log
    assert "prepare    | postgresql://academy_owner:" in log
    assert "stubborn   | did not end in time: killed" in log


def test_a_crashed_process_starts_again(running: Running) -> None:
    first = running.status().children["obedient"]
    os.kill(first, signal.SIGKILL)
    until(lambda: running.status().children.get("obedient") not in {None, first}, running.log)
    assert "ended with SIGKILL" in running.log.read_text()


def test_killed_services_start_again_on_the_same_ports(running: Running) -> None:
    before = command(running.state, "env").stdout
    first = attach_postgres(running.state)
    assert first is not None
    for pid in (first.pid, *processes.working_in(running.state / "aws")):
        os.kill(pid, signal.SIGKILL)
    until(lambda: running.log.read_text().count("prepare    |") == 2, running.log)  # the killed one forgot its queues
    assert command(running.state, "env").stdout == before


def test_nothing_survives_a_kill_of_the_supervisor_but_the_data(
    running: Running, start: Callable[[Path], Running]
) -> None:
    started = running.everything()
    stubborn = running.status().children["stubborn"]
    running.process.kill()
    running.process.wait()
    assert processes.wait_until_gone([pid for pid in started if pid != stubborn], seconds=60)
    again = start(running.state)  # ends what ignored its signal, and comes up
    assert not processes.is_alive(stubborn)
    again.process.terminate()
    assert again.process.wait(60) == 0


def test_a_second_supervisor_says_that_one_is_running(running: Running) -> None:
    result = command(running.state, "up")
    assert result.returncode == 1
    assert f"runs already on {running.state} (pid {running.process.pid}" in result.stderr
    assert command(running.state, "reset", "--yes").returncode == 1
    assert command(running.state, "status").returncode == 0


def test_stacks_on_two_folders_run_side_by_side(
    running: Running, start: Callable[[Path], Running], tmp_path: Path
) -> None:
    other = start(tmp_path / "another")
    assert other.status().port != running.status().port
    assert command(other.state, "stop").returncode == 0
    assert other.process.wait(60) == 0
    assert command(running.state, "status").returncode == 0
    assert command(other.state, "status").returncode == 3
    assert command(other.state, "reset", "--yes").returncode == 0
    assert not other.state.exists()


def test_environment_can_be_read_by_a_shell(running: Running) -> None:
    script = 'eval "$1" && sh -c "echo $ACADEMY_ENV $PUBLIC_PORT"'
    printed = command(running.state, "env").stdout
    shown = subprocess.run(["sh", "-c", script, "sh", printed], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["local", str(running.status().port)]


def test_a_failed_preparation_takes_everything_down(tmp_path: Path) -> None:
    stack = Stack(tmp_path, commands=(), preparations=[("migrate", ("false",))])
    with pytest.raises(PreparationFailed, match="migrate ended with status 1"):
        stack.start()
    assert attach_postgres(tmp_path) is None
    assert command(tmp_path, "env").returncode == 1
