"""Takes messages from weighted queues and runs a job for each, one per slot. Knows SQS; knows no job and no Django."""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from academy.jobs.disposition import Disposition, LeaseLost
from academy.jobs.message import TRACEPARENT
from workers.acknowledger import Acknowledger
from workers.admission import LONG_POLL_SECONDS, Admission, Grant
from workers.fairness import Turn
from workers.messages import JobRun, JobSandbox, QueueSpec, ReceivedMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger(__name__)

VISIBILITY_SECONDS = 60
HEARTBEAT_SECONDS = 20.0
TICK_SECONDS = 0.25
DEFER_AFTER_ERROR_SECONDS = 30
STOP_TIMEOUT_SECONDS = 25.0
"""Below the 30 s that ECS leaves between SIGTERM and SIGKILL."""
HAND_BACK_SECONDS = 4.0
"""Of the stop time-out, kept for ending jobs that did not finish and for telling SQS."""
BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0

SandboxT = TypeVar("SandboxT", bound=JobSandbox)


@dataclass(eq=False, slots=True)
class _Running:
    message: ReceivedMessage
    job: JobRun
    sandbox: JobSandbox
    advanced_at: float
    is_lost: bool = False
    is_ended: bool = False

    def is_going_on(self) -> bool:
        return not self.is_ended


@dataclass(frozen=True, slots=True)
class ConsumerTimes:
    """Periods in seconds; the tests shorten them."""

    visibility: int = VISIBILITY_SECONDS
    heartbeat: float = HEARTBEAT_SECONDS
    long_poll: int = LONG_POLL_SECONDS
    stop_timeout: float = STOP_TIMEOUT_SECONDS
    hand_back: float = HAND_BACK_SECONDS
    backoff: float = BACKOFF_SECONDS


@dataclass(slots=True)
class _Threads:
    slots: list[threading.Thread] = field(default_factory=list)
    pollers: list[threading.Thread] = field(default_factory=list)
    heartbeat: threading.Thread | None = None


class ThreadDied(RuntimeError):
    """A poller, a slot or the heartbeat is gone: whoever started the worker starts another one."""


class Consumer(Generic[SandboxT]):
    """Serves `queues` with `slots` jobs at a time until `stop`.

    `start_job` makes the run of one message in a slot's sandbox; `make_sandbox` is called once per slot, in the slot's
    thread; `client` tells SQS what became of messages, `polling_client` waits for them. `run` blocks; `stop` and
    `stop_now` may be called from any thread, but not from a signal handler.
    """

    def __init__(
        self,
        *,
        client: SQSClient,
        polling_client: SQSClient | None = None,
        queues: Sequence[QueueSpec],
        slots: int,
        make_sandbox: Callable[[], SandboxT],
        start_job: Callable[[ReceivedMessage, SandboxT], JobRun],
        times: ConsumerTimes | None = None,
    ) -> None:
        if slots < 1 or not queues:
            raise ValueError("a consumer needs a slot and a queue")
        self.times = times or ConsumerTimes()
        self._polling_client = polling_client or client
        self._queues = list(queues)
        self._slots = slots
        self._make_sandbox = make_sandbox
        self._start_job = start_job
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        """Told when a queue may be asked; the pollers wait for it."""
        self._work = threading.Condition(self._lock)
        """Told when a message is held; the slots wait for it."""
        self._admission = Admission(queues, long_poll_seconds=self.times.long_poll)
        self._running: set[_Running] = set()
        self._acknowledger = Acknowledger(client)
        self._stopping = threading.Event()
        self._stopping_now = threading.Event()
        self._drained = threading.Event()
        self._threads = _Threads()
        self._dead_thread: str | None = None

    def run(self) -> None:
        """Serve until `stop`, then drain: within the stop time-out every message is settled or handed back.

        Raises ThreadDied, after a drain, where a thread has ended that a worker cannot be without.
        """
        self._threads.slots = [self._thread(self._serve, f"slot-{number}") for number in range(self._slots)]
        self._threads.pollers = [self._thread(self._poll, f"poll-{queue.name}", queue) for queue in self._queues]
        self._threads.heartbeat = self._thread(self._keep_beating, "heartbeat")
        logger.info("serving %s with %d slots", ", ".join(queue.name for queue in self._queues), self._slots)
        self._stopping.wait()
        self._drain()
        if self._dead_thread is not None:
            raise ThreadDied(self._dead_thread)

    def stop(self) -> None:
        """Receive no more; let running jobs finish within the stop time-out."""
        self._stopping.set()
        with self._lock:
            self._room.notify_all()
            self._work.notify_all()

    def stop_now(self) -> None:
        """Receive no more; hand running jobs back at once."""
        self._stopping_now.set()
        self.stop()

    def _thread(self, target: Callable[..., None], name: str, *args: object) -> threading.Thread:
        def guarded() -> None:
            try:
                target(*args)
            except BaseException:
                logger.critical("the thread %s died; the worker hands back what it has and ends", name, exc_info=True)
                self._dead_thread = name
                self.stop_now()

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        thread.start()
        return thread

    # --- receiving ----------------------------------------------------------------------------------------------
    def _poll(self, queue: QueueSpec) -> None:
        failures = 0
        while (grant := self._await_grant(queue)) is not None:
            try:
                messages = self._receive(grant)
            except (BotoCoreError, ClientError) as error:
                logger.warning("queue %s does not answer: %s", queue.name, error)
            except Exception:
                logger.exception("queue %s was not read", queue.name)
            else:
                failures = 0
                self._accept(grant, messages)
                continue
            with self._lock:
                self._admission.failed(grant)
                self._room.notify_all()
            self._back_off(failures)
            failures += 1

    def _await_grant(self, queue: QueueSpec) -> Grant | None:
        with self._lock:
            while not self._stopping.is_set():
                grant = self._admission.grant(queue.name)
                if grant is not None:
                    return grant
                self._room.wait(self._admission.retry_seconds(queue.name))
        return None

    def _receive(self, grant: Grant) -> list[ReceivedMessage]:
        response = self._polling_client.receive_message(
            QueueUrl=grant.queue.url,
            MaxNumberOfMessages=grant.max_messages,
            WaitTimeSeconds=grant.wait_seconds,
            VisibilityTimeout=self.times.visibility,
            AttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
            MessageAttributeNames=[TRACEPARENT],
        )
        return [_parse(grant.queue, message) for message in response.get("Messages", [])]

    def _accept(self, grant: Grant, messages: list[ReceivedMessage]) -> None:
        with self._lock:
            if not self._stopping.is_set():
                self._admission.received(grant, messages)
                self._work.notify(len(messages))
                self._room.notify_all()
                return
        if messages:
            self._acknowledger.hand_back(messages)

    def _back_off(self, failures: int) -> None:
        ceiling = min(self.times.backoff * 2 ** min(failures, 10), MAX_BACKOFF_SECONDS)
        self._stopping.wait(random.uniform(ceiling / 2, ceiling))  # noqa: S311 - jitter, not secrecy

    # --- running ------------------------------------------------------------------------------------------------
    def _serve(self) -> None:
        sandbox = self._sandbox_for_slot()
        if sandbox is None:
            return
        with self._lock:
            self._admission.add_slot()
            self._room.notify_all()
        while (taken := self._await_message()) is not None:
            message, turn = taken
            started_at = time.monotonic()
            self._run_one(message, sandbox)
            with self._lock:
                self._admission.finished(turn, time.monotonic() - started_at)
                if self._admission.has_room:
                    self._room.notify_all()
        sandbox.close()

    def _sandbox_for_slot(self) -> SandboxT | None:
        failures = 0
        while not self._stopping.is_set():
            try:
                return self._make_sandbox()
            except Exception:
                logger.exception("a slot has no sandbox; trying again")
            self._back_off(failures)
            failures += 1
        return None

    def _await_message(self) -> tuple[ReceivedMessage, Turn] | None:
        with self._lock:
            while not self._stopping.is_set():
                taken = self._admission.take()
                if taken is not None:
                    return taken
                self._work.wait()
        return None

    def _run_one(self, message: ReceivedMessage, sandbox: SandboxT) -> None:
        running = None
        try:
            job = self._start_job(message, sandbox)
            running = _Running(message, job, sandbox, advanced_at=time.monotonic())
            with self._lock:
                self._running.add(running)
            disposition = job.run()
        except Exception:
            logger.exception("message %s of queue %s is deferred", message.message_id, message.queue.name)
            disposition = Disposition.defer(DEFER_AFTER_ERROR_SECONDS)
        if running is not None:
            with self._lock:
                self._running.discard(running)
                running.is_ended = True
        if running is None or not running.is_lost:
            self._acknowledger.settle(message, disposition)
        try:
            sandbox.reset()
        except Exception:
            logger.exception("a sandbox was not cleared")

    # --- heartbeat ----------------------------------------------------------------------------------------------
    def _keep_beating(self) -> None:
        next_beat_at = time.monotonic() + self.times.heartbeat
        tick = min(TICK_SECONDS, self.times.heartbeat)
        while not self._drained.wait(tick):
            with self._lock:
                overdue = self._admission.take_overdue()
                if overdue:
                    self._room.notify_all()
            if overdue:
                self._acknowledger.hand_back(overdue)
            if time.monotonic() >= next_beat_at:
                next_beat_at = time.monotonic() + self.times.heartbeat
                self._beat_all()

    def _beat_all(self) -> None:
        with self._lock:
            beating = [running for running in self._running if not running.is_lost]
        for running in beating:
            if self._has_advanced(running):
                running.advanced_at = time.monotonic()
                self._acknowledger.extend(running.message, self.times.visibility, running.is_going_on)
            elif not running.is_lost and time.monotonic() - running.advanced_at >= self.times.visibility:
                logger.error("message %s made no progress; its job is ended", running.message.message_id)
                self._lose(running)

    def _has_advanced(self, running: _Running) -> bool:
        try:
            return running.job.beat()
        except LeaseLost as error:
            logger.warning("message %s is no longer ours: %s", running.message.message_id, error)
            self._lose(running)
        except Exception:
            logger.exception("the heartbeat of message %s failed", running.message.message_id)
        return False

    def _lose(self, running: _Running) -> None:
        """The job is somebody else's: end it here, and say nothing to SQS about its message."""
        with self._lock:
            if running.is_ended:
                return
            running.is_lost = True
            running.sandbox.kill()  # under the lock, or it could hit the slot's next job

    # --- drain --------------------------------------------------------------------------------------------------
    def _drain(self) -> None:
        deadline = time.monotonic() + self.times.stop_timeout
        with self._lock:
            held = self._admission.take_all()
        self._acknowledger.hand_back(held)
        abandon_at = deadline - self.times.hand_back
        while time.monotonic() < abandon_at and any(thread.is_alive() for thread in self._threads.slots):
            if self._stopping_now.wait(0.02):
                break
        self._abandon_all()
        deadline = min(deadline, time.monotonic() + self.times.hand_back) if self._stopping_now.is_set() else deadline
        for thread in self._threads.slots:
            thread.join(max(deadline - 1 - time.monotonic(), 0.05))
        # A message that a long poll receives after we are gone would be out of sight for the visibility time-out.
        for thread in self._threads.pollers:
            while thread.is_alive() and time.monotonic() < deadline - 1 and not self._stopping_now.is_set():
                thread.join(0.05)
        self._drained.set()
        is_told = self._acknowledger.close(max(deadline - time.monotonic(), 1))
        logger.info("drained%s", "" if is_told else "; some messages come back by their time-out")

    def _abandon_all(self) -> None:
        with self._lock:
            left = list(self._running)
        for running in left:
            logger.warning("message %s is handed back unfinished", running.message.message_id)
            try:
                running.job.abandon()
            except Exception:
                logger.exception("message %s could not be handed back", running.message.message_id)
            running.sandbox.kill()


def _parse(queue: QueueSpec, message: MessageTypeDef) -> ReceivedMessage:
    attributes = message.get("Attributes", {})
    beside = message.get("MessageAttributes", {})
    return ReceivedMessage(
        queue=queue,
        message_id=message.get("MessageId", ""),
        body=message.get("Body", ""),
        receipt_handle=message.get("ReceiptHandle", ""),
        receive_count=int(attributes.get("ApproximateReceiveCount", "1")),
        group_id=attributes.get("MessageGroupId"),
        traceparent=beside[TRACEPARENT].get("StringValue", "") if TRACEPARENT in beside else "",
    )


def default_slots() -> int:
    """One slot per core that this process may use."""
    return len(os.sched_getaffinity(0))
