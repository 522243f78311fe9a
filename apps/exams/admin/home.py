"""Today at a glance: what is to be looked at, what runs, what failed, what was read lately."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from academy.desk.charts import bars
from academy.desk.site import Block, academy_desk
from academy.http.disclosures import note_subjects
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.exams import queries

CHART_DAYS = 14
RECENT = 8


def glance(request: HttpRequest) -> dict[str, Any]:
    person = person_of(request)
    days = queries.pages_per_day(person, CHART_DAYS)
    results = list(queries.recent_results(person, RECENT))
    note_subjects(request, "student", [scan.student_id for scan in results if scan.student_id is not None])
    return {
        "today": queries.today(person),
        "many": queries.MANY,
        "chart": bars([(f"{day.month}/{day.day}", count) for day, count in days]),
        "page_count": sum(count for _, count in days),
        "days": CHART_DAYS,
        "results": results,
        "can_make_exams": person.may(Permission.MANAGE_EXAMS),
    }


academy_desk.blocks.append(Block("exams/glance.html", Permission.VIEW_SCANS, glance, 10))
