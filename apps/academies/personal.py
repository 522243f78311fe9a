"""What logos say about people: who sent them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.academies.models import Logo

HOLDINGS = (
    Holding(
        model=Logo,
        about=lambda subject: Q(created_by__in=subject.users),
        fate=Fate.EMPTIED,
        emptied={"created_by": None},
        shown=("id", "created_at"),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
