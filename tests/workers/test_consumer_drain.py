"""How a worker ends: nothing new, running jobs finish or are handed back, nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from academy.jobs.disposition import Disposition
from tests.workers.consumer_world import WAIT_SECONDS, FakeSandbox, Run, World, server_url
from workers.consumer import Consumer, ConsumerTimes, ThreadDied
from workers.messages import QueueSpec, ReceivedMessage
from workers.sandbox import ChildCrashed, Sandbox

SHORT_POLLS = ConsumerTimes(long_poll=1, stop_timeout=20, hand_back=2)
MODULE = "tests.workers.sandbox_functions"


def start(world: World, slots: int, times: ConsumerTimes) -> tuple[Consumer[FakeSandbox], threading.Thread]:
    consumer = world.consumer(slots, times)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    return consumer, thread


def test_idle_worker_ends_when_its_long_polls_do() -> None:
    world = World()
    consumer, thread = start(world, 2, SHORT_POLLS)
    while world.calls["ReceiveMessage"] < 2:
        time.sleep(0.01)

    consumer.stop()
    thread.join(WAIT_SECONDS)

    assert not thread.is_alive()
    assert all(sandbox.is_closed for sandbox in world.sandboxes)


def test_an_idle_worker_as_it_is_deployed_ends_long_before_its_stop_time_out() -> None:
    """And what comes while it ends is there for others at once."""
    world = World()
    consumer, thread = start(world, 2, ConsumerTimes())
    while world.calls["ReceiveMessage"] < 2:
        time.sleep(0.01)

    consumer.stop()
    world.send("basic", "late")
    thread.join(10)

    assert not thread.is_alive()
    assert world.runs == []
    assert world.left("basic") == (1, 0)


def test_running_job_finishes_and_no_new_one_starts() -> None:
    world = World(["basic"])
    world.work = Run.wait
    consumer, thread = start(world, 1, SHORT_POLLS)
    world.send("basic", "running", "waiting")
    world.await_runs(1)

    consumer.stop()
    time.sleep(0.2)
    assert thread.is_alive()
    world.runs[0].released.set()
    thread.join(WAIT_SECONDS)

    assert [run.message.body for run in world.runs] == ["running"]
    assert not world.runs[0].is_abandoned
    assert world.left("basic") == (1, 0)


def test_job_that_outlasts_the_stop_time_out_is_handed_back_at_once() -> None:
    world = World(["basic"])
    world.work = Run.wait
    consumer, thread = start(world, 1, ConsumerTimes(long_poll=1, stop_timeout=2.5, hand_back=2))
    world.send("basic", "long")
    world.await_runs(1)

    began = time.monotonic()
    consumer.stop()
    thread.join(WAIT_SECONDS)

    assert time.monotonic() - began > 0.4
    assert world.runs[0].is_abandoned
    assert world.left("basic") == (1, 0)


def test_second_signal_hands_back_at_once() -> None:
    world = World(["basic"])
    world.work = Run.wait
    consumer, thread = start(world, 1, ConsumerTimes(stop_timeout=60))
    world.send("basic", "long")
    world.await_runs(1)

    consumer.stop()
    began = time.monotonic()
    consumer.stop_now()
    thread.join(WAIT_SECONDS)

    assert time.monotonic() - began < 30
    assert world.left("basic") == (1, 0)


def test_job_that_does_not_listen_does_not_hold_the_worker() -> None:
    world = World(["basic"])
    release = threading.Event()

    def work(_run: Run) -> Disposition:
        release.wait(WAIT_SECONDS)
        return Disposition.delete()

    world.work = work
    consumer, thread = start(world, 1, ConsumerTimes(long_poll=1, stop_timeout=2, hand_back=1.5))
    world.send("basic", "deaf")
    world.await_runs(1)

    consumer.stop()
    thread.join(WAIT_SECONDS)

    assert not thread.is_alive()
    release.set()


def test_message_received_while_draining_is_handed_back() -> None:
    world = World(["basic"])
    consumer, thread = start(world, 1, ConsumerTimes(long_poll=3, stop_timeout=20))
    while world.calls["ReceiveMessage"] < 1:
        time.sleep(0.01)
    time.sleep(0.1)

    consumer.stop()
    world.send("basic", "late")
    thread.join(WAIT_SECONDS)

    assert world.runs == []
    assert world.left("basic") == (1, 0)


@pytest.mark.parametrize("part", ["_beat_all", "_await_grant"])
def test_worker_that_loses_a_thread_hands_its_jobs_back_and_ends(
    part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a heartbeat, for one, it would run each job beyond its lease, for another worker to run as well."""
    world = World(["basic"])
    world.work = Run.wait
    consumer = world.consumer(3, ConsumerTimes(heartbeat=0.05, long_poll=1))
    working = getattr(consumer, part)

    def die(*arguments: object) -> object:
        if world.runs:
            raise MemoryError("no more")
        return working(*arguments)

    monkeypatch.setattr(consumer, part, die)
    world.send("basic", "job")
    world.send("basic", "another")
    with pytest.raises(ThreadDied):
        consumer.run()

    assert all(run.is_abandoned for run in world.runs)
    assert world.left("basic") == (2, 0)
    assert "died" in caplog.text


# --- with real sandboxes and signals ------------------------------------------------------------------------------
class SandboxRun:
    """Calls the function that the message names."""

    def __init__(self, message: ReceivedMessage, sandbox: Sandbox) -> None:
        self.message, self.sandbox = message, sandbox

    def run(self) -> Disposition:
        try:
            self.sandbox.run(f"{MODULE}:{self.message.body}", timeout_seconds=30)
        except ChildCrashed:
            return Disposition.delete()
        return Disposition.delete()

    def beat(self) -> bool:
        return True

    def abandon(self) -> None:
        self.sandbox.kill()


@pytest.fixture
def world() -> World:
    return World(["basic"])


def test_crash_of_one_job_leaves_the_others_alone(world: World) -> None:
    consumer = Consumer(
        client=world.client,
        queues=list(world.queues.values()),
        slots=2,
        make_sandbox=lambda: Sandbox(preload=[MODULE], allowed=[MODULE]),
        start_job=SandboxRun,
        times=SHORT_POLLS,
    )
    thread = threading.Thread(target=consumer.run)
    thread.start()
    world.send("basic", *["crash", "nothing", "exit_silently", "environment"] * 2)
    world.await_left("basic", (0, 0))
    consumer.stop()
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()


WORKER = f"""
import sys
from tests.workers.consumer_world import make_client, server_url
import tests.workers.consumer_world as world
world.server_url = lambda: sys.argv[1]
from tests.workers.test_consumer_drain import MODULE
from workers.__main__ import StopSignals
from workers.consumer import Consumer, ConsumerTimes
from workers.messages import QueueSpec
from workers.sandbox import Sandbox, JobCancelled
from academy.jobs.disposition import Disposition

class Run:
    def __init__(self, message, sandbox):
        self.message, self.sandbox = message, sandbox
    def run(self):
        print("running", flush=True)
        try:
            self.sandbox.run("{MODULE}:sleep", float(self.message.body), timeout_seconds=100)
        except JobCancelled:
            return Disposition.defer(0)
        return Disposition.delete()
    def beat(self):
        return True
    def abandon(self):
        self.sandbox.kill()

consumer = Consumer(
    client=make_client(), queues=[QueueSpec("basic", sys.argv[2])], slots=1,
    make_sandbox=lambda: Sandbox(preload=["{MODULE}"], allowed=["{MODULE}"]),
    start_job=Run, times=ConsumerTimes(long_poll=1, stop_timeout=20),
)
StopSignals(consumer.stop, consumer.stop_now)
consumer.run()
"""


def worker_process(queue: QueueSpec, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, server_url(), queue.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(folder)},
    )


@pytest.mark.parametrize(
    ("seconds", "signals", "left"),
    [("0.5", [signal.SIGTERM], (0, 0)), ("60", [signal.SIGTERM, signal.SIGINT], (1, 0))],
    ids=["sigterm lets a short job finish", "a second signal hands a long one back"],
)
def test_signals_end_the_worker_process(
    world: World, tmp_path: Path, seconds: str, signals: list[signal.Signals], left: tuple[int, int]
) -> None:
    world.send("basic", seconds)
    with worker_process(world.queues["basic"], tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        assert process.wait(WAIT_SECONDS) == 0
    assert list(tmp_path.iterdir()) == []
    assert world.left("basic") == left


def test_killed_worker_leaves_its_message_in_flight(world: World, tmp_path: Path) -> None:
    world.send("basic", "60")
    with worker_process(world.queues["basic"], tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        process.kill()
    assert world.left("basic") == (0, 1)
