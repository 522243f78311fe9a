"""Kinds of job whose effect can be counted: a student for each time that one was recorded."""

from __future__ import annotations

import secrets

from django_tasks import task

from academy.jobs.context import current_job
from apps.students.services import create_student


def record_effect() -> None:
    """A student named for the job. The number is random, so that a second effect is a row, and not a conflict."""
    create_student(number=secrets.token_hex(8).upper(), name=str(current_job().job.pk))


@task(queue_name="lite", time_limit_seconds=60.0, max_attempts=20)
def work(duration_id: int) -> None:
    """Compute for so many milliseconds in the sandbox, then record the effect with the end."""
    job = current_job()
    if duration_id:
        job.compute("tests.faults.computing:work", duration_id, on_progress=job.report_progress)
    with job.finishing(milliseconds=duration_id):
        record_effect()


@task(queue_name="lite", time_limit_seconds=60.0)
def crash(_id: int) -> None:
    """Die in the child."""
    current_job().compute("tests.faults.computing:crash")


@task(queue_name="lite", time_limit_seconds=60.0)
def nothing(_id: int) -> None:
    """What the benchmark times: no computation, no record."""
