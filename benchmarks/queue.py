"""What a job costs on its way, and how fairly and how soon it starts: `python -m benchmarks.queue`.

The embedded stack's PostgreSQL and SQS server, real workers; service times are compressed (milliseconds where a
product's job takes seconds), visibility is the shortest that the product allows. Beside the consumer stand plain boto3
loops on the same server: their calls and their CPU are what nobody who speaks SQS through boto3 can save.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from academy.jobs.disposition import Disposition
from workers.messages import QueueSpec, ReceivedMessage

if TYPE_CHECKING:
    from academy.tenancy.models import Tenant
    from tests.faults.world import FaultWorld

ROOT: Final = Path(__file__).resolve().parents[1]
STATE: Final = ROOT / "build" / "bench-queue"
REPORT: Final = ROOT / "build" / "bench" / "queue.json"
EMPTY_JOBS: Final = 2_000
ACADEMIES: Final = 20
# One solo process with a prefetch of 10, on two cores like these; it is no dependency of ours, so it is not run here.
CELERY_CPU_MS: Final = 1.21
CELERY_CALLS: Final = 1.08
MESSAGES: Final = 2_000
STARTS: Final = 400
BACKLOG: Final = 10_000
SMALL: Final = 10
SLOTS: Final = 2
LONGEST_MS: Final = 100
VISIBILITY_SECONDS: Final = 6
WAIT_SECONDS: Final = 240.0


class Report:
    def __init__(self) -> None:
        self.rows: dict[str, dict[str, object]] = {}

    def add(self, name: str, value: float, unit: str, goal: str | None = None, is_met: bool | None = None) -> None:
        self.rows[name] = {"value": round(value, 3), "goal": goal, "unit": unit, "is_met": is_met}
        verdict = {True: "met", False: "MISSED", None: ""}[is_met]
        print(f"{name:66}{value:11.3f} {unit:12}{goal or '':>16}  {verdict}", flush=True)


class Slot:
    def kill(self) -> None: ...

    def reset(self) -> None: ...

    def close(self) -> None: ...


class Timed:
    """A job that takes `seconds`, and notes when it started."""

    def __init__(self, message: ReceivedMessage, seconds: float, note: Callable[[str, float, float], None]) -> None:
        self._message, self._seconds, self._note = message, seconds, note

    def run(self) -> Disposition:
        started = time.monotonic()
        if self._seconds:
            time.sleep(self._seconds)
        self._note(self._message.queue.name, started, time.monotonic() - started)
        return Disposition.delete()

    def beat(self) -> bool:
        return True

    def abandon(self) -> None: ...


class Loops:
    """The consumer and plain loops on queues of their own, without a database."""

    def __init__(self) -> None:
        from academy.jobs.queues import polling_sqs_client, sqs_client

        self.client, self.polling_client = sqs_client(), polling_sqs_client()
        self.calls: Counter[str] = Counter()
        for client in (self.client, self.polling_client):
            client.meta.events.register("before-call.sqs.*", self._count)
        self.queues = {
            name: QueueSpec(name, self.client.create_queue(QueueName=f"bench-{name}")["QueueUrl"], weight)
            for name, weight in (("basic", 3.0), ("lite", 1.0))
        }

    def _count(self, model: Any, **_: object) -> None:
        self.calls[model.name] += 1

    def fill(self, name: str, count: int) -> None:
        for start in range(0, count, 10):
            self.client.send_message_batch(
                QueueUrl=self.queues[name].url,
                Entries=[
                    {"Id": str(number), "MessageBody": json.dumps({"v": 1, "job_id": start + number, "tenant_id": 1})}
                    for number in range(min(10, count - start))
                ],
            )

    @contextmanager
    def consuming(
        self, names: list[str], seconds: Callable[[str], float]
    ) -> Iterator[tuple[list[tuple[str, float, float]], threading.Condition]]:
        """A consumer at work; the list grows by (queue, when it started, how long it took)."""
        from workers.consumer import Consumer, ConsumerTimes

        done: list[tuple[str, float, float]] = []
        changed = threading.Condition()

        def note(queue: str, started: float, took: float) -> None:
            with changed:
                done.append((queue, started, took))
                changed.notify_all()

        consumer = Consumer(
            client=self.client,
            polling_client=self.polling_client,
            queues=[self.queues[name] for name in names],
            slots=SLOTS,
            make_sandbox=Slot,
            start_job=lambda message, _: Timed(message, seconds(message.queue.name), note),
            times=ConsumerTimes(long_poll=2),
        )
        thread = threading.Thread(target=consumer.run)
        thread.start()
        try:
            yield done, changed
        finally:
            consumer.stop()
            thread.join()

    def purge(self) -> None:
        for queue in self.queues.values():
            while messages := self.client.receive_message(
                QueueUrl=queue.url, MaxNumberOfMessages=10, WaitTimeSeconds=0
            ).get("Messages", []):
                for message in messages:
                    self.client.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])

    def measure(self, report: Report) -> None:
        url = self.queues["lite"].url
        plain: dict[str, float] = {}
        for name, size in (("receive 10, delete 10", 10), ("receive 1, delete 1", 1)):
            count = MESSAGES if size == 10 else MESSAGES // 5
            self.fill("lite", count)
            self.calls.clear()
            begun, cpu, left = time.perf_counter(), time.process_time(), count
            while left:
                found = self.client.receive_message(QueueUrl=url, MaxNumberOfMessages=size).get("Messages", [])
                if size == 1:
                    self.client.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
                else:
                    self.client.delete_message_batch(
                        QueueUrl=url,
                        Entries=[
                            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                            for number, message in enumerate(found)
                        ],
                    )
                left -= len(found)
            plain[name] = (time.process_time() - cpu) * 1000 / count
            report.add(f"plain loop, {name}: CPU per message", plain[name], "ms")
            report.add(f"plain loop, {name}: messages per second", count / (time.perf_counter() - begun), "1/s")
            report.add(f"plain loop, {name}: calls per message", self.calls.total() / count, "calls")
        report.add("Celery on SQS, measured once elsewhere: CPU per message", CELERY_CPU_MS, "ms")
        report.add("Celery on SQS, measured once elsewhere: calls per message", CELERY_CALLS, "calls")
        self.fill("lite", MESSAGES)
        self.calls.clear()
        begun, cpu = time.perf_counter(), time.process_time()
        with self.consuming(["lite"], lambda _: 0.0) as (done, changed):
            with changed:
                changed.wait_for(lambda: len(done) >= MESSAGES, WAIT_SECONDS)
            while self._left("lite"):
                time.sleep(0.05)
            used = (time.process_time() - cpu) * 1000 / MESSAGES
            rate = MESSAGES / (time.perf_counter() - begun)
        calls = (self.calls["ReceiveMessage"] + self.calls["DeleteMessageBatch"]) / MESSAGES
        report.add("consumer: messages per second", rate, "1/s")
        report.add("consumer: CPU per message", used, "ms", "<= 0.5", used <= 0.5)
        report.add("consumer: CPU beside the plain loop of 10", used / plain["receive 10, delete 10"], "x")
        report.add("consumer: HTTP calls per message", calls, "calls", "<= 0.25", calls <= 0.25)

    def _left(self, name: str) -> int:
        counts = self.client.get_queue_attributes(QueueUrl=self.queues[name].url, AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(counts["ApproximateNumberOfMessagesNotVisible"])

    def measure_share(self, report: Report) -> None:
        chance = random.Random(400)
        for name in self.queues:
            self.fill(name, STARTS)
        with self.consuming(["basic", "lite"], lambda _: chance.uniform(0.01, 0.06)) as (done, changed), changed:
            changed.wait_for(lambda: len(done) >= STARTS, WAIT_SECONDS)
            first = sorted(done, key=lambda row: row[1])[:STARTS]
        self.purge()
        basic = sum(took for queue, _, took in first if queue == "basic") / sum(took for _, _, took in first) * 100
        report.add(f"share of basic by service time, {STARTS} starts", basic, "%", "75 +- 2", abs(basic - 75) <= 2)

    def measure_lite_start(self, report: Report) -> None:
        waits = []
        with self.consuming(["basic", "lite"], lambda _: 0.0) as (done, changed):
            for number in range(10):
                time.sleep(0.37 * (number % 4))  # at different moments of the long polls
                sent = time.monotonic()
                self.fill("lite", 1)
                with changed:
                    changed.wait_for(lambda number=number: len(done) > number, WAIT_SECONDS)  # type: ignore[misc]
                waits.append(done[-1][1] - sent)
        report.add("lite starts while basic is empty, longest of 10", max(waits), "s", "<= 1", max(waits) <= 1)


# --- the whole path -----------------------------------------------------------------------------------------------
def cpu_seconds(pid: int) -> float:
    """Of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def measure_empty_jobs(world: FaultWorld, tenants: list[Tenant], report: Report) -> None:
    from academy.jobs.queues import Tier

    worker = world.run("tests.faults.worker", "cpu", "--slots", str(SLOTS), "--without-dispatcher")
    dispatcher = world.start_dispatcher()
    worker.await_saying("serving")
    time.sleep(1)
    for _ in range(2):  # the first round warms connections and imports
        before = [cpu_seconds(process.pid) for process in (worker, dispatcher)]
        calls = world.sqs.requests.copy()
        begun = time.perf_counter()
        count = EMPTY_JOBS // len(tenants)
        for tenant in tenants:
            world.submit(kind="faults.nothing", count=count, tenant=tenant, tier=Tier.BASIC)
        await_finished(tenants)
        took = time.perf_counter() - begun
        used = [cpu_seconds(process.pid) - b for process, b in zip((worker, dispatcher), before, strict=True)]
        calls = world.sqs.requests - calls
    report.add("whole path: empty jobs per second", EMPTY_JOBS / took, "1/s")
    report.add("whole path: worker's CPU per empty job", used[0] * 1000 / EMPTY_JOBS, "ms")
    report.add("whole path: dispatcher's CPU per empty job", used[1] * 1000 / EMPTY_JOBS, "ms")
    for name in ("SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch"):
        report.add(f"whole path: {name} per job", calls[name] / EMPTY_JOBS, "calls")
    world.end_processes()


def measure_small_tenant(world: FaultWorld, tenants: list[Tenant], report: Report) -> None:
    """Ten jobs that come when another academy has ten thousand: how long until the last of them starts."""
    from academy.jobs.queues import Tier

    big, small = tenants[:2]
    world.start_worker(slots=SLOTS, has_dispatcher=True).await_saying("serving")
    for _ in range(BACKLOG // 1000):
        world.submit(LONGEST_MS, count=1000, tenant=big, tier=Tier.BASIC)
    time.sleep(3)  # it is at work, and its messages stand in the queue
    jobs = world.submit(LONGEST_MS, count=SMALL, tenant=small, tier=Tier.BASIC)
    await_finished([small])
    rows = [world.fresh(job) for job in jobs]
    waits = [(row.started_at - row.available_at).total_seconds() for row in rows if row.started_at]
    took = [(row.finished_at - row.started_at).total_seconds() for row in rows if row.finished_at and row.started_at]
    longest = max(took)
    bound = math.ceil(10 * 2 / SLOTS) * longest + longest
    report.add("longest job, as it took (S_max)", longest, "s")
    name = f"last of {SMALL} jobs starts behind {BACKLOG:,} of another academy"
    report.add(name, max(waits), "s", f"<= {bound:.2f}", len(waits) == SMALL and max(waits) <= bound)
    world.end_processes()


def measure_rerun(world: FaultWorld, tenants: list[Tenant], report: Report) -> None:
    """With the product's own times; killed at different moments of the lease."""
    from academy.jobs.models import JobState

    world.tenant = tenants[2]
    waits = []
    for seconds_running in (0.0, 1.5, 3.0):
        victim = world.start_worker(slots=1, has_dispatcher=True)
        (job,) = world.submit(5_000)
        world.await_running(job)
        time.sleep(seconds_running)
        victim.kill()
        killed = time.monotonic()
        other = world.start_worker(slots=1, has_dispatcher=True)
        while world.fresh(job).attempt < 2:
            time.sleep(0.05)
        waits.append(time.monotonic() - killed)
        world.await_state(job, JobState.SUCCEEDED)
        other.kill()
    goal = VISIBILITY_SECONDS + 5
    report.add("starts again after kill -9, longest of 3", max(waits), "s", f"<= {goal}", max(waits) <= goal)


def await_finished(tenants: list[Tenant]) -> None:
    from django.db import transaction

    from academy.jobs.models import UNFINISHED_STATES, Job
    from academy.tenancy.context import acting_for

    deadline = time.monotonic() + WAIT_SECONDS
    waiting = list(tenants)
    while waiting:
        with acting_for(waiting[0]), transaction.atomic():
            if not Job.objects.filter(state__in=UNFINISHED_STATES).exists():
                waiting.pop(0)
                continue
        if time.monotonic() > deadline:
            raise TimeoutError("jobs are not done in time")
        time.sleep(0.02)


def main() -> None:
    from infra.local.children import Output, preparation_commands
    from infra.local.supervisor import Stack

    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    report = Report()
    with (
        (STATE / "log").open("w") as log,
        Stack(STATE, output=Output(log), commands=(), preparations=preparation_commands()[:1]) as stack,
    ):
        os.environ.update(stack.environment)
        os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
        import django

        django.setup()
        from tests.factories import make_academy
        from tests.faults.world import fault_world

        loops = Loops()
        loops.measure(report)
        loops.measure_share(report)
        loops.measure_lite_start(report)
        tenants = [make_academy(f"bench-{number}") for number in range(ACADEMIES)]
        for measure in (measure_empty_jobs, measure_rerun, measure_small_tenant):
            (STATE / measure.__name__).mkdir()
            with fault_world(STATE / measure.__name__) as world:
                world.visibility_seconds = VISIBILITY_SECONDS
                world.times = {}
                measure(world, tenants, report)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
