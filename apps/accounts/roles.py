"""Who may do what: the one table of roles and permissions. The tests walk it against every URL."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.db import models


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    TEACHER = "teacher", "Teacher"
    ASSISTANT = "assistant", "Assistant"
    STUDENT = "student", "Student"
    GUARDIAN = "guardian", "Guardian"
    OPERATOR = "operator", "Platform operator"


class Permission(StrEnum):
    VIEW_STUDENTS = "students.view"
    MANAGE_STUDENTS = "students.manage"
    VIEW_EXAMS = "exams.view"
    MANAGE_EXAMS = "exams.manage"
    UPLOAD_FILES = "files.upload"
    SUBMIT_SCANS = "scans.submit"
    VIEW_SCANS = "scans.view"
    VIEW_JOBS = "jobs.view"


_ASSISTANT: Final = frozenset(
    {
        Permission.VIEW_STUDENTS,
        Permission.VIEW_EXAMS,
        Permission.UPLOAD_FILES,
        Permission.SUBMIT_SCANS,
        Permission.VIEW_SCANS,
        Permission.VIEW_JOBS,
    }
)
_TEACHER: Final = _ASSISTANT | {Permission.MANAGE_EXAMS}
_MANAGER: Final = _TEACHER | {Permission.MANAGE_STUDENTS}

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: _MANAGER,
    Role.MANAGER: _MANAGER,
    Role.TEACHER: _TEACHER,
    Role.ASSISTANT: _ASSISTANT,
    Role.STUDENT: frozenset(),
    Role.GUARDIAN: frozenset(),
    Role.OPERATOR: frozenset(),
}
