"""Academies and plans."""

from __future__ import annotations

from collections.abc import Mapping

from academy.tenancy.models import Plan, Tenant
from academy.tenancy.provisioning import create_tenant


def make_plan(code: str, job_kinds: Mapping[str, str]) -> Plan:
    """A plan that maps each kind of job to the tier that runs it."""
    return Plan.objects.create(code=code, name=code.title(), job_kinds=dict(job_kinds))


def make_academy(
    slug: str = "hana", *, name: str = "하나수학", plan: str = "basic", is_platform: bool = False
) -> Tenant:
    """A pooled academy on ``<slug>.<BASE_DOMAIN>`` with one of the starting plans, or another one by its code."""
    return create_tenant(slug=slug, name=name, plan=Plan.objects.get(code=plan), is_platform=is_platform)
