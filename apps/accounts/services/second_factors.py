"""The second factor: an authenticator app (TOTP, RFC 6238) and recovery codes for when it is lost.

Passkeys are another one: passkeys.py beside this.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Mapping
from typing import ClassVar, Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from academy.http.errors import DomainError, Refused
from academy.tenancy.context import acting_tenant
from apps.accounts import limits
from apps.accounts.encryption import decrypt, encrypt
from apps.accounts.models import SECOND_FACTOR_KEY, Authenticator, Passkey, RecoveryCode, SecondFactor, User
from apps.accounts.services.access import end_access_elsewhere, note_confirmed
from apps.accounts.services.passwords import confirm_password

SECRET_BYTES: Final = 20  # as long as the hash, RFC 4226 section 4
STEP_SECONDS: Final = 30
DIGITS: Final = 6
# One step either way for clocks that differ, RFC 6238 section 5.2.
STEPS_APART: Final = 1
RECOVERY_CODES: Final = 10
# No 0/O, 1/I/L: they are copied by hand.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH: Final = 10  # 49 bits


class WrongFactor(DomainError):
    """Wrong, or used before."""

    status_code: ClassVar[int] = 401
    code: ClassVar[str] = "wrong_code"

    def __init__(self) -> None:
        super().__init__(gettext("The code is wrong or was used before."))


def begin_authenticator(user: User, *, session: Mapping[str, object]) -> tuple[str, str]:
    """A new secret for an authenticator app, as base32 and as the address that a QR code holds.

    It counts once it is confirmed. Raises ``Refused`` while an earlier one is in use, and for who is no staff.
    """
    if not user.is_staff_member:
        raise Refused(gettext("A second factor is for people who work here."))
    _check_may_set_up(user, session)
    secret = secrets.token_bytes(SECRET_BYTES)
    Authenticator.objects.update_or_create(
        user=user, defaults={"encrypted_secret": encrypt(secret), "confirmed_at": None, "last_step": 0}
    )
    address = _totp(secret).get_provisioning_uri(str(user.phone), acting_tenant().name)
    return address.split("secret=")[1].split("&")[0], address


def confirm_authenticator(request: HttpRequest, user: User, code: str) -> list[str]:
    """Put the begun authenticator to use. Returns recovery codes, shown once; other sessions end.

    Raises ``WrongFactor``, ``Refused``, ``TooMany``.
    """
    _check_may_set_up(user, request.session)
    limits.take_factor(user.pk)
    if not _use_totp(user, code, is_confirmed=False):
        raise WrongFactor
    Authenticator.objects.filter(user=user).update(confirmed_at=timezone.now())
    user.has_second_factor = True
    user.save(update_fields=["has_second_factor"])
    codes = new_recovery_codes(user)
    end_access_elsewhere(request, user)
    request.session[SECOND_FACTOR_KEY] = user.pk
    return codes


def _check_may_set_up(user: User, session: Mapping[str, object]) -> None:
    # Who has given a password only must not get past a passkey by setting up an authenticator.
    if user.second_factor_due(session) == SecondFactor.SHOW:
        raise Refused(gettext("Show the second factor that you have first."))
    if has_authenticator(user):
        raise Refused(gettext("Remove the second factor that you have first."))


def has_authenticator(user: User) -> bool:
    """Whether ``user`` has an authenticator app in use."""
    return Authenticator.objects.filter(user=user, confirmed_at__isnull=False).exists()


def show_second_factor(request: HttpRequest, user: User, code: str) -> None:
    """Complete a log-in by a code of the app, or by a recovery code. The session gets a new key.

    Raises ``WrongFactor``, ``Refused``, ``TooMany``.
    """
    if user.second_factor_due(request.session) != SecondFactor.SHOW:
        raise Refused(gettext("There is no second factor to show."))
    limits.take_factor(user.pk)
    if not (_use_totp(user, code, is_confirmed=True) or _use_recovery_code(user, code)):
        raise WrongFactor
    request.session.cycle_key()
    request.session[SECOND_FACTOR_KEY] = user.pk
    note_confirmed(request)


def renew_recovery_codes(request: HttpRequest, user: User, password: str) -> list[str]:
    """New recovery codes instead of the old ones, shown once. Raises ``Refused`` and as ``confirm_password``."""
    if not user.has_second_factor:
        raise Refused(gettext("There is no second factor."))
    confirm_password(request, user, password, attr="password")
    return new_recovery_codes(user)


def give_up_second_factor(request: HttpRequest, user: User, password: str) -> None:
    """Go without. Other sessions end. Raises ``Refused`` where the academy requires it, and as ``confirm_password``."""
    if not user.has_second_factor:
        raise Refused(gettext("There is no second factor."))
    if user.is_staff_member and acting_tenant().mfa_required_for_staff:
        raise Refused(gettext("This academy requires a second factor of its staff."))
    confirm_password(request, user, password, attr="password")
    remove_second_factor(user)
    end_access_elsewhere(request, user)


def remove_second_factor(user: User) -> None:
    """Forget authenticator, passkeys and recovery codes. What guards this is the caller's to ask."""
    Authenticator.objects.filter(user=user).delete()
    Passkey.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.has_second_factor = False
    user.save(update_fields=["has_second_factor"])


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  what authenticator apps speak


def _use_totp(user: User, code: str, *, is_confirmed: bool) -> bool:
    row = Authenticator.objects.filter(user=user, confirmed_at__isnull=not is_confirmed).first()
    if row is None:
        return False
    totp = _totp(decrypt(row.encrypted_secret))
    now = int(time.time()) // STEP_SECONDS
    for step in range(now - STEPS_APART, now + STEPS_APART + 1):
        if hmac.compare_digest(totp.generate(step * STEP_SECONDS), code.encode()):
            # Taken once: a code that somebody looked at over a shoulder is worth nothing afterwards.
            taken = Authenticator.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step)
            return bool(taken)
    return False


def new_recovery_codes(user: User) -> list[str]:
    """New recovery codes of ``user`` instead of any that they had, in clear: shown once, kept hashed."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(
            RecoveryCode(user=user, code_hash=_recovery_hash(user, code)) for code in codes
        )
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _use_recovery_code(user: User, code: str) -> bool:
    plain = code.replace("-", "").replace(" ", "").upper()
    unused = RecoveryCode.objects.filter(user=user, code_hash=_recovery_hash(user, plain), used_at=None)
    return bool(unused.update(used_at=timezone.now()))


def _recovery_hash(user: User, code: str) -> str:
    value = f"{acting_tenant().pk}\x1f{user.pk}\x1f{code}"
    return salted_hmac("accounts.recovery_code", value, algorithm="sha256").hexdigest()
