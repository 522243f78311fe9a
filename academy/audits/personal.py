"""What audits say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model

from academy.audits.models import AuditRun
from academy.tenancy.holdings import Holding

HOLDINGS: tuple[Holding, ...] = ()
NOT_PERSONAL: Mapping[type[Model], str] = {AuditRun: "counts of an audit"}
