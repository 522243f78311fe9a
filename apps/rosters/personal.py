"""What brought lists say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding, Subject
from apps.rosters.models import Roster
from apps.students.models import Student


def _names(subject: Subject) -> Q:
    """Lists with a phone or the number of this person."""
    numbers = Student.objects.filter(pk__in=subject.students).values_list("number", flat=True)
    return Q(named__has_any_keys=sorted({*subject.phones, *numbers}))


HOLDINGS = (
    Holding(
        model=Roster,
        about=_names,
        fate=Fate.DELETED,
        shown=("id", "created_at"),  # its rows speak of others
        files=lambda row: [row.key] if row.key else [],
    ),
    Holding(
        model=Roster,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at", "file_name"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
