"""On the first page: homework that somebody has not handed in."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from academy.desk.labels import moment
from academy.desk.site import Block, academy_desk
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.homework.admin.frame import url_of
from apps.homework.queries import assignments_with_missing

_SHOWN: Final = 6


def missing(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    rows = [
        {
            "assignment": assignment,
            "count": assignment.missing_count,  # type: ignore[attr-defined]  # the query's
            "due": moment(assignment.due_at),
            "is_over": assignment.due_at < now,
            "url": url_of("assignment", "change", assignment.pk),
        }
        for assignment in assignments_with_missing(person_of(request))[:_SHOWN]
    ]
    return {"rows": rows, "list_url": url_of("assignment", "missing")}


academy_desk.blocks.append(Block("homework/missing.html", Permission.VIEW_HOMEWORK, missing, 20))
