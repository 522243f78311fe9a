"""Everything that writes students."""

from __future__ import annotations

import re
from typing import ClassVar

from django.db import IntegrityError, transaction

from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role
from apps.accounts.services.people import Invitation, invite_people
from apps.students.models import NUMBER_PATTERN, Guardianship, Student


class NumberTaken(DomainError):
    code: ClassVar[str] = "number_taken"


class NotAGuardian(DomainError):
    """The phone belongs to somebody who is something else here."""

    code: ClassVar[str] = "not_a_guardian"


def create_student(*, number: str, name: str) -> Student:
    """A new student. Raises ``Invalid`` for a malformed number and ``NumberTaken`` when the academy has it."""
    if not re.match(NUMBER_PATTERN, number):
        raise Invalid("A student number is 1 to 20 digits or capital letters.", attr="number")
    student = Student(number=number, name=name)
    try:
        with transaction.atomic():
            student.save()
    except IntegrityError as error:
        raise NumberTaken("A student of this academy has this number already.", attr="number") from error
    return student


def add_guardian(*, by: User, student_id: int, phone: str, name: str) -> User:
    """Let who has this phone act for the student. Somebody new is invited, a guardian of another child is not.

    Raises ``Missing``, ``Invalid``, ``NotAGuardian``, and as ``invite_people``.
    """
    if not Student.objects.filter(pk=student_id).exists():
        raise Missing
    number = parse_phone(phone)
    if number is None:
        raise Invalid("This is not a valid phone number.", attr="phone")
    guardian = User.objects.filter(phone=number).first()
    if guardian is None:
        [guardian] = invite_people(by=by, invitations=[Invitation(phone=number, name=name, role=Role.GUARDIAN)])
    elif guardian.role != Role.GUARDIAN:
        raise NotAGuardian("This phone number belongs to somebody who is not a guardian here.", attr="phone")
    Guardianship.objects.get_or_create(user=guardian, student_id=student_id)
    return guardian


def remove_guardian(*, student_id: int, user_id: int) -> None:
    """From the next request on this person no longer acts for the student. Raises ``Missing``."""
    removed, _ = Guardianship.objects.filter(student_id=student_id, user_id=user_id).delete()
    if not removed:
        raise Missing
