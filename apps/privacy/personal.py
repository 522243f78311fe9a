"""What exports and erasures say about people."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding, Subject
from apps.privacy.models import Erasure, Export, SubjectKind


def _about(subject: Subject) -> Q:
    found = Q(pk__in=())
    of_kind = chain(
        ((SubjectKind.USER, user) for user in subject.users),
        ((SubjectKind.STUDENT, student) for student in subject.students),
    )
    for kind, subject_id in of_kind:
        found |= Q(subject_kind=kind, subject_id=subject_id)
    return found


HOLDINGS = (
    Holding(
        model=Export,
        about=_about,
        fate=Fate.DELETED,
        hidden=frozenset({"archive_key"}),
        files=lambda export: [export.archive_key] if export.archive_key else [],
    ),
    Holding(
        model=Erasure,
        about=_about,
        fate=Fate.KEPT,
        shown=("id", "created_at", "state", "reason", "due_at", "erased_at", "certificate"),
        why="proof that the erasure was carried out; it names nobody",
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
