"""Statements that name a tenant table and not the tenant (academy/tenancy/statement_log.py)."""

from typing import Final

from prometheus_client import Counter

from academy.metrics import process  # noqa: F401  decides where the numbers below are kept

UNGUARDED: Final = Counter("academy_statements_without_tenant", "Statements without a predicate on their tenant.")
