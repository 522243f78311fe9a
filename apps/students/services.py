"""Everything that writes students."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import ClassVar

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role
from apps.accounts.services.access import bar
from apps.accounts.services.people import Invitation, invite_people
from apps.students import queries
from apps.students.consent_texts import CURRENT_VERSION, LANGUAGES
from apps.students.deleting import GUARDIANSHIP
from apps.students.models import (
    EARLIEST_BIRTH_YEAR,
    NUMBER_PATTERN,
    GuardianConsent,
    Guardianship,
    How,
    Student,
)
from apps.trash.services import delete


class NumberTaken(DomainError):
    code: ClassVar[str] = "number_taken"


class NotAGuardian(DomainError):
    """The phone belongs to somebody who is something else here."""

    code: ClassVar[str] = "not_a_guardian"


class NotAStudent(DomainError):
    """The phone belongs to somebody who is something else here, or is another student's."""

    code: ClassVar[str] = "not_a_student"

    def __init__(self) -> None:
        super().__init__(gettext("This phone number belongs to somebody else here."), attr="phone")


class AccountTaken(DomainError):
    code: ClassVar[str] = "has_account"

    def __init__(self) -> None:
        super().__init__(gettext("This student has an account already."))


class ConsentDue(DomainError):
    """A student who may be under 14 gets no account before a guardian has consented."""

    code: ClassVar[str] = "consent_due"

    def __init__(self) -> None:
        super().__init__(
            gettext("This student may be under 14: a guardian has to consent first, or the year of birth to be noted.")
        )


class ConsentTextChanged(DomainError):
    """What the guardian read is not what they would be agreeing to."""

    code: ClassVar[str] = "consent_text_changed"

    def __init__(self) -> None:
        super().__init__(gettext("The text has changed since it was shown. Please read the new one."), attr="version")


def create_student(*, number: str, name: str, birth_year: int | None = None) -> Student:
    """A new student. Raises ``Invalid`` for a malformed number or a year to come, ``NumberTaken`` for a known one."""
    _check_number(number)
    _check_birth_year(birth_year)
    student = Student(number=number, name=name, birth_year=birth_year)
    with _number_once():
        student.save()
    return student


def change_student(*, student_id: int, number: str, name: str) -> Student:
    """Give a student another number or name. Raises ``Missing`` and as ``create_student``."""
    _check_number(number)
    student = Student.objects.filter(pk=student_id).first()
    if student is None:
        raise Missing
    student.number, student.name = number, name
    with _number_once():
        student.save(update_fields=["number", "name"])
    return student


def _check_number(number: str) -> None:
    if not re.match(NUMBER_PATTERN, number):
        raise Invalid(gettext("A student number is 1 to 20 digits or capital letters."), attr="number")


@contextmanager
def _number_once() -> Iterator[None]:
    """What the database refuses inside is a number that somebody has. Raises ``NumberTaken``."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise NumberTaken(gettext("A student of this academy has this number already."), attr="number") from error


def add_guardian(*, by: User, student_id: int, phone: str, name: str, is_texted: bool = True) -> User:
    """Let who has this phone act for the student. Somebody new is invited, a guardian of another child is not.

    Without ``is_texted`` they are invited later.

    Raises ``Missing``, ``Invalid``, ``NotAGuardian``, and as ``invite_people``.
    """
    if not Student.objects.filter(pk=student_id).exists():
        raise Missing
    number = parse_phone(phone)
    if number is None:
        raise Invalid(gettext("This is not a valid phone number."), attr="phone")
    guardian = User.objects.filter(phone=number).first()
    if guardian is None:
        invitation = Invitation(phone=number, name=name, role=Role.GUARDIAN)
        [guardian] = invite_people(by=by, invitations=[invitation], is_texted=is_texted)
    elif guardian.role != Role.GUARDIAN:
        raise NotAGuardian(gettext("This phone number belongs to somebody who is not a guardian here."), attr="phone")
    Guardianship.objects.get_or_create(user=guardian, student_id=student_id)
    return guardian


def remove_guardian(*, by: User, student_id: int, user_id: int) -> None:
    """From the next request on this person no longer acts for the student; it can be undone. Raises ``Missing``."""
    found = Guardianship.objects.filter(student_id=student_id, user_id=user_id).values_list("pk", flat=True).first()
    if found is None:
        raise Missing
    delete(by=by, kind=GUARDIANSHIP, row_id=found)


def set_birth_year(*, student_id: int, birth_year: int | None) -> Student:
    """Note when the student was born. Whoever turns out to need a consent that there is not is signed out.

    Raises ``Missing``, ``Invalid``.
    """
    _check_birth_year(birth_year)
    with transaction.atomic():
        student = _locked(student_id)
        student.birth_year = birth_year
        student.save(update_fields=["birth_year"])
        _follow_consent(student)
    return student


def give_account(*, by: User, student_id: int, phone: str, is_texted: bool = True) -> User:
    """Let the student sign in with this phone; somebody new is invited, without ``is_texted`` later.

    Raises ``Missing``, ``Invalid``, ``AccountTaken``, ``ConsentDue``, ``NotAStudent``, and as ``invite_people``.
    """
    number = parse_phone(phone)
    if number is None:
        raise Invalid(gettext("This is not a valid phone number."), attr="phone")
    with transaction.atomic():
        student = _locked(student_id)
        if student.user_id is not None:
            raise AccountTaken
        if student.needs_consent and not queries.has_consent(student.pk):
            raise ConsentDue
        user = User.objects.filter(phone=number).first()
        if user is None:
            invitation = Invitation(phone=number, name=student.name, role=Role.STUDENT)
            [user] = invite_people(by=by, invitations=[invitation], is_texted=is_texted)
        elif user.role != Role.STUDENT or Student.objects.filter(user=user).exists():
            raise NotAStudent
        student.user = user
        student.save(update_fields=["user"])
        _follow_consent(student)
    return user


def give_consent(*, guardian: User, student_id: int, version: int, language: str) -> GuardianConsent:
    """The consent of a guardian of this student to the text that they were shown. Giving it twice gives it once.

    Raises ``Missing`` for a child that is not theirs, and ``ConsentTextChanged``.
    """
    if not Guardianship.objects.filter(user=guardian, student_id=student_id).exists():
        raise Missing
    if version != CURRENT_VERSION or language not in LANGUAGES:
        raise ConsentTextChanged
    return _consent(
        student_id,
        GuardianConsent(
            guardian=guardian,
            signed_by=guardian.name,
            how=How.IN_APP,
            text_version=version,
            text_language=language,
            consented_at=timezone.now(),
        ),
    )


def note_consent(
    *, by: User, student_id: int, signed_by: str, signed_on: date, version: int, language: str, guardian: int | None
) -> GuardianConsent:
    """A consent on paper, which ``by`` has seen. ``guardian`` is the account of who signed, if they have one.

    Raises ``Missing``, ``ConsentTextChanged`` for a text that there never was, and ``Invalid`` for a day to come.
    """
    if signed_on > timezone.localdate():
        raise Invalid(gettext("This day is still to come."), attr="signed_on")
    if not 1 <= version <= CURRENT_VERSION or language not in LANGUAGES:
        raise ConsentTextChanged
    if guardian is not None and not Guardianship.objects.filter(user_id=guardian, student_id=student_id).exists():
        raise Missing
    return _consent(
        student_id,
        GuardianConsent(
            guardian_id=guardian,
            signed_by=signed_by,
            how=How.ON_PAPER,
            noted_by=by,
            text_version=version,
            text_language=language,
            consented_at=timezone.make_aware(datetime.combine(signed_on, time())),
        ),
    )


def withdraw_consent(*, by: User, student_id: int) -> None:
    """End whatever was agreed to for this student; the student's sessions end at once while they need it.

    A guardian withdraws for a child of theirs, staff for whoever told them. Raises ``Missing``.
    """
    if by.role == Role.GUARDIAN and not Guardianship.objects.filter(user=by, student_id=student_id).exists():
        raise Missing
    with transaction.atomic():
        student = _locked(student_id)
        standing = GuardianConsent.objects.filter(student=student, withdrawn_at=None)
        if standing.update(withdrawn_at=timezone.now(), withdrawn_by=by):
            _follow_consent(student)


def _consent(student_id: int, consent: GuardianConsent) -> GuardianConsent:
    with transaction.atomic():
        student = _locked(student_id)
        standing = GuardianConsent.objects.filter(student=student, text_version=consent.text_version, withdrawn_at=None)
        found = standing.first()
        if found is not None:
            return found
        consent.student = student
        consent.save(force_insert=True)
        _follow_consent(student)
    return consent


def _locked(student_id: int) -> Student:
    """The student, the row locked: of a consent withdrawn and an account given at once one sees the other."""
    student = Student.objects.filter(pk=student_id).select_for_update(of=("self",)).first()
    if student is None:
        raise Missing
    return student


def _follow_consent(student: Student) -> None:
    # Who has an account from before the year was asked keeps it until somebody notes the year, or withdraws.
    user = User.objects.filter(pk=student.user_id).first() if student.user_id else None
    if user is not None:
        until = None if queries.has_consent(student.pk) else student.needs_consent_until or date.max
        bar(user, until=until)


def _check_birth_year(birth_year: int | None) -> None:
    if birth_year is not None and not EARLIEST_BIRTH_YEAR <= birth_year <= timezone.localdate().year:
        raise Invalid(gettext("This is not a year in which a student can have been born."), attr="birth_year")
