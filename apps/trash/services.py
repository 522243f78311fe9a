"""Deleting with 30 days to think it over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import Missing, Refused
from academy.jobs.models import Job
from academy.jobs.services import cancel_jobs
from academy.tenancy.base import TenantModel
from apps.accounts.models import User
from apps.trash import tasks
from apps.trash.gathering import Blocked, Gathered, gather, keys_of, people_of, places_of, uploads_of
from apps.trash.kinds import Kind, kind_of
from apps.trash.models import KEPT_DAYS, Deletion
from apps.trash.queries import deletions_visible_to
from apps.trash.recording import keep_rows, remove_rows, write_rows


@dataclass(frozen=True, slots=True)
class Loss:
    """What would go: the thing itself, and how many of what hangs on it."""

    row: TenantModel
    title: str
    counts: Mapping[type[TenantModel], int]


def look_at(*, by: User, kind: Kind, row_id: int) -> Loss:
    """What ``delete`` would take. Raises as it does."""
    gathered, row = _gathered(by, kind, row_id)
    return Loss(row, kind.title(row), {model: len(rows) for model, rows in gathered.rows.items()})


def delete(*, by: User, kind: Kind, row_id: int) -> Deletion:
    """Delete a thing with all that hangs on it; what is being read of it is cancelled. It can be undone for 30 days.

    Raises ``Missing`` for what ``by`` does not see, and ``Refused`` for what something else needs.
    """
    with transaction.atomic():
        gathered, row = _gathered(by, kind, row_id, for_update=True)
        _cancel_jobs(gathered)
        now = timezone.now()
        deletion = Deletion(
            created_at=now,
            kind=kind.code,
            row_id=row.pk,
            title=kind.title(row)[:255],
            counts={model._meta.label_lower: len(rows) for model, rows in gathered.rows.items()},
            loose=[[model._meta.label_lower, column, ids] for model, column, ids in gathered.loose],
            people=people_of(gathered.rows),
            places=places_of(gathered.rows),
            uploads=uploads_of(gathered.rows),
            ends_at=now + timedelta(days=KEPT_DAYS),
            deleted_by=by,
        )
        deletion.save(force_insert=True)
        keep_rows(deletion, gathered)
        remove_rows(gathered)
        deletion.job_id = int(tasks.end_deletion.using(run_after=deletion.ends_at).enqueue(deletion.pk).id)
        deletion.save(update_fields=["job"])
    return deletion


def restore(*, by: User, deletion_id: int) -> tuple[Deletion, int]:
    """Bring back what was deleted, and say how many rows could not come: what they belonged to is gone for good.

    Raises ``Missing``, and ``Refused`` where something new has its place.
    """
    with transaction.atomic():
        deletion = deletions_visible_to(by).select_for_update(of=("self",)).filter(pk=deletion_id).first()
        kind = kind_of(deletion.kind) if deletion is not None else None
        if deletion is None or kind is None or not by.may(kind.permission):
            raise Missing
        try:
            with transaction.atomic():
                left_out = write_rows(deletion)
        except IntegrityError as error:
            raise Refused(
                gettext("Something new has its place, e.g. the same number. Change that first, then restore this.")
            ) from error
        if not kind.model._default_manager.filter(pk=deletion.row_id).exists():
            raise Refused(gettext("What it belonged to is gone for good, so that it cannot be restored."))
        deletion.parts.all().delete()
        job_id, restored = deletion.job_id, deletion.pk
        deletion.delete()
        if job_id is not None:
            cancel_jobs(Job.objects.filter(pk=job_id))
        deletion.pk = restored
    return deletion, left_out


def _gathered(by: User, kind: Kind, row_id: int, *, for_update: bool = False) -> tuple[Gathered, Any]:
    if not by.may(kind.permission) or not kind.visible_to(by).filter(pk=row_id).exists():
        raise Missing
    rows = kind.model.objects.filter(pk=row_id)
    row = (rows.select_for_update(of=("self",)) if for_update else rows).first()  # what points at it waits
    if row is None:
        raise Missing
    try:
        return gather(row, also=kind.also, blocking=kind.blocking), row
    except Blocked as error:
        raise Refused(str(kind.refusal)) from error


def _cancel_jobs(gathered: Gathered) -> None:
    ids = {
        getattr(row, key.attname)
        for model, rows in gathered.rows.items()
        for key in keys_of(model)
        if key.related_model is Job
        for row in rows
    }
    cancel_jobs(Job.objects.filter(pk__in=ids - {None}))
