"""Who is told of what, and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from academy.tenancy.context import acting_tenant
from apps.accounts.models import User, admitted
from apps.accounts.roles import Permission
from apps.notices import web_push
from apps.notices.models import Notice, Subscription


def is_offered() -> bool:
    """Whether the deployment can push, and the academy lets it."""
    return web_push.is_configured() and acting_tenant().sends_notices


def is_subscribed(session_key: str | None) -> bool:
    return Subscription.objects.filter(session_id=session_key).exists()


def _alive() -> QuerySet[Subscription]:
    return Subscription.objects.filter(session__expire_date__gt=timezone.now())


def who_wants(user_ids: Collection[int]) -> list[int]:
    """Those of these people who have a device that wants notices, and may sign in and see results."""
    wants = Exists(_alive().filter(user_id=OuterRef("pk")))
    people = User.objects.filter(admitted(), wants, pk__in=user_ids)
    return sorted(person.pk for person in people if person.may(Permission.VIEW_OWN_RESULTS))


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice and one device of its reader."""

    notice: Notice
    subscription: Subscription


def letters_of(batch_id: int) -> list[Letter]:
    """What is still to be sent of the batch, and to whom it may be sent now."""
    unsent = Notice.objects.filter(user__in=User.objects.filter(admitted()), batch=batch_id, sent_at=None)
    notices = list(unsent.order_by("pk"))
    devices: dict[int, list[Subscription]] = defaultdict(list)
    for subscription in _alive().filter(user_id__in={notice.user_id for notice in notices}).order_by("pk"):
        devices[subscription.user_id].append(subscription)
    return [Letter(notice, device) for notice in notices for device in devices[notice.user_id]]
