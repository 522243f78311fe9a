"""The worker processes: `python -m workers cpu | premium | video | dispatcher [--slots N]`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from workers.cancelling import CancelWatch
from workers.consumer import STOP_TIMEOUT_SECONDS, Consumer, ConsumerTimes, default_slots
from workers.messages import QueueSpec, ReceivedMessage
from workers.sandbox import Sandbox, SandboxLimits, hide_this_process
from workers.spot import SpotNotice

if TYPE_CHECKING:
    from academy.jobs.runner import JobRun

logger = logging.getLogger("workers")

# Weights are shares of service time where both queues have work.
QUEUES_OF_WORKER = {
    "cpu": {"basic": 3.0, "lite": 1.0},
    "premium": {"premium": 1.0},
    "video": {"video": 1.0},
    "dispatcher": {},
}
COMPUTE_MODULE = "workers.compute"
# Forked children share the engines of Tesseract that the second one loads: a small crop takes 0.2 s instead of 1.0 s.
PRELOADED = {
    "cpu": (COMPUTE_MODULE, "workers.vision.text.warm"),
    "premium": (COMPUTE_MODULE, "workers.vision.text.warm"),
    "video": (COMPUTE_MODULE,),
}
HEARTBEATS_PER_VISIBILITY = 3
LIMITS_OF_WORKER = {
    "cpu": SandboxLimits(),
    "premium": SandboxLimits(memory_bytes=4 * 1024**3, cpu_seconds=600),
    "video": SandboxLimits(memory_bytes=2 * 1024**3, cpu_seconds=1800, file_bytes=4 * 1024**3),
}


class StopSignals:
    """Calls `on_first` at the first SIGTERM or SIGINT and `on_second` at the next, in a thread of its own.

    What is called may take locks, which a signal handler must not.
    """

    def __init__(self, on_first: Callable[[], None], on_second: Callable[[], None]) -> None:
        self._calls = [on_first, on_second]
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _note)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._work, name="signals", daemon=True).start()

    def _work(self) -> None:
        for call in self._calls:
            number = 0
            while number not in (signal.SIGTERM, signal.SIGINT):
                number = self._woken.recv(1)[0]
            logger.info("%s received", signal.Signals(number).name)
            call()


def _note(_number: int, _frame: FrameType | None) -> None:
    """The handler does nothing: the signal's number is written to the wake-up descriptor."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m workers", description="Serve jobs until SIGTERM.")
    parser.add_argument("worker", choices=list(QUEUES_OF_WORKER))
    parser.add_argument("--slots", type=int, default=default_slots(), help="jobs at a time (default: cores)")
    parser.add_argument(
        "--stop-timeout", type=float, default=STOP_TIMEOUT_SECONDS, help="seconds between SIGTERM and the end"
    )
    parser.add_argument("--without-dispatcher", action="store_true", help="leave sending and sweeping to others")
    options = parser.parse_args()
    if options.slots < 1:
        parser.error("--slots must be at least 1")
    hide_this_process()
    _set_up_django()
    with _traced():
        if options.worker == "dispatcher":
            _dispatch_alone()
        else:
            _consume(options.worker, options.slots, options.stop_timeout, has_dispatcher=not options.without_dispatcher)


def _set_up_django() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings")
    django.setup()

    from academy.logs.uncaught import log_uncaught

    log_uncaught()


@contextmanager
def _traced() -> Iterator[None]:
    """Record spans where the settings name a collector; what waits to be sent gets two seconds at the end."""
    from academy.traces.exporting import start_tracing, stop_tracing

    start_tracing()
    try:
        yield
    finally:
        stop_tracing()


def _dispatch_alone() -> None:
    from academy.jobs.dispatcher import run_forever

    stop = threading.Event()
    StopSignals(stop.set, lambda: os._exit(1))
    with _observed(stop.set, has_dispatcher=True):
        run_forever(stop)


@contextmanager
def _observed(stop: Callable[[], None], *, has_dispatcher: bool) -> Iterator[None]:
    """Answer Prometheus, and watch for the end of a spot machine, where the settings say so."""
    from django.conf import settings

    from academy.audits.measuring import AuditMetrics
    from academy.jobs.measuring import QueueMetrics
    from academy.metrics.process import serve_metrics, watch

    if settings.METRICS_BIND:
        if has_dispatcher:
            watch(QueueMetrics())
            watch(AuditMetrics())
        serve_metrics(settings.METRICS_BIND)
    notice = SpotNotice(settings.SPOT_NOTICE_URL, stop) if settings.SPOT_NOTICE_URL else None
    try:
        yield
    finally:
        if notice is not None:
            notice.close()


def _consume(worker: str, slots: int, stop_timeout_seconds: float, *, has_dispatcher: bool) -> None:
    from django.conf import settings

    from academy.jobs.dispatcher import run_forever
    from academy.jobs.queues import Tier, polling_sqs_client, queue_url, sqs_client
    from academy.jobs.runner import JobRun

    environment = networks_of(worker, settings.OCR_ONNX)
    cancels = CancelWatch()

    def start_job(message: ReceivedMessage, sandbox: Sandbox) -> JobRun:
        return cancels.follow(JobRun(message.body, message.receive_count, sandbox, message.traceparent))

    def make_sandbox() -> Sandbox:
        return Sandbox(
            preload=PRELOADED[worker],
            allowed=[COMPUTE_MODULE],
            limits=LIMITS_OF_WORKER[worker],
            environment=environment,
        )

    consumer = Consumer(
        client=sqs_client(),
        polling_client=polling_sqs_client(),
        queues=[QueueSpec(name, queue_url(Tier(name)), weight) for name, weight in QUEUES_OF_WORKER[worker].items()],
        slots=slots,
        make_sandbox=make_sandbox,
        start_job=start_job,
        times=ConsumerTimes(
            visibility=settings.JOB_VISIBILITY_SECONDS,
            heartbeat=settings.JOB_VISIBILITY_SECONDS / HEARTBEATS_PER_VISIBILITY,
            stop_timeout=stop_timeout_seconds,
        ),
    )
    StopSignals(consumer.stop, consumer.stop_now)
    stop_dispatcher = threading.Event()
    if has_dispatcher:
        threading.Thread(target=run_forever, args=[stop_dispatcher], name="dispatcher", daemon=True).start()
    with _observed(consumer.stop, has_dispatcher=has_dispatcher):
        consumer.run()
    stop_dispatcher.set()


def networks_of(worker: str, named: dict[str, str]) -> dict[str, str]:
    """What a sandbox of ``worker`` has to know of the configured networks.

    Ends the process when one is missing or another than was named: it would fail at every page.
    """
    if worker != "premium" or not named:
        return {}
    from workers.vision.text.model_files import UnusableModel
    from workers.vision.text.networks import load_networks

    try:
        load_networks(named)
    except UnusableModel as error:
        sys.exit(f"the premium tier's model cannot be used: {error}")
    return named


if __name__ == "__main__":
    main()
