"""What texts say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model

from academy.sms.models import OutboxText
from academy.tenancy.holdings import Holding

HOLDINGS: tuple[Holding, ...] = ()
NOT_PERSONAL: Mapping[type[Model], str] = {OutboxText: "development only: empty wherever there are real people"}
