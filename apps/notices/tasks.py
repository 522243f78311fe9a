"""The kind of job of this app: send notices. Safe twice: what a device is told again takes the place of the first."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Final

import orjson
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext
from django_tasks import task

from academy.jobs.context import current_job
from academy.jobs.errors import TransientFailure
from academy.tenancy.context import acting_tenant
from apps.notices import web_push
from apps.notices.models import Notice, NoticeKind, Subscription
from apps.notices.queries import Letter, is_offered, letters_of
from apps.notices.web_push import NotTaken, Outcome

logger = logging.getLogger(__name__)

USUAL_ICON: Final = "/icons/192.png"
GIVEN_UP_AFTER: Final = 3
"""Failures of one push service in a row, after which it is left alone until the next attempt."""


@task(queue_name="lite", time_limit_seconds=300.0, max_attempts=5, is_in_every_plan=True)
def send_notices(batch_id: int) -> None:
    """Send each notice of the batch to every device of its reader that wants them."""
    job = current_job()
    with transaction.atomic():
        letters = letters_of(batch_id) if is_offered() else []
    failures: Counter[str] = Counter()
    late: set[int] = set()
    for letter in letters:
        job.step()
        try:
            outcome = _send(letter, failures)
        except NotTaken as error:
            failures[error.host] += 1
            late.add(letter.notice.pk)
            logger.warning("a notice was not taken: %s", error)
            continue
        if outcome is Outcome.REFUSED:
            logger.error("subscription %d: its push service refuses what is sent", letter.subscription.pk)
        if outcome is Outcome.GONE:
            with job.writing():
                Subscription.objects.filter(pk=letter.subscription.pk).delete()
    with job.writing():
        sent = {letter.notice.pk for letter in letters} - late
        Notice.objects.filter(pk__in=sent, sent_at=None).update(sent_at=timezone.now())
    if late:
        raise TransientFailure(f"{len(late)} notices were not taken")


def _send(letter: Letter, failures: Counter[str]) -> Outcome:
    """Raises ``NotTaken``, without asking where the service has failed too often just now."""
    device = letter.subscription
    host = web_push.host_of(device.endpoint)
    if failures[host] >= GIVEN_UP_AFTER:
        raise NotTaken(host, "left alone")
    message = orjson.dumps(message_of(letter))
    outcome = web_push.push(device.endpoint, device.p256dh, device.auth, message, topic=letter.notice.kind)
    failures[host] = 0
    return outcome


def message_of(letter: Letter) -> dict[str, str]:
    """What a lock screen may show to whoever holds the telephone: that there is something, and whose word it is."""
    with translation.override(letter.subscription.language):
        body = {
            NoticeKind.RESULT: gettext("A new result is out."),
            NoticeKind.OBJECTION: gettext("Your objection was answered."),
        }[NoticeKind(letter.notice.kind)]
    tenant = acting_tenant()
    icon = tenant.picture_url("icon") or USUAL_ICON
    return {"title": tenant.name, "body": body, "to": "/results", "tag": letter.notice.kind, "icon": icon}
