"""Texting those whose homework was not handed in: once a day for each piece, and not at night."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Missing
from academy.limits.limiter import TooMany
from academy.sms.delivery import check_room_for, text_after_commit
from academy.tenancy.context import acting_tenant
from apps.accounts import limits
from apps.accounts.models import User
from apps.accounts.services.texts import DUE, HOMEWORK, STUDENT, TextKind, text_cut
from apps.homework.models import Assignment, Reminder
from apps.homework.queries import Owing, assignments_visible_to, owing
from apps.notices import hours

MAX_AT_ONCE: Final = 100
"""Messages of one click. Another click sends the rest."""


class QuietHours(DomainError):
    """It is night where the academy is."""

    code: ClassVar[str] = "quiet_hours"

    def __init__(self) -> None:
        super().__init__(gettext("Reminders are sent between 8:00 and 21:00. Send them in the morning."))


class NobodyToRemind(DomainError):
    """Everybody has handed in, was reminded today, or cannot be texted."""

    code: ClassVar[str] = "nobody_to_remind"

    def __init__(self) -> None:
        super().__init__(gettext("There is nobody to remind: whoever can be texted was reminded today already."))


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is texted, and whose homework it is about."""

    user_id: int
    phone: str
    student_ids: list[int]
    names: list[str]

    @property
    def named(self) -> str:
        if len(self.names) == 1:
            return self.names[0]
        return gettext("{name} and {count} more").format(name=self.names[0], count=len(self.names) - 1)


@dataclass(frozen=True, slots=True)
class Reminded:
    """How many were texted, how many are left for another click, and why others were not."""

    count: int
    left: int
    reasons: list[str]


def addressees(rows: Sequence[Owing], *, with_guardians: bool) -> list[Addressee]:
    """Each once, whoever it is about: those who were reminded today, and whose students left the course, are out."""
    found: dict[int, Addressee] = {}
    for row in rows:
        if row.has_left:
            continue
        for telephone in [*([row.own] if row.own else []), *(row.guardians if with_guardians else [])]:
            if not telephone.is_told:
                one = found.setdefault(telephone.user_id, Addressee(telephone.user_id, telephone.phone, [], []))
                one.student_ids.append(row.student.pk)
                one.names.append(row.student.name)
    return list(found.values())


def reminder_text(assignment: Assignment, named: str) -> str:
    due = timezone.localtime(assignment.due_at, acting_tenant().zone)
    values = {STUDENT: named, HOMEWORK: assignment.title, DUE: f"{due.month}/{due.day}"}
    return text_cut(TextKind.REMINDER, values, cut=HOMEWORK)


def remind_missing(*, assignment_id: int, student_ids: Collection[int], with_guardians: bool, by: User) -> Reminded:
    """Text those of ``student_ids`` who have still handed in nothing, and their guardians.

    Raises ``Missing``, ``QuietHours``, ``NobodyToRemind``, ``TextsWait``.
    """
    now = hours.now_there()
    if hours.is_quiet(now):
        raise QuietHours
    with transaction.atomic():
        # Locked: of two clicks at once the second sees whom the first has reminded.
        seen = assignments_visible_to(by).select_for_update(of=("self",))
        assignment: Assignment | None = seen.filter(pk=assignment_id).first()
        if assignment is None:
            raise Missing
        rows = [row for row in owing(assignment, now.date()) if row.student.pk in student_ids]
        wanted = addressees(rows, with_guardians=with_guardians)
        if not wanted:
            raise NobodyToRemind
        check_room_for(min(len(wanted), MAX_AT_ONCE))
        told, reasons = _within_limits(wanted[:MAX_AT_ONCE])
        _note(assignment, told, day=now.date(), by=by)
        for one in told:
            text_after_commit(one.phone, reminder_text(assignment, one.named))
    return Reminded(len(told), max(len(wanted) - MAX_AT_ONCE, 0), reasons)


def _within_limits(wanted: list[Addressee]) -> tuple[list[Addressee], list[str]]:
    """Those for whom there is a message left today, and why there is none for the others, each reason once."""
    told: list[Addressee] = []
    reasons: dict[str, None] = {}
    for one in wanted:
        try:
            limits.take_reminder_to(one.phone)
        except TooMany:
            reasons[gettext("Some were sent many messages today and get no more.")] = None
            continue
        try:
            limits.take_reminder_of_academy()
        except TooMany:
            reasons[gettext("The academy has used up its text messages for today.")] = None
            break
        told.append(one)
    return told, list(reasons)


def _note(assignment: Assignment, told: list[Addressee], *, day: date, by: User) -> None:
    Reminder.objects.bulk_create(
        Reminder(assignment=assignment, student_id=one.student_ids[0], user_id=one.user_id, day=day, created_by=by)
        for one in told
    )
