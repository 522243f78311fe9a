"""Whom a student or a guardian acts for, in this session."""

from __future__ import annotations

from typing import Final

from rest_framework.request import Request

from academy.http.errors import Missing
from apps.accounts.requests import person_of
from apps.accounts.roles import Role
from apps.students import queries
from apps.students.models import Student

# In the session: the id of the chosen child. What it may show is asked anew at each request.
CHILD_KEY: Final = "child"


def choose_child(request: Request, student_id: int) -> Student:
    """Act for this child from now on, in this session. Raises ``Missing`` for a child that is not theirs."""
    student = queries.children_of(person_of(request).pk).filter(pk=student_id).first()
    if student is None:
        raise Missing
    request._request.session[CHILD_KEY] = student.pk
    return student


def student_asking(request: Request) -> Student:
    """Whose own things are asked for: the student's themselves, or the chosen child's. Raises ``Missing``."""
    person = person_of(request)
    if person.role != Role.STUDENT:
        return chosen_child(request)
    student = queries.student_of(person.pk)
    if student is None:
        raise Missing
    return student


def student_meant(request: Request, student_id: int) -> Student:
    """The student themselves, or this child of the guardian's, whichever child is chosen now. Raises ``Missing``.

    For what was begun for one child and arrives once another was chosen.
    """
    person = person_of(request)
    is_student = person.role == Role.STUDENT
    theirs = Student.objects.filter(user_id=person.pk) if is_student else queries.children_of(person.pk)
    student = theirs.filter(pk=student_id).first()
    if student is None:
        raise Missing
    return student


def chosen_child(request: Request) -> Student:
    """The child that this guardian acts for: the chosen one, or the only one. Raises ``Missing``.

    A guardianship that ended since the child was chosen counts at once.
    """
    children = list(queries.children_of(person_of(request).pk))
    chosen = request._request.session.get(CHILD_KEY)
    found = next((child for child in children if child.pk == chosen), None)
    if found is None and chosen is None and len(children) == 1:
        return children[0]
    if found is None:
        raise Missing
    return found
