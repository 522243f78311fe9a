"""Wanting notices on a device, and telling people of something once."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Final

from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid
from apps.accounts.models import User
from apps.notices import hours, tasks, web_push
from apps.notices.models import Notice, NoticeKind, Subscription
from apps.notices.queries import is_offered, who_wants

NOTICES_OF_A_JOB: Final = 100


class NotOffered(DomainError):
    """The deployment cannot push, or the academy does not let it."""

    code: ClassVar[str] = "notices_not_offered"


def subscribe(*, by: User, session_key: str, endpoint: str, p256dh: str, auth: str, language: str) -> Subscription:
    """Want notices in this browser for as long as its session lasts. Raises ``NotOffered``, ``Invalid``."""
    if not is_offered():
        raise NotOffered(gettext("Notices are not sent here."))
    if not web_push.is_push_service(endpoint):
        raise Invalid(gettext("This browser's push service is not known here."), attr="endpoint")
    if not web_push.are_keys(p256dh, auth):
        raise Invalid(gettext("The keys of this browser are not usable."), attr="p256dh")
    with transaction.atomic():
        # A phone is lent: whoever signed in last has it. Locked, so that of two clicks at once one comes second.
        User.objects.select_for_update().get(pk=by.pk)
        Subscription.objects.filter(session_id=session_key).delete()
        Subscription.objects.filter(endpoint=endpoint).delete()
        wanted = Subscription(
            user=by, session_id=session_key, endpoint=endpoint, p256dh=p256dh, auth=auth, language=language
        )
        wanted.save(force_insert=True)
    return wanted


def unsubscribe(*, session_key: str) -> None:
    """Want none in this browser any more; again is no error."""
    Subscription.objects.filter(session_id=session_key).delete()


def announce(kind: NoticeKind, *, about: int, user_ids: Collection[int]) -> None:
    """Have those of these people told who want it and were not yet told: outside quiet hours, by a job."""
    if not user_ids or not is_offered():
        return
    with transaction.atomic():
        wanted = [Notice(user_id=user_id, kind=kind, about=about) for user_id in who_wants(user_ids)]
        told = set(Notice.objects.filter(kind=kind, about=about).values_list("user_id", flat=True))
        Notice.objects.bulk_create((one for one in wanted if one.user_id not in told), ignore_conflicts=True)
        new = {one.user_id for one in wanted} - told
        fresh = Notice.objects.filter(kind=kind, about=about, user_id__in=new).order_by("pk")
        send = tasks.send_notices.using(run_after=hours.next_allowed(hours.now_there()))
        ids = list(fresh.values_list("pk", flat=True))
        for begin in range(0, len(ids), NOTICES_OF_A_JOB):
            part = ids[begin : begin + NOTICES_OF_A_JOB]
            Notice.objects.filter(pk__in=part).update(batch=part[0])
            send.enqueue(part[0])


def recall(kind: NoticeKind, *, about: int) -> None:
    """There is nothing to tell any more: what was not sent is not."""
    Notice.objects.filter(kind=kind, about=about, sent_at=None).delete()
