"""The plans a new deployment starts with. Operators may change the rows; only what is missing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from academy.tenancy.models import Plan

_BASIC: Final[Mapping[str, str]] = {"exams.open_batch": "basic", "exams.read_scan": "basic"}

# Code -> (name, job kind -> the tier that runs it). The lite plan has no answer sheets.
STARTING_PLANS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "lite": ("Lite", {}),
    "basic": ("Basic", _BASIC),
    "premium": ("Premium", dict.fromkeys(_BASIC, "premium")),
}


def ensure_plans() -> None:
    """Write the starting plans that are missing."""
    for code, (name, job_kinds) in STARTING_PLANS.items():
        Plan.objects.get_or_create(code=code, defaults={"name": name, "job_kinds": dict(job_kinds)})
