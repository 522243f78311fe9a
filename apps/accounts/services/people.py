"""Who belongs to the academy and as what: invited, given another role, suspended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing, Refused
from academy.limits.limiter import TooMany
from academy.sms.delivery import check_room_for, text_after_commit
from apps.accounts import limits
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import MANAGEABLE_ROLES, Role
from apps.accounts.services.access import end_access, end_sessions
from apps.accounts.services.codes import valid_phone
from apps.accounts.services.passwords import check_password_is_good
from apps.accounts.services.second_factors import remove_second_factor
from apps.accounts.services.texts import ADDRESS, TextKind, main_host, text_of

MAX_INVITED: Final = 100
MAX_TEXTED: Final = 300
"""Of people who are known already."""


class PhoneTaken(DomainError):
    code: ClassVar[str] = "phone_taken"

    def __init__(self, *, attr: str = "phone") -> None:
        super().__init__(gettext("Somebody in this academy has this phone number already."), attr=attr)


class LastOwner(DomainError):
    """An academy without an owner could be given one by nobody in it."""

    code: ClassVar[str] = "last_owner"

    def __init__(self) -> None:
        super().__init__(gettext("An academy keeps at least one owner. Make somebody else an owner first."))


@dataclass(frozen=True, slots=True)
class Invitation:
    phone: str
    name: str
    role: Role


def create_user(*, phone: str, name: str, role: Role, password: str | None = None) -> User:
    """A new person of the acting academy. Without a password the first log-in is by code.

    Raises ``Invalid`` for a malformed phone or a weak password and ``PhoneTaken`` when the academy has this phone.
    """
    user = User(phone=valid_phone(phone), name=name, role=role)
    if password is None:
        user.set_unusable_password()
    else:
        check_password_is_good(password)
        user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError as error:
        raise PhoneTaken from error
    return user


def invite_people(*, by: User, invitations: Sequence[Invitation], is_texted: bool = True) -> list[User]:
    """Add people and text each of them where to log in, or not yet. All of them or none.

    Raises ``Refused`` for a role that ``by`` may not grant, ``Invalid`` and ``PhoneTaken`` with the place in the list,
    ``TooMany`` when the academy has used up its texts, ``TextsWait``.
    """
    if not 0 < len(invitations) <= MAX_INVITED:
        raise Invalid(gettext("Invite 1 to {count} people at a time.").format(count=MAX_INVITED), attr="people")
    numbers: list[str] = []
    for index, invitation in enumerate(invitations):
        if invitation.role not in MANAGEABLE_ROLES[Role(by.role)]:
            raise Refused(gettext("You may not invite people to this role."), attr=f"people.{index}.role")
        number = parse_phone(invitation.phone)
        if number is None:
            raise Invalid(gettext("This is not a valid phone number."), attr=f"people.{index}.phone")
        if number in numbers:
            raise Invalid(gettext("This phone number is in the list twice."), attr=f"people.{index}.phone")
        numbers.append(number)
    taken = {str(phone) for phone in User.objects.filter(phone__in=numbers).values_list("phone", flat=True)}
    for index, number in enumerate(numbers):
        if number in taken:
            raise PhoneTaken(attr=f"people.{index}.phone")
    if is_texted:
        check_room_for(len(numbers))
        limits.take_texts_of_academy(len(numbers))
    now = timezone.now() if is_texted else None
    users = [
        User(phone=number, name=invitation.name, role=invitation.role, invited_at=now)
        for number, invitation in zip(numbers, invitations, strict=True)
    ]
    for user in users:
        user.set_unusable_password()
    try:
        with transaction.atomic():
            User.objects.bulk_create(users)
    except IntegrityError as error:
        raise PhoneTaken(attr="people") from error
    if is_texted:
        text = text_of(TextKind.INVITATION, {ADDRESS: main_host()})
        for number in numbers:
            text_after_commit(number, text)
    return users


def invite_again(*, by: User, user_id: int) -> User:
    """Send the invitation once more. Raises ``Missing``, ``Refused``, ``TooMany``."""
    _, user = _locked(by, user_id)
    if not user.is_active:
        raise Refused(gettext("A suspended person cannot be invited."))
    limits.take_invitation(str(user.phone))
    user.invited_at = timezone.now()
    user.save(update_fields=["invited_at"])
    text_after_commit(str(user.phone), text_of(TextKind.INVITATION, {ADDRESS: main_host()}))
    return user


@dataclass(frozen=True, slots=True)
class NotInvited:
    """Somebody who could not be invited, and why."""

    user: User
    reason: str


def invite_many(*, by: User, user_ids: Sequence[int]) -> tuple[list[User], list[NotInvited]]:
    """Text all of these who can be where to log in. Returns who was, and who was not and why.

    Raises ``Invalid`` for too many, ``Missing`` for somebody who is nobody here, and ``TextsWait``.
    """
    if not 0 < len(user_ids) <= MAX_TEXTED:
        raise Invalid(gettext("Invite 1 to {count} people at a time.").format(count=MAX_TEXTED), attr="people")
    check_room_for(len(user_ids))
    users = list(User.objects.filter(pk__in=user_ids).order_by("name", "pk"))
    if len(users) < len(set(user_ids)):
        raise Missing
    told: list[User] = []
    refused: list[NotInvited] = []
    is_used_up = False
    for user in users:
        reason = gettext("The academy has used up its text messages for today.") if is_used_up else _why_not(by, user)
        if not reason:
            try:
                limits.take_text_to(str(user.phone))
            except TooMany:
                reason = gettext("This phone was sent many messages lately.")
        if not reason:
            try:
                limits.take_texts_of_academy(1)
            except TooMany:
                is_used_up = True
                reason = gettext("The academy has used up its text messages for today.")
        if reason:
            refused.append(NotInvited(user, reason))
        else:
            told.append(user)
    User.objects.filter(pk__in=[user.pk for user in told]).update(invited_at=timezone.now())
    text = text_of(TextKind.INVITATION, {ADDRESS: main_host()})
    for user in told:
        text_after_commit(str(user.phone), text)
    return told, refused


def _why_not(by: User, user: User) -> str:
    if Role(user.role) not in MANAGEABLE_ROLES[Role(by.role)]:
        return gettext("You may not manage this person.")
    if not user.is_active:
        return gettext("A suspended person cannot be invited.")
    if not user.is_admitted:
        return gettext("A guardian has to consent first.")
    return gettext("This person has logged in already.") if user.last_login is not None else ""


def change_role(*, by: User, user_id: int, role: Role) -> User:
    """Give a person another role; all their sessions end. Raises ``Missing``, ``Refused``, ``LastOwner``."""
    owners, user = _locked(by, user_id)
    if role not in MANAGEABLE_ROLES[Role(by.role)]:
        raise Refused(gettext("You may not give people this role."), attr="role")
    if user.role == role:
        return user
    if owners == {user.pk}:
        raise LastOwner
    user.role = role
    user.save(update_fields=["role"])
    end_access(user)
    if user.pk == by.pk:
        by.session_epoch = user.session_epoch  # this request is theirs to finish
    return user


def suspend_person(*, by: User, user_id: int) -> User:
    """Shut a person out: sessions, codes and uploads end at once. Raises ``Missing``, ``Refused``, ``LastOwner``."""
    owners, user = _locked(by, user_id)
    if user.pk == by.pk:
        raise Refused(gettext("You cannot suspend yourself."))
    if owners == {user.pk}:
        raise LastOwner
    if user.is_active:
        user.is_active, user.suspended_at = False, timezone.now()
        user.save(update_fields=["is_active", "suspended_at"])
        end_access(user)
    return user


def reactivate_person(*, by: User, user_id: int) -> User:
    """Let a suspended person in again. Raises ``Missing``, ``Refused``."""
    _, user = _locked(by, user_id)
    if not user.is_active:
        user.is_active, user.suspended_at = True, None
        user.save(update_fields=["is_active", "suspended_at"])
    return user


def sign_out_person(*, by: User, user_id: int) -> None:
    """End all sessions of a person. Raises ``Missing``, ``Refused``."""
    _, user = _locked(by, user_id)
    end_sessions(user.pk)


def reset_second_factor(*, by: User, user_id: int) -> None:
    """For a person who lost theirs: remove the second factor and end all access. Raises ``Missing``, ``Refused``."""
    _, user = _locked(by, user_id)
    if user.pk == by.pk:
        raise Refused(gettext("Remove your own second factor where you set it up."))
    remove_second_factor(user)
    end_access(user)


def manageable(*, by: User, user_id: int) -> User:
    """The person, if ``by`` may manage them. Raises ``Missing``, ``Refused``."""
    user = User.objects.filter(pk=user_id).first()
    if user is None:
        raise Missing
    if Role(user.role) not in MANAGEABLE_ROLES[Role(by.role)]:
        raise Refused(gettext("You may not manage this person."))
    return user


def _locked(by: User, user_id: int) -> tuple[set[int], User]:
    """The ids of the active owners, and the person, if ``by`` may manage them.

    The rows of all owners and of both people stay locked until the transaction ends, taken in one order: of two owners
    who demote each other the second sees what the first did. Raises ``Missing``, ``Refused``.
    """
    rows = User.objects.filter(Q(role=Role.OWNER, is_active=True) | Q(pk__in=[by.pk, user_id]))
    locked = {user.pk: user for user in rows.order_by("pk").select_for_update(of=("self",))}
    user, now = locked.get(user_id), locked.get(by.pk)
    if user is None:
        raise Missing
    if now is None or not now.is_active or now.role != by.role:
        raise Refused(gettext("You may not manage this person."))
    if Role(user.role) not in MANAGEABLE_ROLES[Role(by.role)]:
        raise Refused(gettext("You may not manage this person."))
    return {owner.pk for owner in locked.values() if owner.role == Role.OWNER and owner.is_active}, user
