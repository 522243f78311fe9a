"""Whose courses are asked for."""

from __future__ import annotations

from rest_framework.request import Request

from apps.accounts.requests import person_of
from apps.accounts.roles import Sight
from apps.students.models import Student
from apps.students.requests import chosen_child


def child_of(request: Request) -> Student | None:
    """The child that a guardian acts for; nobody for everybody else. Raises ``Missing`` when none is chosen."""
    return chosen_child(request) if person_of(request).sight == Sight.CHILD else None
