"""What people do with the lists that they bring."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import is_unfinished
from academy.storage import s3
from academy.storage.services import TABLE_TYPES, use_upload
from apps.accounts.models import User
from apps.rosters import tasks
from apps.rosters.fields import Field
from apps.rosters.models import KEPT_DAYS, Roster
from apps.rosters.queries import rosters_visible_to
from apps.rosters.recording import finish_roster, take_part, wrong_lines

ROWS_IN_A_REQUEST: Final = 200
"""Lists up to this long are taken over while the person waits, some two seconds; longer ones by a job."""
MAX_PASTED_CHARACTERS: Final = 300_000


class RosterNotReady(DomainError):
    """It is still being read, or was taken over already."""

    code: ClassVar[str] = "roster_not_ready"


def bring_roster(*, by: User, upload_id: int | None = None, pasted: str = "") -> Roster:
    """Take a sent file, or pasted rows, as a list and queue its reading.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, and ``Invalid`` for another kind of file or no rows.
    """
    with transaction.atomic():
        if upload_id is not None:
            upload = use_upload(upload_id=upload_id, by=by)
            if upload.content_type not in TABLE_TYPES:
                raise Invalid(gettext("Only Excel (.xlsx) and CSV files are read."), attr="upload")
            roster = Roster(file_name=upload.file_name, key=upload.key, created_by=by)
        elif pasted.strip():
            key = s3.tenant_key("rosters", secrets.token_hex(16))
            s3.write_object(key, pasted.encode("utf-8", "replace"), content_type="text/csv")
            roster = Roster(key=key, created_by=by)
        else:
            raise Invalid(gettext("Choose a file or paste the rows."), attr="pasted")
        roster.save()
        roster.job_id = int(tasks.read_roster.enqueue(roster.pk).id)
        roster.save(update_fields=["job"])
        tasks.drop_roster.using(run_after=timezone.now() + timedelta(days=KEPT_DAYS)).enqueue(roster.pk)
    return roster


def set_columns(*, by: User, roster_id: int, columns: Sequence[str]) -> Roster:
    """Say which field each column of the list is. Raises ``Missing``, ``RosterNotReady``, ``Invalid``."""
    with transaction.atomic():
        roster = _ready(by, roster_id)
        named = [name for name in columns if name]
        if any(name not in list(Field) for name in named) or len(set(named)) < len(named):
            raise Invalid(gettext("Choose each kind of column once."), attr="columns")
        roster.columns = list(columns)
        roster.save(update_fields=["columns"])
    return roster


def take_over(*, by: User, roster_id: int) -> Roster:
    """Take over all rows that can be. A long list is left to a job.

    Raises ``Missing``, ``RosterNotReady``, and ``Invalid`` when nothing says who a row is about.
    """
    with transaction.atomic():
        roster = _ready(by, roster_id)
        if not {Field.NUMBER, Field.PHONE} & set(roster.columns):
            raise Invalid(gettext("Say which column is the student number."), attr="columns")
        roster.created_by = by  # who agreed is who writes
        if len(roster.rows) > ROWS_IN_A_REQUEST:
            roster.job_id = int(tasks.take_roster.enqueue(roster.pk).id)
            roster.save(update_fields=["created_by", "job"])
            return roster
        roster.save(update_fields=["created_by"])
        take_part(roster, roster.rows, wrong_lines(roster), by=by, following=len(roster.rows))
        finish_roster(roster)
    return roster


def _ready(by: User, roster_id: int) -> Roster:
    found = rosters_visible_to(by).select_related("job").filter(pk=roster_id)
    roster = found.select_for_update(of=("self",)).first()
    if roster is None:
        raise Missing
    is_busy = is_unfinished(roster.job)
    if roster.read_at is None or roster.taken_at is not None or is_busy:
        raise RosterNotReady(gettext("The list is still being processed, or was taken over already."))
    return roster
