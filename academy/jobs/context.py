"""What a task works with: its sandbox, its progress, and the one transaction that records and finishes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from os import SEEK_END
from typing import Any, Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from academy.jobs.backend import ring_dispatcher
from academy.jobs.compute import ComputeSandbox, JobTimedOut
from academy.jobs.disposition import LeaseLost
from academy.jobs.errors import PermanentFailure
from academy.jobs.models import Job, JobState
from academy.jobs.services import acknowledge_cancel
from academy.storage import s3
from academy.traces.spans import UNRECORDED, Role, span

MAX_REASON_CHARACTERS: Final = 2000
FILE_LOST: Final = "The file is no longer there. Please send it again."
PROGRESS_SECONDS: Final = 1.0  # a progress report is written at most this often


class JobContext:
    """One attempt at one job. Only the latest attempt may write: every write here is fenced by its number."""

    def __init__(self, job: Job, sandbox: ComputeSandbox, time_limit_seconds: float) -> None:
        self.job = job
        self.is_finished = False
        self.outcome: JobState | None = None  # what this attempt left the job in
        self.span = UNRECORDED  # the runner gives the attempt's
        self._begun = time.monotonic()
        self.steps = 0
        self._sandbox = sandbox
        self._deadline = time.monotonic() + time_limit_seconds
        self._reported_at = 0.0

    @property
    def attempt(self) -> int:
        return self.job.attempt

    @property
    def seconds(self) -> float:
        """How long this attempt has been going on."""
        return time.monotonic() - self._begun

    def step(self) -> None:
        """Say that something was achieved: the heartbeat extends the lease only for those who say so."""
        self.steps += 1

    def compute(self, function: str, *args: Any, **kwargs: Any) -> Any:
        """Run ``function`` ("workers.compute:name") in the sandbox, within what is left of the time limit."""
        self.step()
        with span("sandbox.compute", function=function):
            result = self._sandbox.run(
                function, *args, timeout_seconds=max(self._deadline - time.monotonic(), 0.1), **kwargs
            )
        self.step()
        return result

    def input_bytes(self, key: str, *, max_bytes: int) -> bytes:
        """The object ``key``. Raises ``PermanentFailure`` where it is lost, ``ValueError`` beyond ``max_bytes``."""
        try:
            data = s3.read_object(key, max_bytes=max_bytes)
        except s3.ObjectMissing as error:
            raise PermanentFailure("file_lost", FILE_LOST) from error
        self.step()
        return data

    @contextmanager
    def input_file(self, key: str, *, max_bytes: int) -> Iterator[str]:
        """The object ``key`` as a file that what ``compute`` runs can read: gives its path, removes it at the end.

        Nothing of it is held in memory. Raises as :meth:`input_bytes` does, and ``JobTimedOut`` when the time limit
        passes on the way.
        """
        with self._sandbox.input_file("input") as (path, file):
            with file, span("storage.read", role=Role.CLIENT):
                try:
                    for chunk in s3.read_chunks(key, max_bytes=max_bytes):
                        file.write(chunk)
                        self.step()
                        if time.monotonic() > self._deadline:
                            raise JobTimedOut("the file took too long to fetch")
                except s3.ObjectMissing as error:
                    raise PermanentFailure("file_lost", FILE_LOST) from error
            yield path

    def keep_output(self, name: str, key: str, *, content_type: str) -> int:
        """Write the file ``name`` that what ``compute`` ran left behind under ``key``; returns its bytes.

        Nothing of it is held in memory. Raises ``JobTimedOut`` when the time limit passes on the way.
        """

        def sent(_count: int) -> None:
            self.step()
            if time.monotonic() > self._deadline:
                raise JobTimedOut("the file took too long to keep")

        with self._sandbox.open_output(name) as file:
            byte_count = file.seek(0, SEEK_END)
            file.seek(0)
            s3.write_file(key, file, content_type=content_type, on_sent=sent)
        return byte_count

    def report_progress(self, fraction: float) -> None:
        """Show ``fraction`` (0 to 1) to whoever waits. Raises ``LeaseLost``."""
        self.step()
        now = time.monotonic()
        if now - self._reported_at < PROGRESS_SECONDS:
            return
        self._reported_at = now
        with transaction.atomic():
            self._move(progress=min(max(fraction, 0.0), 1.0))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction in the middle of the job, holding off any other attempt. Raises ``LeaseLost``."""
        with transaction.atomic():
            if self._mine().select_for_update().first() is None:
                raise LeaseLost(f"job {self.job.pk}, attempt {self.job.attempt}")
            yield
        self.step()

    @contextmanager
    def finishing(self, **result: Any) -> Iterator[None]:
        """The last transaction: what is written inside is committed together with SUCCEEDED, or not at all.

        Raises ``LeaseLost`` before the block runs when another attempt owns the job.
        """
        with transaction.atomic():
            self._move(state=JobState.SUCCEEDED, finished_at=Now(), progress=1.0, result=result, lease_expires_at=None)
            yield
        self.is_finished, self.outcome = True, JobState.SUCCEEDED

    @contextmanager
    def failing(self, *, code: str, message: str) -> Iterator[None]:
        """Like :meth:`finishing`, ending in FAILED for a reason that a person can act on."""
        with transaction.atomic():
            self._move(
                state=JobState.FAILED,
                finished_at=Now(),
                error_code=_storable(code)[:64],
                error_message=_storable(message),
                lease_expires_at=None,
                **self._trace(),
            )
            yield
        self.is_finished, self.outcome = True, JobState.FAILED

    def put_back(self, *, delay_seconds: float, code: str, message: str) -> None:
        """Queue the job again after a failure that may pass. Raises ``LeaseLost``."""
        with transaction.atomic():
            self._move(
                state=JobState.QUEUED,
                available_at=Now() + timedelta(seconds=delay_seconds),
                error_code=_storable(code)[:64],
                error_message=_storable(message),
                lease_expires_at=None,
                **self._trace(),
            )
            ring_dispatcher()
        self.outcome = JobState.QUEUED

    def release(self) -> None:
        """Give the job up unharmed, for the next worker to claim at once. Raises ``LeaseLost``.

        The attempt is not counted, and its number is never given again.
        """
        self._move(state=JobState.SENT, spent_attempts=F("spent_attempts") + 1, lease_expires_at=None, **self._trace())
        self.outcome = JobState.SENT

    def is_to_end(self) -> bool:
        """Whether somebody has asked to cancel the job while this attempt has it."""
        return self._held().filter(cancel_requested_at__isnull=False).exists()

    def end_cancelled(self) -> bool:
        """CANCELLED, if that was asked for and this attempt has the job; tells whether it was."""
        with transaction.atomic():
            is_cancelled = bool(acknowledge_cancel(self._held()))
        if is_cancelled:
            self.outcome = JobState.CANCELLED
        return is_cancelled

    def _trace(self) -> dict[str, str]:
        """That the next try follows from this one; nothing where no span is recorded."""
        return {"traceparent": self.span.traceparent} if self.span.traceparent else {}

    def _move(self, **changes: Any) -> None:
        if self._mine().update(**changes) != 1:
            raise LeaseLost(f"job {self.job.pk}, attempt {self.job.attempt}")

    def _mine(self) -> QuerySet[Job]:
        """The job, if this attempt may still write: from the moment somebody cancels it, none may."""
        return self._held().filter(cancel_requested_at=None)

    def _held(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.job.pk, attempt=self.job.attempt, state=JobState.RUNNING)


def _storable(text: str) -> str:
    """``text`` as PostgreSQL takes it: a reason that comes from a child may hold anything, and must be recorded."""
    return text.encode(errors="replace").decode().replace("\x00", "")[:MAX_REASON_CHARACTERS]


_current: ContextVar[JobContext] = ContextVar("job_context")


def current_job() -> JobContext:
    """The attempt this thread is running. Raises ``LookupError`` outside a task."""
    return _current.get()


@contextmanager
def running(context: JobContext) -> Iterator[None]:
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
