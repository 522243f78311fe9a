"""Which courses a role sees: said for every role, and nobody who may see students or exams sees none by a slip."""

from __future__ import annotations

from apps.accounts.models import User
from apps.accounts.roles import ROLE_PERMISSIONS, ROLE_SIGHT, TEACHING_ROLES, Permission, Role, Sight


def test_every_role_has_its_sight() -> None:
    assert set(ROLE_SIGHT) == set(Role)
    assert {role for role, sight in ROLE_SIGHT.items() if sight is Sight.EVERYTHING} == {Role.OWNER, Role.MANAGER}
    assert {role for role, sight in ROLE_SIGHT.items() if sight is Sight.TAUGHT} == {Role.TEACHER, Role.ASSISTANT}


def test_whoever_manages_courses_sees_them_all() -> None:
    """Else they could give themselves a course and see it by that."""
    managing = {role for role in Role if Permission.MANAGE_COURSES in ROLE_PERMISSIONS[role]}
    assert managing == {role for role, sight in ROLE_SIGHT.items() if sight is Sight.EVERYTHING}


def test_whoever_may_be_given_a_course_sees_it() -> None:
    assert {role for role in Role if ROLE_SIGHT[role] in (Sight.EVERYTHING, Sight.TAUGHT)} == TEACHING_ROLES


def test_a_suspended_person_sees_nothing() -> None:
    for role in Role:
        assert User(role=role, is_active=False).sight is Sight.NOTHING
        assert not User(role=role, is_active=False).sees_everything
