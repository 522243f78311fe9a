"""Who may do what: the one table of roles and permissions. The tests walk it against every URL."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    MANAGER = "manager", _("Manager")
    TEACHER = "teacher", _("Teacher")
    ASSISTANT = "assistant", _("Assistant")
    STUDENT = "student", _("Student")
    GUARDIAN = "guardian", _("Guardian")
    OPERATOR = "operator", _("Platform operator")


class Permission(StrEnum):
    VIEW_PEOPLE = "people.view"
    MANAGE_PEOPLE = "people.manage"
    SET_UP_ACADEMY = "academy.set_up"
    MANAGE_ACADEMY = "academy.manage"
    VIEW_STUDENTS = "students.view"
    MANAGE_STUDENTS = "students.manage"
    VIEW_CHILDREN = "children.view"
    CONSENT_FOR_CHILDREN = "children.consent"
    VIEW_COURSES = "courses.view"
    MANAGE_COURSES = "courses.manage"
    VIEW_ATTENDANCE = "attendance.view"
    TAKE_ATTENDANCE = "attendance.take"
    VIEW_OWN_RESULTS = "results.view_own"
    OBJECT_TO_RESULTS = "results.object"
    VIEW_EXAMS = "exams.view"
    MANAGE_EXAMS = "exams.manage"
    VIEW_HOMEWORK = "homework.view"
    SUBMIT_HOMEWORK = "homework.submit"
    MANAGE_HOMEWORK = "homework.manage"
    OWN_HOMEWORK = "homework.own"
    VIEW_LECTURES = "lectures.view"
    MANAGE_LECTURES = "lectures.manage"
    WATCH_LECTURES = "lectures.watch"
    UPLOAD_FILES = "files.upload"
    SUBMIT_SCANS = "scans.submit"
    VIEW_SCANS = "scans.view"
    REVIEW_SCANS = "scans.review"
    SUBMIT_DOCUMENTS = "documents.submit"
    VIEW_DOCUMENTS = "documents.view"
    VIEW_JOBS = "jobs.view"
    MANAGE_PRIVACY = "privacy.manage"
    VIEW_TRAIL = "trail.view"
    MANAGE_JOBS = "jobs.manage"
    SUBMIT_VIDEOS = "videos.submit"
    VIEW_VIDEOS = "videos.view"
    USE_DESK = "desk.use"
    OPERATE_PLATFORM = "platform.operate"


class Sight(StrEnum):
    """Which of the academy's courses a person sees, and with them what belongs to a course."""

    EVERYTHING = "everything"
    TAUGHT = "taught"
    OWN = "own"
    CHILD = "child"
    NOTHING = "nothing"


_ASSISTANT: Final = frozenset(
    {
        Permission.VIEW_STUDENTS,
        Permission.VIEW_COURSES,
        Permission.VIEW_ATTENDANCE,
        Permission.TAKE_ATTENDANCE,
        Permission.VIEW_EXAMS,
        Permission.VIEW_HOMEWORK,
        Permission.VIEW_LECTURES,
        Permission.SUBMIT_HOMEWORK,
        Permission.UPLOAD_FILES,
        Permission.SUBMIT_SCANS,
        Permission.VIEW_SCANS,
        Permission.REVIEW_SCANS,
        Permission.SUBMIT_DOCUMENTS,
        Permission.VIEW_DOCUMENTS,
        Permission.VIEW_JOBS,
        Permission.SUBMIT_VIDEOS,
        Permission.VIEW_VIDEOS,
        Permission.USE_DESK,
    }
)
_TEACHER: Final = _ASSISTANT | {Permission.MANAGE_EXAMS, Permission.MANAGE_HOMEWORK, Permission.MANAGE_LECTURES}
_MANAGER: Final = _TEACHER | {
    Permission.MANAGE_STUDENTS,
    Permission.MANAGE_COURSES,
    Permission.VIEW_PEOPLE,
    Permission.MANAGE_PEOPLE,
    Permission.MANAGE_PRIVACY,
    Permission.VIEW_TRAIL,
    Permission.MANAGE_JOBS,
    Permission.SET_UP_ACADEMY,
}
_OWNER: Final = _MANAGER | {Permission.MANAGE_ACADEMY}
# What families do with their own homework: send photos, hand them in, see what was read.
_OWN_HOMEWORK: Final = frozenset({Permission.OWN_HOMEWORK, Permission.UPLOAD_FILES})

ROLE_PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: _OWNER,
    Role.MANAGER: _MANAGER,
    Role.TEACHER: _TEACHER,
    Role.ASSISTANT: _ASSISTANT,
    # videos: their own
    Role.STUDENT: _OWN_HOMEWORK
    | {
        Permission.VIEW_COURSES,
        Permission.VIEW_OWN_RESULTS,
        Permission.OBJECT_TO_RESULTS,
        Permission.WATCH_LECTURES,
        Permission.SUBMIT_VIDEOS,
        Permission.VIEW_VIDEOS,
    },
    Role.GUARDIAN: _OWN_HOMEWORK
    | {
        Permission.VIEW_CHILDREN,
        Permission.CONSENT_FOR_CHILDREN,
        Permission.VIEW_COURSES,
        Permission.VIEW_OWN_RESULTS,
        Permission.OBJECT_TO_RESULTS,
        Permission.WATCH_LECTURES,
    },
    Role.OPERATOR: frozenset({Permission.OPERATE_PLATFORM}),
}

# Of what a permission is about, a person sees what their sight reaches; each noun's ``..._visible_to`` in its app's
# queries says what that is. What it does not reach is answered as if it were missing.
ROLE_SIGHT: Final[Mapping[Role, Sight]] = {
    Role.OWNER: Sight.EVERYTHING,
    Role.MANAGER: Sight.EVERYTHING,
    Role.TEACHER: Sight.TAUGHT,
    Role.ASSISTANT: Sight.TAUGHT,
    Role.STUDENT: Sight.OWN,
    Role.GUARDIAN: Sight.CHILD,
    Role.OPERATOR: Sight.NOTHING,
}

_FAMILIES: Final = frozenset({Role.STUDENT, Role.GUARDIAN})

# Whom one may invite, give another role, suspend and sign out: people who have, and are given, one of these roles.
# Operators are made on the platform's own machines, never over HTTP.
MANAGEABLE_ROLES: Final[Mapping[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset({Role.OWNER, Role.MANAGER, Role.TEACHER, Role.ASSISTANT}) | _FAMILIES,
    Role.MANAGER: frozenset({Role.TEACHER, Role.ASSISTANT}) | _FAMILIES,
    Role.TEACHER: frozenset(),
    Role.ASSISTANT: frozenset(),
    Role.STUDENT: frozenset(),
    Role.GUARDIAN: frozenset(),
    Role.OPERATOR: frozenset(),
}

# Whom a course may be given to.
TEACHING_ROLES: Final = frozenset({Role.OWNER, Role.MANAGER, Role.TEACHER, Role.ASSISTANT})

# Who is offered a second factor, and must have one where the academy says so.
STAFF_ROLES: Final = frozenset({Role.OWNER, Role.MANAGER, Role.TEACHER, Role.ASSISTANT, Role.OPERATOR})
