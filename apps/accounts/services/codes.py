"""Codes by text message: asked for by one browser, tried a few times, used once.

What asking costs and answers is the same whether or not anybody has the phone: as many statements, and a text, or
nothing, handed to a thread that nobody waits for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import ClassVar, Final

from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid
from academy.limits.limiter import TooMany
from academy.sms.delivery import nothing_after_commit, text_after_commit
from academy.tenancy.context import acting_tenant
from apps.accounts import limits
from apps.accounts.models import Challenge, Purpose, User, admitted
from apps.accounts.phones import parse_phone
from apps.accounts.services.texts import CODE, TextKind, text_of

CODE_DIGITS: Final = 6
CODE_SECONDS: Final = 5 * 60
# Kept a while for whoever has to find out what happened, then deleted by later askings.
KEPT: Final = timedelta(days=1)


class WrongCode(DomainError):
    """Wrong, expired, used, tried too often, or asked for by another browser: one answer for all."""

    status_code: ClassVar[int] = 401
    code: ClassVar[str] = "wrong_code"

    def __init__(self) -> None:
        super().__init__(gettext("The code is wrong or no longer good. Ask for a new one."))


def valid_phone(text: str) -> str:
    """E.164 of ``text``. Raises ``Invalid``."""
    number = parse_phone(text)
    if number is None:
        raise Invalid(gettext("This is not a valid phone number."), attr="phone")
    return number


def ask_for_code(request: HttpRequest, *, phone: str, purpose: Purpose) -> str:
    """Text a code to ``phone`` if somebody here has it who may sign in. Returns the cookie that the code is bound to.

    Raises ``Invalid``, ``TooMany`` and ``LimitsUnreachable``.
    """
    number = valid_phone(phone)
    is_known = User.objects.filter(admitted(), phone=number).exists()
    return _ask(request, number=number, purpose=purpose, is_sent=is_known, user=None)


def ask_for_code_on_new_phone(request: HttpRequest, *, phone: str, user: User) -> str:
    """Text a code to the phone that ``user`` wants to be known by. Returns and raises as ``ask_for_code``."""
    return _ask(request, number=valid_phone(phone), purpose=Purpose.CHANGE_PHONE, is_sent=True, user=user)


def _ask(request: HttpRequest, *, number: str, purpose: Purpose, is_sent: bool, user: User | None) -> str:
    limits.take_text(request, number, is_sent=is_sent)
    cookie = secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    now = timezone.now()
    Challenge.objects.filter(expires_at__lt=now - KEPT).delete()
    Challenge(
        purpose=purpose,
        phone=number,
        user=user,
        cookie_hash=_cookie_hash(cookie),
        code_hash=_code_hash(purpose, number, cookie, code),
        expires_at=now + timedelta(seconds=CODE_SECONDS),
    ).save(force_insert=True)
    if is_sent:
        text_after_commit(number, text_of(TextKind.CODE, {CODE: code}))
    else:
        nothing_after_commit()
    return cookie


def use_code(
    request: HttpRequest, *, cookie: str | None, code: str, purpose: Purpose, user: User | None = None
) -> Challenge:
    """The challenge that ``code`` answers, now used. Raises ``WrongCode``, ``TooMany``, ``LimitsUnreachable``."""
    limits.take_try(request)
    challenge = Challenge.objects.filter(
        cookie_hash=_cookie_hash(cookie or ""),
        purpose=purpose,
        user=user,
        used_at=None,
        expires_at__gt=timezone.now(),
    ).first()
    if challenge is None:
        raise WrongCode
    try:
        # Counted before it is compared, and outside this transaction: guesses in parallel get no more than these.
        limits.take_try_of_code(challenge.pk)
    except TooMany as error:
        raise WrongCode from error
    expected = _code_hash(purpose, str(challenge.phone), cookie or "", code)
    if not hmac.compare_digest(expected, challenge.code_hash):
        raise WrongCode
    if not Challenge.objects.filter(pk=challenge.pk, used_at=None).update(used_at=timezone.now()):
        raise WrongCode
    return challenge


def _cookie_hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()


def _code_hash(purpose: Purpose, phone: str, cookie: str, code: str) -> str:
    # A million codes are tried in a second, so the key is what keeps a stolen table from telling any.
    value = "\x1f".join([purpose, str(acting_tenant().pk), phone, cookie, code])
    return salted_hmac("accounts.code", value, algorithm="sha256").hexdigest()
