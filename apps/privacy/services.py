"""Asking for a copy of what is held about a person, and for their erasure."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from academy.http.errors import DomainError, Invalid, Missing, Refused
from academy.jobs.models import UNFINISHED_STATES
from apps.accounts.models import User
from apps.accounts.roles import Permission, Role
from apps.accounts.services.people import manageable, suspend_person
from apps.privacy import queries, tasks
from apps.privacy.models import Erasure, ErasureState, Export, SubjectKind
from apps.students.models import Guardianship, Student

GRACE_DAYS: Final = 7
MAX_GRACE_DAYS: Final = 30


class ErasureUnderWay(DomainError):
    code: ClassVar[str] = "erasure_under_way"

    def __init__(self) -> None:
        super().__init__(_("The erasure of this person is asked for or scheduled already."))


class TooLateToWithdraw(DomainError):
    code: ClassVar[str] = "too_late"

    def __init__(self) -> None:
        super().__init__(_("This erasure has begun or is done. What was erased cannot be brought back."))


def ask_for_export(*, by: User, kind: SubjectKind, subject_id: int, reason: str) -> Export:
    """Have all that is held about a person collected. Whoever has one on the way gets that.

    One may ask for oneself, a guardian for their child, a manager for whom they manage, with a reason. Raises
    ``Missing``, ``Invalid``, ``Refused``.
    """
    if _own_right(by, kind, subject_id) is None:
        _require_manager(by, kind, subject_id)
        if not reason.strip():
            raise Invalid(_("Say why this person's data is exported."), attr="reason")
    with transaction.atomic():
        User.objects.select_for_update(of=("self",)).get(pk=by.pk)
        under_way = Export.objects.filter(
            asked_by=by, subject_kind=kind, subject_id=subject_id, job__state__in=UNFINISHED_STATES
        ).first()
        if under_way is not None:
            return under_way
        export = Export(subject_kind=kind, subject_id=subject_id, asked_by=by, reason=reason.strip())
        export.save()
        export.job_id = int(tasks.collect_person.enqueue(export.pk).id)
        export.save(update_fields=["job"])
    return export


def ask_for_erasure(*, by: User, kind: SubjectKind, subject_id: int, reason: str, grace_days: int) -> Erasure:
    """Ask for the erasure of oneself or one's child, or, as a manager, schedule that of somebody else.

    Raises ``Missing``, ``Refused``, ``Invalid``, ``ErasureUnderWay``, and ``LastOwner`` for the last owner.
    """
    is_own = _own_right(by, kind, subject_id) is not None
    if not is_own:
        _require_manager(by, kind, subject_id)
        if not reason.strip():
            raise Invalid(_("Say why this person is erased."), attr="reason")
    erasure = Erasure(subject_kind=kind, subject_id=subject_id, asked_by=by, reason=reason.strip())
    with transaction.atomic():
        try:
            with transaction.atomic():
                erasure.save()
        except IntegrityError as error:
            raise ErasureUnderWay from error
        return erasure if is_own else _schedule(by=by, erasure=erasure, grace_days=grace_days)


def approve_erasure(*, by: User, erasure_id: int, grace_days: int) -> Erasure:
    """Schedule what somebody asked for; they lose their access at once.

    Raises ``Missing``, ``ErasureUnderWay``, ``Refused``, ``LastOwner``.
    """
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update(of=("self",)).filter(pk=erasure_id).first()
        if erasure is None:
            raise Missing
        if erasure.state != ErasureState.ASKED:
            raise ErasureUnderWay
        _require_manager(by, SubjectKind(erasure.subject_kind), erasure.subject_id)
        return _schedule(by=by, erasure=erasure, grace_days=grace_days)


def withdraw_erasure(*, by: User, erasure_id: int) -> Erasure:
    """Call an erasure off that has not begun. A suspension stays until somebody lifts it.

    Who asked may take their wish back, a manager may call off any. Raises ``Missing``, ``TooLateToWithdraw``.
    """
    with transaction.atomic():
        erasure = queries.erasures_for(by).select_for_update(of=("self",)).filter(pk=erasure_id).first()
        if erasure is None:
            raise Missing
        if erasure.state not in (ErasureState.ASKED, ErasureState.SCHEDULED):
            raise TooLateToWithdraw
        erasure.state = ErasureState.WITHDRAWN
        erasure.save(update_fields=["state"])
        return erasure


def _schedule(*, by: User, erasure: Erasure, grace_days: int) -> Erasure:
    if not 0 <= grace_days <= MAX_GRACE_DAYS:
        raise Invalid(_("The time to think it over is 0 to 30 days."), attr="grace_days")
    for user_id in queries.subject_of(erasure.subject_kind, erasure.subject_id).users:
        suspend_person(by=by, user_id=user_id)
    due_at = timezone.now() + timedelta(days=grace_days)
    erasure.state, erasure.approved_by, erasure.due_at = ErasureState.SCHEDULED, by, due_at
    erasure.job_id = int(tasks.erase_person.using(run_after=due_at).enqueue(erasure.pk).id)
    erasure.save(update_fields=["state", "approved_by", "due_at", "job"])
    return erasure


def _own_right(by: User, kind: SubjectKind, subject_id: int) -> str | None:
    """By which right of their own somebody asks: as themselves, as a guardian, or none."""
    if kind == SubjectKind.USER:
        return "self" if subject_id == by.pk else None
    if Student.objects.filter(pk=subject_id, user=by).exists():
        return "self"
    if by.role == Role.GUARDIAN and Guardianship.objects.filter(user=by, student_id=subject_id).exists():
        return "guardian"
    return None


def _require_manager(by: User, kind: SubjectKind, subject_id: int) -> None:
    """Raises ``Missing`` for a person who is not there, and ``Refused`` for one who is not theirs to decide about."""
    if not by.may(Permission.MANAGE_PRIVACY):
        if by.is_staff_member:
            raise Refused(_("You may ask this about yourself only."))
        raise Missing
    if kind == SubjectKind.STUDENT:
        if not Student.objects.filter(pk=subject_id).exists():
            raise Missing
        return
    if subject_id == by.pk:
        raise Refused(_("Somebody else has to decide about you."))
    manageable(by=by, user_id=subject_id)
