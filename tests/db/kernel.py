"""Kinds of job and a sandbox for the tests of the jobs kernel."""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.db import connection, transaction

from academy.jobs.backend import JobTask
from academy.jobs.compute import JobCancelled
from academy.jobs.context import current_job
from academy.jobs.disposition import Disposition
from academy.jobs.message import JobMessage
from academy.jobs.models import Job
from academy.jobs.runner import JobRun
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.academies.models import Logo
from apps.documents.models import Document, Page
from apps.exams.models import Batch, Scan
from apps.homework.models import Submission, Worksheet
from apps.lectures.models import Lecture
from apps.students.services import create_student
from apps.trash.models import Deletion
from apps.videos.models import Video

Answer = Callable[..., Any]


class FakeSandbox:
    """Computes by calling ``answer(function, *args)`` in this process, and remembers what it was asked."""

    def __init__(self, answer: Answer | None = None) -> None:
        self._answer = answer
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.timeouts: list[float] = []
        self.outputs: dict[str, bytes] = {}  # what it leaves behind, by name
        self.token = 0
        self.is_killed = False

    def run(
        self,
        function: str,
        *args: Any,
        timeout_seconds: float,
        on_progress: Callable[[float], None] | None = None,
    ) -> Any:
        self.calls.append((function, args))
        self.timeouts.append(timeout_seconds)
        result = self._answer(function, *args) if self._answer else None
        if self.is_killed:
            raise JobCancelled("the job was ended by kill()")
        return result

    @contextmanager
    def input_file(self, name: str) -> Iterator[tuple[str, BinaryIO]]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            with path.open("wb") as file:
                yield str(path), file

    def open_output(self, name: str) -> BinaryIO:
        return io.BytesIO(self.outputs[name])

    def progress_token(self) -> Hashable:
        return self.token

    def kill(self) -> None:
        self.is_killed = True


def compute(value: Any = None) -> None:
    """Compute, then record a student in the finishing transaction."""
    job = current_job()
    answer = job.compute("tests:compute", value)
    with job.finishing(answer=answer):
        create_student(number=f"{job.attempt}", name="recorded")


def record_badly() -> None:
    """Write, then fail inside the finishing transaction."""
    job = current_job()
    with job.finishing(pointer="results/1.json"):
        create_student(number="1", name="must not stay")
        raise RuntimeError("the record failed")


def say_nothing() -> None:
    """Return without finishing: the runner does it."""


def report() -> None:
    job = current_job()
    job.report_progress(0.25)
    job.compute("tests:look")
    job.report_progress(0.5)
    job.compute("tests:look")


KINDS = {
    f"tests.{func.__name__}": JobTask(func=func, queue_name="basic", time_limit_seconds=30.0)
    for func in (compute, record_badly, say_nothing, report)
}


def use_test_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("academy.jobs.runner.job_kinds", lambda: KINDS)
    keep_connection(monkeypatch)


def keep_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run begins by closing broken connections; the one that holds a test's transaction would look like one."""
    if connection.in_atomic_block:
        monkeypatch.setattr("academy.jobs.runner.close_old_connections", lambda: None)


def new_job(tenant: Tenant, kind: str = "tests.compute", *args: Any, **fields: Any) -> Job:
    job = Job(kind=kind, queue="basic", arguments={"args": list(args), "kwargs": {}}, **fields)
    with acting_for(tenant), transaction.atomic():
        job.save(force_insert=True)
    return job


def change(job: Job, **fields: Any) -> None:
    with acting_for(job.tenant), transaction.atomic():
        assert Job.objects.filter(pk=job.pk).update(**fields) == 1


def fresh(job: Job) -> Job:
    with acting_for(job.tenant), transaction.atomic():
        return Job.objects.get(pk=job.pk)


def body_of(job: Job) -> str:
    return JobMessage(job_id=job.pk, tenant_id=job.tenant_id).to_body()


def delivery(job: Job, sandbox: FakeSandbox | None = None) -> JobRun:
    return JobRun(body_of(job), 1, sandbox or FakeSandbox())


def deliver(tenant: Tenant, job_id: int | None, sandbox: FakeSandbox) -> Disposition:
    """Run the job with this number as a worker would."""
    assert job_id is not None
    return JobRun(JobMessage(job_id=job_id, tenant_id=tenant.pk).to_body(), 1, sandbox).run()


def job_id_of(row: Deletion | Logo | Scan | Batch | Video | Document | Page | Worksheet | Submission | Lecture) -> int:
    assert row.job_id is not None
    return row.job_id


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``work(0..count-1)`` return, each in a thread with a connection of its own, started together."""
    barrier, results = threading.Barrier(count), [None] * count

    def one(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            results[number] = work(number)
        except BaseException as error:  # noqa: BLE001  handed to the test
            results[number] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=[number]) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return list(results)
