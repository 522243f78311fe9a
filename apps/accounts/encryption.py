"""Secrets that must be read again, encrypted at rest with keys that the database does not hold."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE: Final = b"apps.accounts.encryption"


class Unreadable(Exception):
    """Encrypted with a key that is not configured any more, or damaged."""


def encrypt(secret: bytes) -> str:
    """``secret`` under the newest key, authenticated (Fernet: AES-128-CBC and HMAC-SHA256)."""
    return _keys(tuple(settings.ENCRYPTION_KEYS)).encrypt(secret).decode()


def decrypt(token: str) -> bytes:
    """What ``encrypt`` was given, under whichever of the keys. Raises ``Unreadable``."""
    try:
        return _keys(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode())
    except InvalidToken as error:
        raise Unreadable from error


@cache
def _keys(configured: tuple[str, ...]) -> MultiFernet:
    def derived(key: str) -> Fernet:
        raw = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
        return Fernet(urlsafe_b64encode(raw))

    return MultiFernet([derived(key) for key in configured])
