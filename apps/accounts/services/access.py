"""Beginning and ending what a person can reach: sessions and uploads."""

from __future__ import annotations

import time
import uuid
from datetime import date
from typing import Final

from django.contrib.auth import login, logout, update_session_auth_hash
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from academy.http.addresses import shown_address
from academy.http.errors import Missing
from academy.storage.services import cancel_uploads
from apps.accounts.models import Challenge, PasskeyChallenge, Session, User
from apps.accounts.sessions import BROWSER_KEY

# In the session: when the person last proved who they are, in seconds since 1970.
CONFIRMED_KEY: Final = "confirmed_at"
CONFIRMED_SECONDS: Final = 10 * 60


def start_session(request: HttpRequest, user: User) -> None:
    """Sign ``user`` in on this browser, with a new session key. Nothing of an earlier session is kept."""
    request.session.flush()
    request.session[BROWSER_KEY] = {
        "user_agent": request.headers.get("User-Agent", "").replace("\x00", "")[:200],
        "address": shown_address(request),
    }
    login(request, user, backend="apps.accounts.authentication.PhoneBackend")
    note_confirmed(request)
    Session.objects.filter(expire_date__lt=timezone.now()).delete()


def note_confirmed(request: HttpRequest) -> None:
    """They have just proved who they are."""
    request.session[CONFIRMED_KEY] = int(time.time())


def is_confirmed(request: HttpRequest) -> bool:
    """Whether they proved who they are within the last ten minutes, in this session."""
    return bool(time.time() - request.session.get(CONFIRMED_KEY, 0) < CONFIRMED_SECONDS)


def log_out(request: HttpRequest) -> None:
    logout(request)


def bar(user: User, *, until: date | None) -> None:
    """Let nobody sign in as ``user`` before that day, and end all their access; ``None`` lets them in again."""
    User.objects.filter(pk=user.pk).update(barred_until=until)
    user.barred_until = until
    if not user.is_admitted:
        end_access(user)


def end_access(user: User) -> None:
    """End every session of ``user`` and every upload they have begun.

    A new epoch is what ends them, also those in flight and those whose row is written after this; ``user`` is given it.
    """
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    Session.objects.filter(user=user).delete()
    Challenge.objects.filter(user=user).delete()
    PasskeyChallenge.objects.filter(user=user).delete()
    cancel_uploads(created_by=user)


def end_access_elsewhere(request: HttpRequest, user: User) -> None:
    """As ``end_access``, but this browser stays signed in, with a new session key."""
    end_access(user)
    update_session_auth_hash(request, user)


def end_sessions(user_id: int, *, but: str | None = None) -> int:
    """Sign a person out everywhere, except in the session with the key ``but``. Returns how many sessions ended."""
    ended, _ = Session.objects.filter(user_id=user_id).exclude(session_key=but or "").delete()
    return ended


def end_session(user_id: int, handle: uuid.UUID) -> None:
    """Sign a person out in one browser. Raises ``Missing``."""
    ended, _ = Session.objects.filter(user_id=user_id, handle=handle).delete()
    if not ended:
        raise Missing
