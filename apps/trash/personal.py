"""What deleted things say about people: all that the rows said. An erasure does not wait for the 30 days."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding, Subject
from apps.trash.models import DeletedRows, Deletion


def _names(subject: Subject) -> list[str]:
    return [f"student:{pk}" for pk in sorted(subject.students)] + [f"user:{pk}" for pk in sorted(subject.users)]


HOLDINGS = (
    Holding(
        model=DeletedRows,
        about=lambda subject: Q(deletion__people__overlap=_names(subject)),
        fate=Fate.DELETED,
        shown=("id", "created_at", "model"),  # the rows speak of others, too
    ),
    Holding(
        model=Deletion,
        about=lambda subject: Q(people__overlap=_names(subject)),
        fate=Fate.DELETED,
        shown=("id", "created_at", "kind", "ends_at"),
        files=lambda deletion: deletion.places,
    ),
    Holding(
        model=Deletion,
        about=lambda subject: Q(deleted_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"deleted_by": None},
        shown=("id", "created_at", "kind", "row_id"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
