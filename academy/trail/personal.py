"""What the trail says about people: numbers, kept as the law asks."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding, Subject
from academy.trail.models import TrailEntry


def _about(subject: Subject) -> Q:
    named = [f"user:{user}" for user in subject.users] + [f"student:{student}" for student in subject.students]
    return Q(actor_id__in=subject.users) | Q(subjects__overlap=named)


HOLDINGS = (
    Holding(
        model=TrailEntry,
        about=_about,
        fate=Fate.KEPT,
        shown=("id", "created_at", "action", "outcome"),  # not who else was concerned, nor who looked
        why="record of who handled personal data, which the law asks for; numbers only, kept one to two years",
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
