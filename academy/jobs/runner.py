"""One delivery of a message, from claim to finish. Safe at every point of a crash and at every second delivery."""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Hashable
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from academy.http.errors import DomainError
from academy.jobs.backend import job_kinds, ring_dispatcher
from academy.jobs.compute import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeFailed,
    ComputeRefused,
    ComputeSandbox,
    JobCancelled,
    JobTimedOut,
)
from academy.jobs.context import JobContext, running
from academy.jobs.disposition import Disposition, LeaseLost
from academy.jobs.errors import PermanentFailure
from academy.jobs.measuring import OVERTAKEN, note_attempt, note_delivery
from academy.jobs.message import JobMessage, MalformedMessage
from academy.jobs.models import FINAL_STATES, Job, JobState
from academy.jobs.services import acknowledge_cancel
from academy.logs.bound import bound
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant, TenantStatus
from academy.traces.spans import Role, Span, record, span

logger = logging.getLogger(__name__)

# A message that cannot be claimed comes back after this; dead letters take it when that never helps.
UNCLAIMABLE_SECONDS: Final = 20
BACKOFF_SECONDS: Final = 5.0  # before the second attempt; four times as long before each further one
BACKOFF_FACTOR: Final = 4.0
# What kills its child is tried once more, in case the machine was at fault, and then given up.
POISON_ATTEMPTS: Final = 2

GAVE_UP: Final = "This could not be processed because of a fault on our side. Your file is kept; please try again."
TOOK_TOO_LONG: Final = "This took too long to process. Try a smaller or simpler file."
TOO_DEMANDING: Final = "This file could not be processed safely. Try to scan or export it again."


class JobRun:
    """Handles one received message. ``run`` blocks in a slot's thread; ``beat`` is called from another thread."""

    def __init__(self, message_body: str, receive_count: int, sandbox: ComputeSandbox, traceparent: str = "") -> None:
        self._body = message_body
        self._traceparent = traceparent
        self._receive_count = receive_count  # by SQS; attempts are the row's to count
        self._sandbox = sandbox
        self._tenant: Tenant | None = None
        self._context: JobContext | None = None
        self._seen: Hashable = None
        self._is_abandoned = False
        self._lock = threading.Lock()

    def run(self) -> Disposition:
        """Claim, run the task, finish. Returns what is to become of the message; raises nothing for bad input."""
        note_delivery(self._receive_count)
        close_old_connections()
        try:
            message = JobMessage.from_body(self._body)
        except MalformedMessage as error:
            logger.error("a message that is none of ours: %s", error)
            return Disposition.defer(UNCLAIMABLE_SECONDS)
        tenant = Tenant.objects.select_related("plan").filter(pk=message.tenant_id).first()
        if tenant is None:
            logger.error("job %d: its message names tenant %d, which does not exist", message.job_id, message.tenant_id)
            return Disposition.defer(UNCLAIMABLE_SECONDS)
        if tenant.status == TenantStatus.MOVING:
            return Disposition.defer(UNCLAIMABLE_SECONDS)  # a claim now would be left behind where the rows were
        self._tenant = tenant
        received = span(
            "job.receive",
            role=Role.CONSUMER,
            follows=self._traceparent,
            job_id=message.job_id,
            tenant_id=message.tenant_id,
            receive_count=self._receive_count,
        )
        with bound(job_id=message.job_id), acting_for(tenant), received:
            return self._run_for_tenant(message)

    def beat(self) -> bool:
        """Extend the lease if the job has moved since the last beat; ``False`` when it has not.

        Raises ``LeaseLost`` when another attempt owns the job.
        """
        context, tenant = self._context, self._tenant
        if context is None or tenant is None:
            return True  # not claimed yet, or finished just now
        seen = (context.steps, self._sandbox.progress_token())
        if seen == self._seen:
            return False
        self._seen = seen
        close_old_connections()
        with acting_for(tenant), transaction.atomic():
            mine = Job.objects.filter(pk=context.job.pk, attempt=context.attempt, state=JobState.RUNNING)
            if mine.update(lease_expires_at=Now() + timedelta(seconds=settings.JOB_VISIBILITY_SECONDS)) != 1:
                raise LeaseLost(f"job {context.job.pk}, attempt {context.attempt}")
        self.end_if_cancelled()
        return True

    def end_if_cancelled(self) -> bool:
        """End the computation if somebody has cancelled the job; ``run`` then records it. Called from other threads."""
        context, tenant = self._context, self._tenant
        if context is None or tenant is None:
            return False
        close_old_connections()
        with acting_for(tenant), transaction.atomic():
            if not context.is_to_end():
                return False
        with self._lock:  # or it could hit the sandbox's next job
            if self._context is context:
                self._sandbox.kill()
        return True

    def abandon(self) -> None:
        """The worker stops: kill the computation; ``run`` then hands the message back."""
        self._is_abandoned = True
        self._sandbox.kill()

    def _run_for_tenant(self, message: JobMessage) -> Disposition:
        job = _claim(message)
        if job is None:
            return _unclaimed(message)
        if job.started_at is not None:
            record("job.wait", began=job.sent_at or job.available_at, ended=job.started_at)
        attempt = span(
            "job.run",
            # Of a job that was tried before the row names the try that it follows from.
            links=[job.traceparent] if job.attempt > 1 else [],
            job_id=job.pk,
            tenant_id=job.tenant_id,
            kind=job.kind,
            tier=job.queue,
            attempt=job.attempt,
        )
        with bound(job_kind=job.kind, tier=job.queue), attempt as traced:
            return self._run_claimed(job, traced)

    def _run_claimed(self, job: Job, traced: Span) -> Disposition:
        task = job_kinds().get(job.kind)
        context = JobContext(job, self._sandbox, task.time_limit_seconds if task else 0.0)
        context.span = traced
        self._context = context
        try:
            if task is None:
                raise PermanentFailure("unknown_kind", GAVE_UP)
            if self._tenant is not None and self._tenant.status != TenantStatus.ACTIVE:
                raise PermanentFailure("academy_suspended", "The academy is suspended.")
            if job.tries > job.max_attempts:
                raise PermanentFailure("worker_died", GAVE_UP)
            with running(context):
                task.func(*job.arguments.get("args", []), **job.arguments.get("kwargs", {}))
            if not context.is_finished:
                with context.finishing():
                    pass
        except LeaseLost:
            return _stopped(context)
        except JobCancelled as error:
            # The worker ends a job for two reasons: it stops itself, or the job made no progress, which counts.
            traced.fail(type(error))
            return self._hand_back(context) if self._is_abandoned else _settle_failure(context, error)
        except Exception as error:  # noqa: BLE001  whatever a task raises is recorded, and the worker lives
            traced.fail(type(error))
            return _settle_failure(context, error)
        finally:
            with self._lock:
                self._context = None
            note_attempt(job, outcome=context.outcome, seconds=context.seconds)
            traced.note(outcome=context.outcome.value if context.outcome else OVERTAKEN)
        return Disposition.delete()

    def _hand_back(self, context: JobContext) -> Disposition:
        logger.info("job %d: handed back", context.job.pk)
        try:
            with transaction.atomic():
                context.release()
        except LeaseLost:
            return _stopped(context)
        return Disposition.defer(0)


_ORPHANED: Final = Q(state=JobState.RUNNING, lease_expires_at__lt=Now())


def _claim(message: JobMessage) -> Job | None:
    """Make the job RUNNING under a new attempt, or ``None`` when it is not there to be claimed."""
    waiting = Q(state__in=[JobState.QUEUED, JobState.SENT], available_at__lte=Now())
    with transaction.atomic():
        claimed = Job.objects.filter(waiting | _ORPHANED, pk=message.job_id, cancel_requested_at=None).update(
            state=JobState.RUNNING,
            attempt=F("attempt") + 1,
            started_at=Now(),
            lease_expires_at=Now() + timedelta(seconds=settings.JOB_VISIBILITY_SECONDS),
        )
        if not claimed:
            return None
        ring_dispatcher()  # a place in the queue is free
        return Job.objects.get(pk=message.job_id)


def _unclaimed(message: JobMessage) -> Disposition:
    """A finished job's message is done with; every other one comes back, for a dead-letter queue to collect.

    That of a job that another worker holds comes back when the lease runs out: should that worker be dead, the job
    begins again at that moment, and no retry of the message is spent on waiting.
    """
    left = ExpressionWrapper(F("lease_expires_at") - Now(), output_field=DurationField())
    with transaction.atomic():
        acknowledge_cancel(Job.objects.filter(~Q(state=JobState.RUNNING) | _ORPHANED, pk=message.job_id))
        found = Job.objects.filter(pk=message.job_id).values_list("state", left).first()
    if found is None:
        logger.error("job %d of tenant %d does not exist: forged, or deleted", message.job_id, message.tenant_id)
        return Disposition.defer(UNCLAIMABLE_SECONDS)
    state, lease_left = found
    if state in FINAL_STATES:
        return Disposition.delete()
    if state == JobState.RUNNING and lease_left is not None:
        return Disposition.defer(math.ceil(max(lease_left.total_seconds(), 1)))
    return Disposition.defer(UNCLAIMABLE_SECONDS)


def _stopped(context: JobContext) -> Disposition:
    """This attempt may write nothing any more: somebody cancelled the job, or another attempt has it."""
    if context.end_cancelled():
        logger.info("job %d: cancelled during attempt %d", context.job.pk, context.attempt)
        return Disposition.delete()
    logger.warning("job %d: attempt %d was overtaken, nothing written", context.job.pk, context.attempt)
    return Disposition.defer(UNCLAIMABLE_SECONDS)


def _settle_failure(context: JobContext, error: Exception) -> Disposition:
    job = context.job
    code, message, allowed = _classify(error, job.max_attempts)
    is_final = job.tries >= allowed
    if isinstance(error, (PermanentFailure, ComputeRefused)):
        logger.info("job %d (%s) failed: %s", job.pk, job.kind, code)
    else:
        detail = error.traceback_text if isinstance(error, ComputeFailed) else ""
        logger.error("job %d (%s), attempt %d: %s %s", job.pk, job.kind, job.attempt, code, detail, exc_info=error)
    try:
        if is_final:
            with context.failing(code=code, message=message):
                pass
        else:
            delay = BACKOFF_SECONDS * BACKOFF_FACTOR ** (job.tries - 1) * random.uniform(0.8, 1.2)  # noqa: S311
            context.put_back(delay_seconds=delay, code=code, message=message)
    except LeaseLost:
        return _stopped(context)
    return Disposition.delete()


def _classify(error: Exception, max_attempts: int) -> tuple[str, str, int]:
    """Code, message for people, and how many attempts such an error is worth."""
    if isinstance(error, PermanentFailure):
        return error.code, error.message, 0
    if isinstance(error, ComputeRefused):
        return error.reason, error.message, 0
    if isinstance(error, DomainError):
        return error.code, error.message, 0  # what a person would be refused, a job is refused for good
    if isinstance(error, (JobTimedOut, JobCancelled)):
        return "took_too_long", TOOK_TOO_LONG, min(POISON_ATTEMPTS, max_attempts)
    if isinstance(error, (ChildCrashed, ChildOutOfMemory)):
        return "too_demanding", TOO_DEMANDING, min(POISON_ATTEMPTS, max_attempts)
    return "internal_error", GAVE_UP, max_attempts
