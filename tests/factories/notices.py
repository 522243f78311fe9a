"""Devices that want notices."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.utils import timezone
from django.utils.crypto import get_random_string

from apps.accounts.models import Session, User
from apps.notices.models import Notice, NoticeKind, Subscription

# RFC 8291, appendix A: the browser's public key and its secret.
P256DH: Final = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH: Final = "BTBZMqHH6r4Tts7J_aSIgg"


def make_subscription(
    user: User,
    *,
    endpoint: str = "https://fcm.googleapis.com/fcm/send/nobody",
    p256dh: str = P256DH,
    auth: str = AUTH,
    language: str = "ko",
) -> Subscription:
    """Of a session that nobody's browser has."""
    session = Session(
        session_key=get_random_string(32, "abcdefghijklmnopqrstuvwxyz0123456789"),
        session_data="",
        expire_date=timezone.now() + timedelta(days=1),
        user=user,
    )
    session.save(force_insert=True)
    subscription = Subscription(
        user=user, session=session, endpoint=endpoint, p256dh=p256dh, auth=auth, language=language
    )
    subscription.save(force_insert=True)
    return subscription


def make_notice(user: User, *, about: int = 1) -> Notice:
    notice = Notice(user=user, kind=NoticeKind.RESULT, about=about)
    notice.save(force_insert=True)
    return notice
