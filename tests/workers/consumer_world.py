"""A world for the consumer's tests: an SQS server on loopback, two queues of its own, and jobs that a test steers."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from academy.jobs.disposition import Disposition
from workers.consumer import Consumer, ConsumerTimes
from workers.messages import QueueSpec, ReceivedMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

WAIT_SECONDS = 20.0
"""How long a test waits for what must happen. Far more than it takes, since machines are shared."""


@cache
def server_url() -> str:
    """One server per test process; it ends with the process."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request, also after the last test
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def make_client() -> SQSClient:
    return boto3.client(
        "sqs",
        endpoint_url=server_url(),
        region_name="ap-northeast-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=16, retries={"max_attempts": 0}),
    )


class FakeSandbox:
    def __init__(self) -> None:
        self.killed = threading.Event()
        self.is_closed = False

    def kill(self) -> None:
        self.killed.set()

    def reset(self) -> None:
        self.killed.clear()

    def close(self) -> None:
        self.is_closed = True


def done() -> Disposition:
    return Disposition.delete()


@dataclass
class Run:
    """One delivery, as the test sees it."""

    world: World
    message: ReceivedMessage
    sandbox: FakeSandbox
    started_at: float = 0.0
    ended_at: float | None = None
    beats: int = 0
    is_abandoned: bool = False
    released: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Disposition:
        self.started_at = time.monotonic()
        with self.world.changed:
            self.world.runs.append(self)
            self.world.changed.notify_all()
        try:
            return self.world.work(self)
        finally:
            self.ended_at = time.monotonic()
            with self.world.changed:
                self.world.changed.notify_all()

    def beat(self) -> bool:
        self.beats += 1
        return self.world.beat(self)

    def abandon(self) -> None:
        self.is_abandoned = True
        self.released.set()

    def wait(self) -> Disposition:
        """Work until the test releases this run or the consumer ends it."""
        while not (self.released.wait(0.01) or self.sandbox.killed.is_set()):
            pass
        return Disposition.defer(0) if self.is_abandoned or self.sandbox.killed.is_set() else done()


class World:
    def __init__(self, names: Sequence[str] = ("basic", "lite")) -> None:
        self.client = make_client()
        self.calls: Counter[str] = Counter()
        self.client.meta.events.register("before-call.sqs.*", self._count)
        mark = uuid.uuid4().hex
        weights = {"basic": 3.0, "lite": 1.0}
        self.queues = {
            name: QueueSpec(
                name, self.client.create_queue(QueueName=f"{name}-{mark}")["QueueUrl"], weights.get(name, 1.0)
            )
            for name in names
        }
        self.changed = threading.Condition()
        self.runs: list[Run] = []
        self.sandboxes: list[FakeSandbox] = []
        self.work: Callable[[Run], Disposition] = lambda _: done()
        self.beat: Callable[[Run], bool] = lambda _: True

    def _count(self, model: Any, **_: object) -> None:
        self.calls[model.name] += 1

    def send(self, name: str, *bodies: str) -> None:
        for start in range(0, len(bodies), 10):
            self.client.send_message_batch(
                QueueUrl=self.queues[name].url,
                Entries=[
                    {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])
                ],
            )

    def left(self, name: str) -> tuple[int, int]:
        """Visible messages and those in flight."""
        attributes = self.client.get_queue_attributes(QueueUrl=self.queues[name].url, AttributeNames=["All"])
        counts = attributes["Attributes"]
        return (
            int(counts["ApproximateNumberOfMessages"]),
            int(counts["ApproximateNumberOfMessagesNotVisible"]),
        )

    def _make_sandbox(self) -> FakeSandbox:
        self.sandboxes.append(FakeSandbox())
        return self.sandboxes[-1]

    def _start_job(self, message: ReceivedMessage, sandbox: FakeSandbox) -> Run:
        return Run(self, message, sandbox)

    def consumer(self, slots: int = 2, times: ConsumerTimes | None = None) -> Consumer[FakeSandbox]:
        return Consumer(
            client=self.client,
            queues=list(self.queues.values()),
            slots=slots,
            make_sandbox=self._make_sandbox,
            start_job=self._start_job,
            times=times or ConsumerTimes(long_poll=2),
        )

    @contextlib.contextmanager
    def serving(self, slots: int = 2, times: ConsumerTimes | None = None) -> Iterator[Consumer[FakeSandbox]]:
        """A consumer in a thread; stopped at once at the end."""
        consumer = self.consumer(slots, times)
        thread = threading.Thread(target=consumer.run)
        thread.start()
        try:
            yield consumer
        finally:
            consumer.stop_now()
            for run in list(self.runs):
                run.released.set()
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()

    def await_runs(self, count: int, *, ended: bool = False, seconds: float = WAIT_SECONDS) -> list[Run]:
        def are_there() -> bool:
            return len([run for run in self.runs if not ended or run.ended_at is not None]) >= count

        with self.changed:
            assert self.changed.wait_for(are_there, seconds), f"{len(self.runs)} of {count} runs"
            return list(self.runs)

    def await_left(self, name: str, expected: tuple[int, int]) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while (left := self.left(name)) != expected:
            assert time.monotonic() < end, f"{left}, not {expected}"
            time.sleep(0.02)
