"""What counters say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model

from academy.limits.models import Counter
from academy.tenancy.holdings import Holding

HOLDINGS: tuple[Holding, ...] = ()
NOT_PERSONAL: Mapping[type[Model], str] = {Counter: "keyed by a hash with a secret, gone when its window ends"}
