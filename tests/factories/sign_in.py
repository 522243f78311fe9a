"""What signing in leaves behind: codes, second factors, passkeys."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from apps.accounts.encryption import encrypt
from apps.accounts.models import (
    Authenticator,
    Ceremony,
    Challenge,
    Passkey,
    PasskeyChallenge,
    Purpose,
    RecoveryCode,
    User,
)


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


def make_passkey(
    user: User, *, host: str = "hana.academy.test", credential_id: str | None = None, public_key: bytes = b"nobody's"
) -> Passkey:
    """One that counts as no second factor yet, so that ``user`` still signs in without. Nobody holds its key."""
    if user.passkey_handle is None:
        user.passkey_handle = uuid4()
        user.save(update_fields=["passkey_handle"])
    passkey = Passkey(
        user=user,
        name="내 휴대폰",
        host=host,
        credential_id=credential_id or secrets.token_urlsafe(32),
        public_key=public_key,
    )
    passkey.save()
    return passkey


def make_passkey_challenge(
    ceremony: Ceremony = Ceremony.LOG_IN,
    *,
    user: User | None = None,
    host: str = "hana.academy.test",
    cookie: str | None = None,
) -> PasskeyChallenge:
    """What the browser with ``cookie`` was asked to have signed; without it, nobody's."""
    challenge = PasskeyChallenge(
        ceremony=ceremony,
        user=user,
        host=host,
        cookie_hash=hashlib.sha256((cookie or secrets.token_hex(8)).encode()).hexdigest(),
        challenge=secrets.token_bytes(32),
        expires_at=timezone.now() + timedelta(minutes=5),
    )
    challenge.save()
    return challenge
