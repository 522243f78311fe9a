"""The outbox backend of Django's Tasks API: enqueueing writes a row and rings the dispatcher at commit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.db import connection
from django.db.models import Q
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext
from django_tasks import TaskResult, TaskResultStatus
from django_tasks.backends.base import BaseTaskBackend
from django_tasks.base import Task
from django_tasks.exceptions import TaskResultDoesNotExist

from academy.jobs.errors import KindNotIncluded
from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier
from academy.jobs.quotas import take_daily
from academy.tenancy.context import acting_tenant
from academy.traces.spans import Role, span

# The dispatcher listens on it. The payload is empty, so PostgreSQL folds a transaction's rings into one.
DOORBELL: Final = "jobs"

DEFAULT_TIME_LIMIT_SECONDS: Final = 60.0

_STATUS: Final = {
    JobState.QUEUED: TaskResultStatus.READY,
    JobState.SENT: TaskResultStatus.READY,
    JobState.RUNNING: TaskResultStatus.RUNNING,
    JobState.SUCCEEDED: TaskResultStatus.SUCCESSFUL,
    JobState.FAILED: TaskResultStatus.FAILED,
    JobState.CANCELLED: TaskResultStatus.FAILED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTask(Task[Any, Any]):
    """A kind of job. ``queue_name`` is the lowest tier that can run it; the plan may route it higher.

    ``is_in_every_plan`` is for what an academy is owed, not sold: no plan can lack it.
    """

    time_limit_seconds: float = field(default=DEFAULT_TIME_LIMIT_SECONDS)
    max_attempts: int = field(default=3)
    is_in_every_plan: bool = field(default=False)
    subject: str = field(default="")
    """What the first argument is the id of ("scan"), for whoever watches the job; "" for nothing."""
    permission: str = field(default="")
    """Who has it may submit jobs of this kind, cancel them and run them again; "": managers only."""
    # Of a person, for those who do not see everything: which jobs of this kind they see. Without it none.
    visible_to: Callable[[Any], Q] | None = field(default=None)

    @property
    def kind(self) -> str:
        """ "exams.read_scan" for ``apps.exams.tasks.read_scan``."""
        config = apps.get_containing_app_config(self.func.__module__)
        label = config.label if config else self.func.__module__
        return f"{label}.{self.func.__name__}"


@cache
def job_kinds() -> dict[str, JobTask]:
    """Every kind of job there is, found in the ``tasks`` module of every installed app."""
    autodiscover_modules("tasks")
    found: dict[str, JobTask] = {}
    for config in apps.get_app_configs():
        module = getattr(config.module, "tasks", None)
        for value in vars(module).values() if module else ():
            if isinstance(value, JobTask):
                found[value.kind] = value
    return found


def ring_dispatcher() -> None:
    """Wake the dispatcher when this transaction commits; a rolled-back one rings nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {DOORBELL}")


class OutboxBackend(BaseTaskBackend):
    """Jobs of the acting academy. Raises ``KindNotIncluded`` when its plan does not cover the kind, and
    ``DailyLimitReached``.
    """

    task_class = JobTask
    supports_defer = True
    supports_get_result = True

    def enqueue(self, task: Task[Any, Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        assert isinstance(task, JobTask)
        return self.result_of(enqueue_job(task, args=list(args), kwargs=dict(kwargs)))

    def get_result(self, result_id: str) -> TaskResult[Any]:
        job = Job.objects.filter(pk=int(result_id)).first()
        if job is None:
            raise TaskResultDoesNotExist(result_id)
        return self.result_of(job)

    def result_of(self, job: Job) -> TaskResult[Any]:
        result: TaskResult[Any] = TaskResult(
            task=job_kinds()[job.kind],
            id=str(job.pk),
            status=_STATUS[JobState(job.state)],
            enqueued_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            last_attempted_at=job.started_at,
            args=job.arguments.get("args", []),
            kwargs=job.arguments.get("kwargs", {}),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        object.__setattr__(result, "_return_value", job.result)
        return result


def enqueue_job(task: JobTask, *, args: list[Any], kwargs: dict[str, Any]) -> Job:
    """Write the job's row in the current transaction. Raises ``KindNotIncluded`` and ``DailyLimitReached``."""
    tier = tier_for(task)
    if not task.is_in_every_plan:
        take_daily(task.kind)
    with span("job.enqueue", role=Role.PRODUCER, kind=task.kind, tier=tier.value) as queued:
        job = Job(
            kind=task.kind,
            queue=tier.value,
            arguments={"args": args, "kwargs": kwargs},
            max_attempts=task.max_attempts,
            traceparent=queued.traceparent,
            **({"available_at": task.run_after} if task.run_after else {}),
        )
        job.save(force_insert=True)
        ring_dispatcher()
        queued.note(job_id=job.pk, tenant_id=job.tenant_id)
    return job


def tier_for(task: JobTask) -> Tier:
    """The queue the acting academy's plan routes ``task`` to. Raises ``KindNotIncluded``."""
    plan = acting_tenant().plan
    routed = plan.tier_of(task.kind) or (task.queue_name if task.is_in_every_plan else None)
    if routed not in list(Tier) or not Tier(routed).may_run(Tier(task.queue_name)):
        raise KindNotIncluded(gettext("The plan of this academy does not include this."))
    return Tier(routed)
