"""What notices say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.notices.models import Notice, Subscription

HOLDINGS = (
    Holding(
        model=Subscription,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"session_id", "endpoint", "p256dh", "auth"}),
    ),
    Holding(model=Notice, about=lambda subject: Q(user__in=subject.users), fate=Fate.DELETED),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
