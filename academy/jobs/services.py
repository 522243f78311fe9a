"""What people do to jobs: cancel them, and run them again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from academy.http.errors import DomainError, Missing, Refused
from academy.jobs.backend import JobTask, job_kinds, ring_dispatcher, tier_for
from academy.jobs.models import UNFINISHED_STATES, Job, JobState
from academy.jobs.queues import Tier
from academy.jobs.quotas import take_daily
from academy.traces.spans import Role, span

if TYPE_CHECKING:
    from academy.jobs.changes import Person

MANAGE_JOBS: Final = "jobs.manage"
CANCELLED: Final = "cancelled"
"""The reason of a job that was cancelled (academy/jobs/reasons.py)."""


class JobFinished(DomainError):
    """A job that has succeeded or failed cannot be cancelled."""

    code: ClassVar[str] = "job_finished"


class JobNotOver(DomainError):
    """Only what has failed or was cancelled is run again."""

    code: ClassVar[str] = "job_not_over"


def check_may_steer(person: Person, job: Job) -> None:
    """Raises ``Refused`` for who may neither submit jobs of this kind nor manage all."""
    task = job_kinds().get(job.kind)
    if person.may(MANAGE_JOBS) or (task is not None and task.permission and person.may(task.permission)):
        return
    raise Refused(_("Only who may submit this kind of job may cancel it or run it again."))


def check_may_cancel(person: Person, job: Job) -> None:
    """Raises ``Refused``, also for what no plan sells: a person's rights are withdrawn where they were asked for."""
    check_may_steer(person, job)
    task = job_kinds().get(job.kind)
    if task is not None and task.is_in_every_plan:
        raise Refused(_("This job is not cancelled here."))


def find_job(job_id: int) -> Job:
    """Raises ``Missing``."""
    job: Job | None = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise Missing
    return job


def cancel_jobs(jobs: QuerySet[Job]) -> int:
    """Cancel those of ``jobs`` that are not over, in the current transaction. Returns how many.

    Waiting ones are CANCELLED at once. A running one may write nothing from now on; its worker ends it within seconds,
    and it is CANCELLED then. For whatever is deleted: its jobs go first.
    """
    is_running = When(state=JobState.RUNNING, then=F("state"))
    count = jobs.filter(state__in=UNFINISHED_STATES, cancel_requested_at=None).update(
        # One statement, so that no move of a worker or of the dispatcher fits in between.
        state=Case(is_running, default=Value(JobState.CANCELLED.value)),
        finished_at=Case(When(state=JobState.RUNNING, then=F("finished_at")), default=Now()),
        cancel_requested_at=Now(),
        error_code=CANCELLED,
        error_message="",
    )
    if count:
        ring_dispatcher()  # places in the queue may be free
    return count


@transaction.atomic
def cancel_job(*, job_id: int) -> Job:
    """Cancel one job; again is no error. Raises ``Missing`` and ``JobFinished``."""
    cancel_jobs(Job.objects.filter(pk=job_id))
    job = find_job(job_id)
    if job.state in (JobState.SUCCEEDED, JobState.FAILED):
        raise JobFinished(_("The job is finished; there is nothing to cancel."))
    return job


@transaction.atomic
def retry_job(*, job_id: int, is_counted: bool = True) -> Job:
    """Queue a failed or cancelled job again, with all its attempts, once however often it is asked for.

    Raises ``Missing``, ``JobNotOver``, ``KindNotIncluded`` and, if ``is_counted``, ``DailyLimitReached``.
    """
    job = find_job(job_id)
    task = job_kinds().get(job.kind)
    if task is None:
        raise JobNotOver(_("This kind of job is not there any more."))
    tier = tier_for(task)
    links = [job.traceparent]  # what the request queues anew follows from it, and has to do with what was tried before
    with span("job.enqueue", role=Role.PRODUCER, links=links, job_id=job.pk, tenant_id=job.tenant_id) as queued:
        _queue_again(job, task, tier, traceparent=queued.traceparent)
        if is_counted and not task.is_in_every_plan:
            take_daily(job.kind)
        ring_dispatcher()
    return find_job(job_id)


def _queue_again(job: Job, task: JobTask, tier: Tier, *, traceparent: str) -> None:
    is_over = Job.objects.filter(pk=job.pk, state__in=(JobState.FAILED, JobState.CANCELLED))
    queued = is_over.exclude(arguments={}).update(  # emptied: what it was about was erased
        state=JobState.QUEUED,
        queue=tier.value,
        spent_attempts=F("attempt"),
        max_attempts=task.max_attempts,
        available_at=Now(),
        sent_at=None,
        started_at=None,
        lease_expires_at=None,
        cancel_requested_at=None,
        finished_at=None,
        progress=0.0,
        result=None,
        error_code="",
        error_message="",
        traceparent=traceparent,
    )
    if not queued:
        raise JobNotOver(_("The job has not failed and was not cancelled; it is not run again."))


def acknowledge_cancel(jobs: QuerySet[Job]) -> int:
    """CANCELLED, for those of ``jobs`` that were to be cancelled and are not over. Returns how many."""
    count = jobs.filter(state__in=UNFINISHED_STATES, cancel_requested_at__isnull=False).update(
        state=JobState.CANCELLED, finished_at=Coalesce("finished_at", Now()), lease_expires_at=None
    )
    if count:
        ring_dispatcher()
    return count
