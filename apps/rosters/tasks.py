"""The kinds of job of this app: a list is read, a long one taken over in parts, an old one dropped."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import PermanentFailure
from academy.storage import s3
from academy.trail.recording import acting_as
from apps.accounts.roles import Permission
from apps.rosters.fields import columns_of, header_line
from apps.rosters.models import Roster
from apps.rosters.planning import named_in
from apps.rosters.recording import finish_roster, take_part, wrong_lines

MAX_FILE_BYTES: Final = 10 * 1024 * 1024
ROWS_AT_ONCE: Final = 200
"""Rows of one transaction: what a killed job has to do again, and how long others wait for a locked course."""
_GONE: Final = ("roster_deleted", "The list was deleted before it was processed.")


@task(
    queue_name="lite",
    time_limit_seconds=120.0,
    is_in_every_plan=True,
    subject="roster",
    permission=Permission.MANAGE_STUDENTS,
)
def read_roster(roster_id: int) -> None:
    """Read the rows of a sent list in the sandbox, and guess what its columns are. The file goes; the rows stay."""
    job = current_job()
    with transaction.atomic():
        roster = Roster.objects.filter(pk=roster_id).first()
    if roster is None:
        raise PermanentFailure(*_GONE)
    if roster.read_at is not None:
        return
    data = job.input_bytes(roster.key, max_bytes=MAX_FILE_BYTES)
    answer: list[list[Any]] = job.compute("workers.compute:read_table", data)
    rows = [(int(line), [str(cell) for cell in cells]) for line, cells in answer]
    place = header_line(rows)
    header = rows[place][1] if place is not None else []
    rows = rows[place + 1 :] if place is not None else rows
    key = roster.key
    with job.finishing(rows=len(rows)):
        Roster.objects.filter(pk=roster.pk).update(
            header=header, rows=rows, columns=columns_of(header), named=named_in(rows), read_at=timezone.now(), key=""
        )
    s3.erase_objects(key)


@task(
    queue_name="lite",
    time_limit_seconds=1800.0,
    is_in_every_plan=True,
    subject="roster",
    permission=Permission.MANAGE_STUDENTS,
)
def take_roster(roster_id: int) -> None:
    """Take a long list over, part by part. Killed anywhere, it goes on with the part that it was at."""
    job = current_job()
    with transaction.atomic():
        roster = Roster.objects.select_related("created_by").filter(pk=roster_id).first()
    if roster is None or roster.created_by is None:
        raise PermanentFailure(*_GONE)
    if roster.taken_at is not None:
        return
    by = roster.created_by
    if not by.may(Permission.MANAGE_STUDENTS):
        raise PermanentFailure("not_allowed_any_more", "Who brought the list may not manage students any more.")
    with transaction.atomic():
        wrong = wrong_lines(roster)  # of the whole list: a part alone does not see what stands in two
    for start in range(int(roster.outcome.get("next", 0)), len(roster.rows), ROWS_AT_ONCE):
        rows = roster.rows[start : start + ROWS_AT_ONCE]
        with acting_as(by, action="rosters.take_roster"), job.writing():
            take_part(roster, rows, wrong, by=by, following=start + ROWS_AT_ONCE)
        job.report_progress((start + ROWS_AT_ONCE) / len(roster.rows))
    with job.finishing(rows=len(roster.rows)):
        finish_roster(roster)


@task(queue_name="lite", time_limit_seconds=60.0, is_in_every_plan=True, max_attempts=8)
def drop_roster(roster_id: int) -> None:
    """Remove a list whose days are over."""
    job = current_job()
    with transaction.atomic():
        key = Roster.objects.filter(pk=roster_id).values_list("key", flat=True).first()
    if key:  # it could not be read
        s3.erase_objects(key)
    with job.finishing():
        Roster.objects.filter(pk=roster_id).delete()
