"""What the shared tables say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model

from academy.tenancy.holdings import Holding
from academy.tenancy.models import Domain, Plan, Tenant

HOLDINGS: tuple[Holding, ...] = ()
NOT_PERSONAL: Mapping[type[Model], str] = {
    Tenant: "an academy",
    Domain: "an academy's host",
    Plan: "what can be bought",
}
