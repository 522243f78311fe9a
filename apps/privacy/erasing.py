"""Taking a person out of an academy: rows first, in one transaction, then every version of every file."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any, Final

from academy.audits.signing import sign
from academy.jobs.models import Job
from academy.tenancy.context import acting_tenant
from academy.tenancy.holdings import Fate, Subject, holdings
from apps.privacy.models import Erasure

CERTIFICATE: Final = "privacy.erasure"
VERSION: Final = 1
# What no erasure reaches at once. Stated in each certificate, as the law on personal data asks.
LASTS: Final = (
    "database backups: overwritten within 35 days",
    "access log of who handled personal data: account and row numbers only, kept as the law requires",
    "text messages: with the telephone company",
)


class StillBeingRead(Exception):
    """A file with a page of this person is being worked on. Later the erasure can go on."""


def erase_rows(subject: Subject) -> dict[str, Any]:
    """Delete or empty every row about the person, in the current transaction.

    Returns what remains to be done outside the database: ``{"rows": {table: count}, "places": [S3 keys and prefixes],
    "jobs": [ids]}``. Raises ``StillBeingRead``, before anything is written.
    """
    if any(holding.is_busy(subject) for holding in holdings()):
        raise StillBeingRead
    # All is found before any of it goes: rows are found through others.
    found = [
        (holding, list(holding.model._default_manager.select_for_update(of=("self",)).filter(holding.about(subject))))
        for holding in holdings()
        if holding.fate != Fate.KEPT
    ]
    rows: Counter[str] = Counter()
    places: set[str] = set()
    jobs: set[int] = set()
    for holding, about in found:
        if not about:
            continue
        places.update(place for row in about for place in holding.files(row))
        chosen = holding.model._default_manager.filter(pk__in=[row.pk for row in about])
        if holding.model is Job:
            jobs.update(row.pk for row in about)
        if holding.fate == Fate.EMPTIED:
            chosen.update(**holding.emptied)
        else:
            chosen.delete()
        rows[f"{holding.model._meta.label_lower} {holding.fate.value}"] += len(about)
    return {"rows": dict(rows), "places": sorted(places), "jobs": sorted(jobs)}


def count_rows_left(subject: Subject) -> int:
    """Rows that should have gone and are there, e.g. written by a job that ran meanwhile."""
    return sum(
        holding.model._default_manager.filter(holding.about(subject)).count()
        for holding in holdings()
        if holding.fate == Fate.DELETED
    )


def make_certificate(erasure: Erasure, *, erased_at: datetime, letter_count: int) -> dict[str, Any]:
    """What was erased, signed. It holds numbers and counts and names nobody."""
    content = {
        "version": VERSION,
        "academy": acting_tenant().slug,
        "erasure": erasure.pk,
        "subject": {"kind": erasure.subject_kind, "id": erasure.subject_id},
        "asked_at": erasure.created_at.isoformat(),
        "asked_by": erasure.asked_by_id,
        "approved_by": erasure.approved_by_id,
        "erased_at": erased_at.isoformat(),
        "rows": erasure.remains["rows"],
        "files": {"count": erasure.remains["files"], "versions": erasure.remains["versions"]},
        "dead_letters": letter_count,
        "kept": {holding.model._meta.label_lower: holding.why for holding in holdings() if holding.fate == Fate.KEPT},
        "lasts": list(LASTS),
    }
    return sign(content, purpose=CERTIFICATE)
