"""What the pages below a course have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from academy.desk.site import academy_desk
from academy.http.errors import Missing
from apps.accounts.requests import person_of
from apps.courses.models import Course
from apps.courses.queries import courses_visible_to
from apps.courses.services import MAX_AT_ONCE

MAX_SHOWN: Final = MAX_AT_ONCE
"""Students that a page shows: as many as one list of a day may name."""


def course_of(request: HttpRequest, course_id: int) -> Course:
    """The course, if the person sees it. Raises ``Missing``."""
    course = courses_visible_to(person_of(request)).filter(pk=course_id).first()
    if course is None:
        raise Missing
    return course


def course_url(name: str, course_id: int) -> str:
    return reverse(f"admin:courses_course_{name}", args=[course_id], current_app=academy_desk.name)


def render_below(
    request: HttpRequest, course: Course, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HttpResponse:
    """A page below the page of ``course``."""
    shown = {
        "course": course,
        "course_url": course_url("change", course.pk),
        "crumbs": [
            (_("Courses"), reverse("admin:courses_course_changelist", current_app=academy_desk.name)),
            (course.name, course_url("change", course.pk)),
        ],
        **context,
    }
    return academy_desk.render(request, template, shown, status=status)
