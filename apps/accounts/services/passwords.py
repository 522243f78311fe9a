"""Passwords: set, changed, reset. Each ends what the old one had opened."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid
from academy.trail.recording import acting_as
from apps.accounts import limits
from apps.accounts.models import Purpose, User, admitted
from apps.accounts.services.access import (
    end_access,
    end_access_elsewhere,
    is_confirmed,
    log_out,
    note_confirmed,
)
from apps.accounts.services.codes import WrongCode, use_code


class ConfirmationDue(DomainError):
    """What is asked for opens the account to whoever does it, and the last proof of who they are is too old."""

    status_code: ClassVar[int] = 403
    code: ClassVar[str] = "confirmation_due"

    def __init__(self) -> None:
        super().__init__(gettext("Confirm that it is you: enter your password, use a passkey, or log in again."))


def check_password_is_good(password: str, *, attr: str = "password") -> None:
    """Raises ``Invalid`` for a password that is too short, too common or only digits."""
    try:
        validate_password(password)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), attr=attr) from error


def confirm_password(request: HttpRequest, user: User, password: str, *, attr: str) -> None:
    """Make sure that it is ``user`` who sits there. Somebody without a password passes: they came by a code.

    Raises ``Invalid``, ``TooMany`` and ``LimitsUnreachable``.
    """
    if not user.has_usable_password():
        return
    limits.take_log_in(request, str(user.phone))
    if not user.check_password(password):
        raise Invalid(gettext("This is not your password."), attr=attr)
    limits.forget_log_ins(str(user.phone))


def confirm_recently(request: HttpRequest, user: User, password: str) -> None:
    """Make sure that it is ``user`` who sits there: by a proof of the last ten minutes, or by ``password`` now.

    Unlike ``confirm_password`` it lets nobody pass for having no password: those log in anew, or show a passkey.
    Raises ``ConfirmationDue`` and as ``confirm_password``.
    """
    if is_confirmed(request):
        return
    if not password or not user.has_usable_password():
        raise ConfirmationDue
    confirm_password(request, user, password, attr="password")
    note_confirmed(request)


def change_password(request: HttpRequest, *, user: User, old_password: str, password: str) -> None:
    """Set a new password. Every other session and every upload of ``user`` ends. Raises as ``confirm_password``."""
    check_password_is_good(password)
    confirm_password(request, user, old_password, attr="old_password")
    user.set_password(password)
    user.save(update_fields=["password"])
    end_access_elsewhere(request, user)


def reset_password(request: HttpRequest, *, cookie: str | None, code: str, password: str) -> None:
    """Set a new password by a code. Every session of the person ends; they log in anew.

    Raises ``Invalid`` for a weak password before the code is looked at, otherwise as ``use_code``.
    """
    check_password_is_good(password)
    challenge = use_code(request, cookie=cookie, code=code, purpose=Purpose.RESET_PASSWORD)
    user = User.objects.filter(admitted(), phone=challenge.phone).first()
    if user is None:
        raise WrongCode
    with acting_as(user, request=request):
        user.set_password(password)
        user.save(update_fields=["password"])
        end_access(user)
    if request.user.pk == user.pk:
        log_out(request)
