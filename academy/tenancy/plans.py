"""The plans a new deployment starts with. Operators may change the rows; only what is missing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from academy.tenancy.models import Plan

_TEXT: Final = ("documents.open_document", "documents.read_page", "documents.write_pdf")
_BASIC: Final[Mapping[str, str]] = {
    "exams.draw_blank_sheet": "basic",
    "exams.open_batch": "basic",
    "exams.print_sheets": "basic",
    "exams.read_scan": "basic",
    "homework.read_homework": "basic",
    "homework.register_worksheet": "basic",
    **dict.fromkeys(_TEXT, "basic"),
}

_VIDEO: Final[Mapping[str, str]] = {"lectures.prepare": "video", "videos.find_pages": "video"}
_RENDITIONS: Final[Mapping[str, str]] = {"lectures.write_renditions": "video"}

# Code -> (name, job kind -> the tier that runs it). The lite plan reads text, and has no answer sheets.
STARTING_PLANS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "lite": ("Lite", dict.fromkeys(_TEXT, "lite")),
    "basic": ("Basic", {**_BASIC, **_VIDEO}),
    "premium": ("Premium", {**dict.fromkeys(_BASIC, "premium"), **_VIDEO, **_RENDITIONS}),
}

# Code -> (job kind -> how many in a day): of pages, and of files to be taken apart into pages. A kind that is missing
# here has models.UNSTATED_DAILY_LIMIT.
STARTING_LIMITS: Final[Mapping[str, Mapping[str, int]]] = {
    "lite": {"documents.open_document": 100, "documents.read_page": 1_000, "documents.write_pdf": 100},
    "basic": {
        "exams.open_batch": 300,
        "exams.read_scan": 5_000,
        "homework.read_homework": 2_000,
        "lectures.prepare": 50,
        "videos.find_pages": 100,
        "documents.open_document": 300,
        "documents.read_page": 5_000,
        "documents.write_pdf": 300,
    },
    "premium": {
        "exams.open_batch": 3_000,
        "exams.read_scan": 50_000,
        "homework.read_homework": 20_000,
        "lectures.prepare": 500,
        "lectures.write_renditions": 500,
        "videos.find_pages": 1_000,
        "documents.open_document": 3_000,
        "documents.read_page": 50_000,
        "documents.write_pdf": 3_000,
    },
}


def ensure_plans() -> None:
    """Write the starting plans that are missing, and the limits of those that have none."""
    for code, (name, job_kinds) in STARTING_PLANS.items():
        limits = dict(STARTING_LIMITS.get(code, {}))
        defaults = {"name": name, "job_kinds": dict(job_kinds), "daily_limits": limits}
        plan, is_new = Plan.objects.get_or_create(code=code, defaults=defaults)
        if not is_new and not plan.daily_limits and limits:
            Plan.objects.filter(pk=plan.pk, daily_limits={}).update(daily_limits=limits)
