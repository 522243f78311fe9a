"""Who is asking, as a person of this academy, and the cookie that binds a code to the browser that asked for it."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from apps.accounts.models import User
from apps.accounts.services.codes import CODE_SECONDS
from apps.accounts.sessions import SessionStore

ResponseT = TypeVar("ResponseT", bound=HttpResponse)


def person_of(request: HttpRequest | Request) -> User:
    """The signed-in person. Raises ``NotAuthenticated``; behind a declared permission there always is one."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def browser_of(request: Request) -> UUID:
    """What names the sign-in that this request came with. Raises ``NotAuthenticated``."""
    session = request._request.session
    if not isinstance(session, SessionStore) or session.row is None:
        raise NotAuthenticated
    return session.row.handle


def keep_code(response: ResponseT, cookie: str) -> ResponseT:
    """``response``, which also has the browser keep ``cookie`` for as long as its code is good."""
    response.set_cookie(
        settings.CODE_COOKIE_NAME,
        cookie,
        max_age=CODE_SECONDS,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Strict",
    )
    return response


def code_cookie(request: HttpRequest | Request) -> str | None:
    """The cookie of the last asking in this browser."""
    return request.COOKIES.get(settings.CODE_COOKIE_NAME)


def forget_code(response: ResponseT) -> ResponseT:
    """``response``, which also tells the browser that the code is used."""
    response.delete_cookie(settings.CODE_COOKIE_NAME, samesite="Strict")
    return response
