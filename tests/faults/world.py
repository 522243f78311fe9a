"""The world of the fault tests: an academy, real processes, and proxies between them and what they depend on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from academy.jobs.backend import ring_dispatcher
from academy.jobs.message import JobMessage
from academy.jobs.models import FINAL_STATES, Job, JobState
from academy.jobs.queues import Tier, create_queues, dead_letter_name, queue_url, sqs_client
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.students.models import Student
from tests.faults.proxies import HttpProxy, PostgresProxy
from tests.faults.zygote import Zygote

WAIT_SECONDS: Final = 40.0
"""How long a test waits for what must happen. Far more than it takes, since machines are shared."""
POLL_SECONDS: Final = 0.02
VISIBILITY_SECONDS: Final = 2
LONG_POLL_SECONDS: Final = 1
TIMES: Final[Mapping[str, float]] = {
    "academy.jobs.runner.UNCLAIMABLE_SECONDS": 1,
    "academy.jobs.runner.BACKOFF_SECONDS": 0.1,
    "academy.jobs.runner.BACKOFF_FACTOR": 1.0,
    "academy.jobs.queues.ANSWER_SECONDS": 0.5,
    "academy.jobs.dispatcher.LEASE_GRACE_SECONDS": 0.5,
    "academy.jobs.dispatcher.SWEEP_SECONDS": 0.5,
    "academy.jobs.dispatcher.POLL_SECONDS": 0.2,
    "workers.consumer.DEFER_AFTER_ERROR_SECONDS": 1,
    "workers.acknowledger.BACKOFF_SECONDS": 0.05,
}


def wait_until(is_so: Callable[[], object], what: str, seconds: float = WAIT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
        time.sleep(POLL_SECONDS)


@dataclass(eq=False)
class Process:
    """A worker or a dispatcher that a test may stop, continue and kill."""

    zygote: Zygote
    pid: int
    log: Path
    status: int | None = None

    def send(self, number: signal.Signals) -> None:
        """Nothing where it has ended."""
        if self.is_alive:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.wait()

    def wait(self) -> int:
        """The status that it ends with."""
        wait_until(lambda: not self.is_alive, f"the end of process {self.pid}")
        assert self.status is not None
        return self.status

    @property
    def is_alive(self) -> bool:
        if self.status is None:
            self.status = self.zygote.ended_with(self.pid)
        return self.status is None

    def says(self, text: str) -> bool:
        return text in self.log.read_text()

    def await_saying(self, text: str) -> None:
        wait_until(lambda: self.says(text), f"{text!r} in {self.log}")


@dataclass(eq=False)
class FaultWorld:
    """`sqs` stands before SQS and S3, `database` before PostgreSQL; the test itself reaches both directly."""

    sqs: HttpProxy
    database: PostgresProxy
    folder: Path
    visibility_seconds: int = VISIBILITY_SECONDS
    times: Mapping[str, float] = field(default_factory=lambda: dict(TIMES))
    processes: list[Process] = field(default_factory=list)
    tenant: Tenant = field(init=False)
    _zygote: Zygote | None = None
    _process_count: int = 0

    # --- processes ----------------------------------------------------------------------------------------------
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AWS_ENDPOINT_URL": self.sqs.url,
            "DATABASE_URL": self._through_proxy("DATABASE_URL"),
            "DISPATCHER_DATABASE_URL": self._through_proxy("DISPATCHER_DATABASE_URL"),
            "QUEUE_PREFIX": settings.QUEUE_PREFIX,
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
            "FAULT_VISIBILITY_SECONDS": str(self.visibility_seconds),
            "FAULT_LONG_POLL_SECONDS": str(LONG_POLL_SECONDS),
            "FAULT_TIMES": json.dumps(self.times),
        }

    def _through_proxy(self, name: str) -> str:
        parts = urlsplit(os.environ[name])
        return parts._replace(netloc=f"{parts.username}:{parts.password}@127.0.0.1:{self.database.port}").geturl()

    def run(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """A process that ends with this one."""
        if self._zygote is None:
            self._zygote = Zygote(self.environment())
        log = self.folder / f"process-{self._process_count}.log"
        self._process_count += 1
        log.touch()
        pid = self._zygote.start(module, arguments, environment or {}, log)
        self.processes.append(Process(self._zygote, pid, log))
        return self.processes[-1]

    def start_worker(
        self,
        *,
        slots: int = 1,
        has_dispatcher: bool = False,
        clock_seconds: float = 0,
        arguments: Sequence[str] = (),
    ) -> Process:
        return self.run(
            *("tests.faults.worker", "cpu", "--slots", str(slots)),
            *([] if has_dispatcher else ["--without-dispatcher"]),
            *arguments,
            environment={"FAULT_CLOCK_SECONDS": str(clock_seconds)},
        )

    def start_dispatcher(self, *, clock_seconds: float = 0) -> Process:
        return self.run("tests.faults.worker", "dispatcher", environment={"FAULT_CLOCK_SECONDS": str(clock_seconds)})

    def end_processes(self) -> None:
        for process in self.processes:
            if process.is_alive:
                process.kill()
        self.processes.clear()

    def close(self) -> None:
        self.end_processes()
        if self._zygote is not None:
            self._zygote.close()

    # --- jobs ---------------------------------------------------------------------------------------------------
    def submit(
        self,
        milliseconds: int = 0,
        *,
        kind: str = "faults.work",
        count: int = 1,
        tenant: Tenant | None = None,
        tier: Tier = Tier.LITE,
        **fields: Any,
    ) -> list[Job]:
        """Jobs as the API leaves them: rows, committed, and a ring."""
        values: dict[str, Any] = {"max_attempts": 20, **fields}
        with acting_for(tenant or self.tenant), transaction.atomic():
            jobs = [
                Job(kind=kind, queue=tier.value, arguments={"args": [milliseconds], "kwargs": {}}, **values)
                for _ in range(count)
            ]
            Job.objects.bulk_create(jobs)
            ring_dispatcher()
        return jobs

    def send(self, *bodies: str, tier: Tier = Tier.LITE) -> None:
        """Messages past the dispatcher."""
        for body in bodies:
            sqs_client().send_message(QueueUrl=queue_url(tier), MessageBody=body)

    def fresh(self, job: Job) -> Job:
        with acting_for(job.tenant), transaction.atomic():
            return Job.objects.get(pk=job.pk)

    def effects(self, jobs: Sequence[Job]) -> Counter[int]:
        """How often each of the jobs took effect; those that never did are not in it."""
        with acting_for(jobs[0].tenant), transaction.atomic():
            names = Student.objects.filter(name__in=[str(job.pk) for job in jobs]).values_list("name", flat=True)
            return Counter(int(name) for name in names)

    def await_state(self, job: Job, *states: JobState) -> Job:
        wait_until(lambda: self.fresh(job).state in states, f"job {job.pk} {'/'.join(states)}")
        return self.fresh(job)

    def await_running(self, job: Job) -> Job:
        """Computing in the child: it has said how far it is."""
        wait_until(lambda: self.fresh(job).progress > 0, f"progress of job {job.pk}")
        return self.fresh(job)

    def assert_each_took_effect_once(self, jobs: Sequence[Job]) -> None:
        """Each is done within the time, with one result and one effect, and no message is left."""
        for job in jobs:
            self.await_state(job, *FINAL_STATES)
        for job in jobs:
            after = self.fresh(job)
            assert after.state == JobState.SUCCEEDED, (after.state, after.error_code)
            assert after.result == {"milliseconds": after.arguments["args"][0]}
            assert after.lease_expires_at is None
        assert self.effects(jobs) == {job.pk: 1 for job in jobs}

    def await_empty_queues(self) -> None:
        wait_until(lambda: sum(map(self.left, Tier)) == 0, "every message is settled")

    def left(self, tier: Tier) -> int:
        """Messages in a queue, visible or in flight."""
        answer = sqs_client().get_queue_attributes(QueueUrl=queue_url(tier), AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])

    def dead_letters(self, tier: Tier = Tier.LITE) -> list[str]:
        url = sqs_client().get_queue_url(QueueName=dead_letter_name(tier))["QueueUrl"]
        found: list[str] = []
        while messages := sqs_client().receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in messages]
        return found

    def purge(self) -> None:
        for tier in Tier:
            dead = sqs_client().get_queue_url(QueueName=dead_letter_name(tier))["QueueUrl"]
            for url in (queue_url(tier), dead):
                sqs_client().purge_queue(QueueUrl=url)


def body_of(job: Job) -> str:
    return JobMessage(job_id=job.pk, tenant_id=job.tenant_id).to_body()


@contextlib.contextmanager
def fault_world(folder: Path) -> Iterator[FaultWorld]:
    """Proxies and queues of its own before the services that the environment names."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    assert parts.hostname is not None
    assert parts.port is not None
    before = settings.QUEUE_PREFIX
    settings.QUEUE_PREFIX = f"faults-{uuid.uuid4().hex[:12]}"
    queue_url.cache_clear()
    try:
        create_queues()
        with HttpProxy(os.environ["AWS_ENDPOINT_URL"]) as sqs, PostgresProxy(parts.hostname, parts.port) as database:
            world = FaultWorld(sqs, database, folder)
            try:
                yield world
            finally:
                world.close()
    finally:
        settings.QUEUE_PREFIX = before
        queue_url.cache_clear()
