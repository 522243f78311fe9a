"""What signing in leaves behind: codes, second factors."""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.utils import timezone

from apps.accounts.encryption import encrypt
from apps.accounts.models import Authenticator, Challenge, Purpose, RecoveryCode, User


def make_challenge(*, phone: str = "+821012345678", user: User | None = None) -> Challenge:
    """A code that nobody knows, asked for by nobody's browser."""
    challenge = Challenge(
        purpose=Purpose.LOG_IN if user is None else Purpose.CHANGE_PHONE,
        phone=phone,
        user=user,
        cookie_hash=secrets.token_hex(32),
        code_hash=secrets.token_hex(32),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    challenge.save()
    return challenge


def make_authenticator(user: User) -> Authenticator:
    """One that was begun and not confirmed, so that ``user`` still signs in without."""
    authenticator = Authenticator(user=user, encrypted_secret=encrypt(secrets.token_bytes(20)))
    authenticator.save()
    return authenticator


def make_recovery_code(user: User) -> RecoveryCode:
    """One that nobody knows."""
    code = RecoveryCode(user=user, code_hash=secrets.token_hex(32))
    code.save()
    return code
