"""Signing in: by phone and password, or by a code."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils.translation import gettext

from academy.http.errors import DomainError
from apps.accounts import limits
from apps.accounts.models import Purpose, User, admitted
from apps.accounts.phones import parse_phone
from apps.accounts.services.access import start_session
from apps.accounts.services.codes import WrongCode, use_code


class WrongCredentials(DomainError):
    status_code: ClassVar[int] = 401
    code: ClassVar[str] = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__(gettext("The phone number or the password is wrong."))


def log_in(request: HttpRequest, *, phone: str, password: str) -> User:
    """Start a session on this academy's host. Raises ``WrongCredentials``, the same for every reason.

    Raises ``TooMany`` and ``LimitsUnreachable`` before it looks at anything.
    """
    number = parse_phone(phone) or phone
    limits.take_log_in(request, number)
    user = authenticate(request, phone=phone, password=password)
    if not isinstance(user, User):
        raise WrongCredentials
    limits.forget_log_ins(number)
    start_session(request, user)
    return user


def log_in_by_code(request: HttpRequest, *, cookie: str | None, code: str) -> User:
    """Start a session for who has the phone that the code was sent to. Raises as ``use_code``."""
    challenge = use_code(request, cookie=cookie, code=code, purpose=Purpose.LOG_IN)
    user = User.objects.filter(admitted(), phone=challenge.phone).first()
    if user is None:
        raise WrongCode
    start_session(request, user)
    return user
