"""Changing the phone that a person is known by."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.http import HttpRequest

from academy.sms.delivery import text_after_commit
from apps.accounts.models import Purpose, User
from apps.accounts.services.access import end_access_elsewhere
from apps.accounts.services.codes import ask_for_code_on_new_phone, use_code
from apps.accounts.services.passwords import confirm_password
from apps.accounts.services.people import PhoneTaken
from apps.accounts.services.texts import TextKind, text_of


def ask_to_change_phone(request: HttpRequest, *, user: User, phone: str, password: str) -> str:
    """Text a code to the new phone, whoever has it. Returns the cookie that the code is bound to.

    Raises as ``confirm_password`` and ``ask_for_code``.
    """
    confirm_password(request, user, password, attr="password")
    return ask_for_code_on_new_phone(request, phone=phone, user=user)


def change_phone(request: HttpRequest, *, user: User, cookie: str | None, code: str) -> None:
    """Take the phone that the code was sent to. Every other session of ``user`` ends, and the old phone is told.

    Raises ``PhoneTaken``, which only somebody who holds the new phone learns, and otherwise as ``use_code``.
    """
    challenge = use_code(request, cookie=cookie, code=code, purpose=Purpose.CHANGE_PHONE, user=user)
    old = str(user.phone)
    user.phone = challenge.phone
    try:
        with transaction.atomic():
            user.save(update_fields=["phone"])
    except IntegrityError as error:
        raise PhoneTaken from error
    end_access_elsewhere(request, user)
    text_after_commit(old, text_of(TextKind.PHONE_CHANGED, {}))
