"""What has changed of an academy's jobs, read from their rows so that nothing is missed and nothing is remembered.

A row holds the transaction that changed it last (``changed_in``). Numbers are given when a transaction begins to write
and seen when it commits, so that a smaller one may appear after a larger one: what is settled is what lies below the
oldest transaction that still writes (``pg_snapshot_xmin``). A reader goes on from there. It may meet what is above
twice, and misses none; a state that is told twice is the same state.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final, Protocol, Self, TypedDict

from django.db import connection
from django.db.models import Q, QuerySet

from academy.jobs.backend import job_kinds
from academy.jobs.models import UNFINISHED_STATES, Job
from academy.jobs.reasons import text_of

# The triggers of migration 0004 ring it; the payload is the academy's id.
BELL: Final = "job_changed"
PAGE_ROWS: Final = 500
# Whoever missed more than this is shown what is unfinished instead, and told so.
RESUME_ROWS: Final = 1_000

_POSITION: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_COLUMNS: Final = ("id", "kind", "state", "progress", "error_code", "arguments", "changed_in")


class Person(Protocol):
    """Who asks: a row of the accounts, as far as jobs care."""

    pk: int

    @property
    def sees_everything(self) -> bool: ...

    def may(self, permission: str) -> bool: ...


class JobRow(TypedDict):
    id: int
    kind: str
    state: str
    progress: float
    error_code: str
    arguments: dict[str, Any]
    changed_in: int


class Subject(TypedDict):
    kind: str
    id: int


class ShownJob(TypedDict):
    """A job as streams and polling show it."""

    id: int
    kind: str
    state: str
    progress: float
    error_code: str
    error_message: str
    object: Subject | None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Up to where changes were read: past the row with this ``changed_in`` and id, in this order."""

    transaction: int
    job: int = 0

    def __str__(self) -> str:
        return f"{self.transaction}.{self.job}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The position that ``str`` wrote; ``None`` for anything else."""
        found = _POSITION.fullmatch(text)
        return cls(int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Changes:
    """``rows`` by age of their change. ``position``: all before it was read, now or earlier.

    When ``is_full`` there may be more, and reading goes on from ``next``, which no later reader can begin from.
    """

    rows: list[JobRow]
    position: Position
    next: Position
    is_full: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What somebody who begins to watch is shown; ``is_resumed`` when it is all that they missed."""

    rows: list[JobRow]
    position: Position
    is_resumed: bool


def may_know_of_jobs(person: Person) -> bool:
    return person.may("jobs.view")


def jobs_visible_to(person: Person, kinds: Collection[str] | None = None) -> QuerySet[Job]:
    """Which jobs of the acting academy ``person`` may know of, if only of these ``kinds``.

    The one place that decides it, for one job, for streams and for polling. Who does not see everything in the
    academy sees of each kind what it says, and nothing of a kind that says nothing. Each kind costs a condition that
    takes some 2 ms to write down: name the kinds where they are known, or ask ``visible_among``.
    """
    if not may_know_of_jobs(person):
        return Job.objects.none()
    if person.sees_everything:
        return Job.objects.all() if kinds is None else Job.objects.filter(kind__in=kinds)
    rules = [
        Q(kind=name) & task.visible_to(person)
        for name, task in job_kinds().items()
        if task.visible_to is not None and (kinds is None or name in kinds)
    ]
    return Job.objects.filter(reduce(or_, rules)) if rules else Job.objects.none()


def visible_among(person: Person, jobs: QuerySet[Job]) -> QuerySet[Job]:
    """Those of a few ``jobs`` that ``person`` may know of. Asks of what kinds they are: mostly of none or one."""
    kinds = None if person.sees_everything else set(jobs.order_by().values_list("kind", flat=True).distinct())
    return jobs & jobs_visible_to(person, kinds)


def changes_since(
    position: Position, jobs: QuerySet[Job], *, limit: int = PAGE_ROWS, reading_from: Position | None = None
) -> Changes:
    """The first ``limit`` of ``jobs`` that changed after ``position``, or the next after ``reading_from``."""
    settled, ceiling = _horizon()
    start = reading_from or position
    after = Q(changed_in__gt=start.transaction) | Q(changed_in=start.transaction, id__gt=start.job)
    recent = jobs.filter(after, changed_in__gte=start.transaction, changed_in__lt=ceiling)
    rows = _rows(recent.order_by("changed_in", "id")[:limit])
    end = max(position, Position(settled))
    if len(rows) < limit:
        return Changes(rows, end, end, is_full=False)
    last = position_of(rows[-1])
    return Changes(rows, min(last, end), last, is_full=True)


def opening_for(person: Person, *, named: Collection[int] | None, since: Position | None) -> Opening:
    """What changed since, or what there is now: the jobs that are ``named``, otherwise those that are not over."""
    settled, ceiling = _horizon()
    if since is not None and since.transaction > ceiling:  # of another cluster, or made up
        since = None
    jobs = Job.objects.all() if named is None else Job.objects.filter(pk__in=named)
    if since is not None:
        changed = visible_among(person, jobs.filter(changed_in__gte=since.transaction))
        changes = changes_since(since, changed, limit=RESUME_ROWS)
        if not changes.is_full:
            return Opening(changes.rows, changes.position, is_resumed=True)
    if named is None:
        jobs = jobs.filter(state__in=UNFINISHED_STATES)
    rows = _rows(visible_among(person, jobs).order_by("-id")[:PAGE_ROWS])
    return Opening(rows[::-1], Position(settled), is_resumed=False)


def position_of(row: JobRow) -> Position:
    return Position(row["changed_in"], row["id"])


def shown(row: JobRow) -> ShownJob:
    """The job as a person sees it, its failure in the active language."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "state": row["state"],
        "progress": row["progress"],
        "error_code": row["error_code"],
        "error_message": text_of(row["error_code"]),
        "object": _subject(row),
    }


def _subject(row: JobRow) -> Subject | None:
    task = job_kinds().get(row["kind"])
    first = next(iter(row["arguments"].get("args", [])), None)
    if task is None or not task.subject or not isinstance(first, int):
        return None
    return {"kind": task.subject, "id": first}


def _rows(jobs: QuerySet[Job]) -> list[JobRow]:
    return list(jobs.values(*_COLUMNS))


def _horizon() -> tuple[int, int]:
    """Below the first number every transaction has ended; none that was seen to end has the second or a larger one.

    A row can hold a larger one where it was restored from another cluster: it counts as unchanged.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_snapshot_xmin(seen)::text::bigint, pg_snapshot_xmax(seen)::text::bigint"
            " FROM pg_current_snapshot() AS seen"
        )
        settled, ceiling = cursor.fetchone()
    return int(settled), int(ceiling)
