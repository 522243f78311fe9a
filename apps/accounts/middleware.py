"""What is noted and asked again about a signed-in person when their request is done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.exceptions import NotAuthenticated

from academy.http.authentication import SAFE_METHODS
from academy.http.errors import error_response
from apps.accounts import queries
from apps.accounts.models import Session, User
from apps.accounts.sessions import SessionStore

SEEN_EVERY: Final = timedelta(minutes=1)


class SignedInMiddleware:
    """Undoes what a person wrote who was suspended, or signed out everywhere, while their request ran.

    Also notes, at most once a minute, that the session is in use: at the end, so that the row is locked briefly.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        # Django caches who this is once somebody asks; nobody is looked up here for the sake of it.
        user = request.user if hasattr(request, "_cached_user") else None
        if not isinstance(user, User) or response.status_code >= 400:
            return response
        if request.method not in SAFE_METHODS and not queries.has_access(user.pk, user.session_epoch):
            refused = error_response(401, NotAuthenticated.default_code, str(NotAuthenticated.default_detail))
            refused.must_roll_back = True  # type: ignore[attr-defined]  # read by the tenancy middleware
            return refused
        _note_seen(request.session)
        return response


def _note_seen(session: object) -> None:
    row = session.row if isinstance(session, SessionStore) else None
    before = timezone.now() - SEEN_EVERY
    if row is not None and row.last_seen_at < before:
        Session.objects.filter(pk=row.pk, last_seen_at__lt=before).update(last_seen_at=Now())
