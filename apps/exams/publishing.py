"""Showing an exam's results to those who sat it, and taking them back."""

from __future__ import annotations

from typing import ClassVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from academy.http.errors import DomainError, Missing
from apps.accounts.models import User
from apps.exams.announcing import announce_results
from apps.exams.grading import hold_key
from apps.exams.inbox import open_pages_of_exam
from apps.exams.models import Publication
from apps.exams.objections import lapse_objections
from apps.exams.queries import exams_visible_to, rules_of_exam
from apps.notices.models import NoticeKind
from apps.notices.services import recall


class InboxNotEmpty(DomainError):
    """Somebody has yet to look at pages, or they are not read yet."""

    code: ClassVar[str] = "inbox_not_empty"


class NoKey(DomainError):
    """Nothing is scored: there are no results."""

    code: ClassVar[str] = "no_key"


def publish_results(
    *,
    exam_id: int,
    by: User,
    shows_sheet: bool = True,
    shows_answers: bool = False,
    shows_rank: bool = False,
    waived_reason: str = "",
) -> Publication:
    """Show an exam's results from now on; what is published already is published anew when it is to show other things.

    Raises ``Missing``, ``NoKey``, and ``InboxNotEmpty`` unless a reason is given for publishing all the same.
    """
    with transaction.atomic():
        # Behind this lock no page is recorded and nothing is corrected: what is counted is what is published.
        if not (exams_visible_to(by).filter(pk=exam_id).exists() and hold_key(exam_id)):
            raise Missing
        shown = {"shows_sheet": shows_sheet, "shows_answers": shows_answers, "shows_rank": shows_rank}
        stands = publication_of(exam_id)
        if not rules_of_exam(exam_id).keyed:
            raise NoKey(gettext("The exam has no key yet: there are no results to publish."))
        open_count = open_pages_of_exam(exam_id)
        if stands is not None and open_count <= stands.open_count:
            if all(getattr(stands, name) == value for name, value in shown.items()):
                return stands
            waived_reason = waived_reason or stands.waived_reason
        if open_count and not waived_reason:
            raise InboxNotEmpty(
                gettext(
                    "Somebody has yet to look at {count} pages. Settle them, or give a reason to publish now."
                ).format(count=open_count),
                attr="waived_reason",
            )
        _withdraw(exam_id, by)
        if not shows_sheet:
            lapse_objections(exam_id, by=by)
        published = Publication(
            exam_id=exam_id, by=by, open_count=open_count, waived_reason=waived_reason if open_count else "", **shown
        )
        published.save(force_insert=True)
        if stands is None:  # else people have seen it: it only shows other things now
            announce_results(exam_id)
        return published


def withdraw_results(*, exam_id: int, by: User) -> None:
    """Show an exam's results no more. Raises ``Missing``; what is not published stays so."""
    with transaction.atomic():
        if not (exams_visible_to(by).filter(pk=exam_id).exists() and hold_key(exam_id)):
            raise Missing
        _withdraw(exam_id, by)
        recall(NoticeKind.RESULT, about=exam_id)
        lapse_objections(exam_id, by=by)


def publication_of(exam_id: int) -> Publication | None:
    """How an exam's results are shown, None while they are not."""
    return Publication.objects.select_related("by").filter(exam_id=exam_id, withdrawn_at=None).first()


def _withdraw(exam_id: int, by: User) -> None:
    Publication.objects.filter(exam_id=exam_id, withdrawn_at=None).update(withdrawn_at=timezone.now(), withdrawn_by=by)
