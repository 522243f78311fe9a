"""One look into the database for all streams of one academy: who may still watch, and what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import close_old_connections, transaction
from django.utils import translation

from academy.jobs.changes import Changes, JobRow, Position, changes_since, jobs_visible_to, may_know_of_jobs
from academy.jobs.models import Job
from academy.streams.framing import job_event
from academy.streams.seats import Account, AccountsOfSessions, Seat, standing_of
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant, TenantStatus


@dataclass(frozen=True, slots=True)
class Round:
    """What was found. ``visible``: person -> the jobs of these changes they may know of, ``None`` for all.

    ``events`` are written once per language, for everybody.
    """

    changes: Changes
    admitted: frozenset[Seat]
    visible: Mapping[int, frozenset[int] | None]
    events: Mapping[tuple[int, str], bytes]


def look(
    tenant_id: int,
    seats: Collection[Seat],
    accounts_of: AccountsOfSessions,
    *,
    position: Position,
    reading_from: Position | None = None,
) -> Round | None:
    """Read in one short transaction; ``None`` when the academy is not open. Raises ``DatabaseError``.

    Five statements, whatever the number of streams, and one more for each person who may not know of every job.
    """
    close_old_connections()
    try:
        tenant = Tenant.objects.select_related("plan").filter(pk=tenant_id, status=TenantStatus.ACTIVE).first()
        if tenant is None:
            return None
        with acting_for(tenant), transaction.atomic():
            accounts = accounts_of({seat.session_key for seat in seats})
            admitted = {seat: accounts[seat.session_key] for seat in seats if _is_as_before(seat, accounts, tenant)}
            changes = changes_since(position, Job.objects.all(), reading_from=reading_from)
            people = {account.pk: account for account in admitted.values()}
            visible = {pk: _visible(account, changes.rows) for pk, account in people.items()}
    finally:
        close_old_connections()
    languages = {seat.language for seat in admitted}
    return Round(changes, frozenset(admitted), visible, _events(changes.rows, languages))


def _is_as_before(seat: Seat, accounts: Mapping[str, Account], tenant: Tenant) -> bool:
    account = accounts.get(seat.session_key)
    if account is None or not may_know_of_jobs(account):
        return False
    return standing_of(account, is_second_factor_required=tenant.mfa_required_for_staff) == seat.standing


def _visible(account: Account, rows: list[JobRow]) -> frozenset[int] | None:
    if account.sees_everything:
        return None
    ids = jobs_visible_to(account, {row["kind"] for row in rows}).filter(pk__in=[row["id"] for row in rows])
    return frozenset(ids.values_list("pk", flat=True))


def _events(rows: list[JobRow], languages: Collection[str]) -> dict[tuple[int, str], bytes]:
    written: dict[tuple[int, str], bytes] = {}
    for language in languages:
        with translation.override(language):
            written |= {(row["id"], language): job_event(row) for row in rows}
    return written
