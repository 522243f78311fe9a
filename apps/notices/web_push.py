"""One message to one browser: sealed for it (RFC 8291), signed by this server (RFC 8292), given to its push service."""

from __future__ import annotations

import os
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import Enum
from functools import cache
from typing import Final
from urllib.parse import urlsplit

import http_ece  # type: ignore[import-untyped]  # ships no types
import urllib3
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from py_vapid import Vapid02  # type: ignore[import-untyped]  # ships no types

CONNECT_SECONDS: Final = 3.0
ANSWER_SECONDS: Final = 7.0
TTL_SECONDS: Final = 24 * 60 * 60
"""How long a push service keeps a message for a device that is off."""
SIGNED_SECONDS: Final = 12 * 60 * 60  # 24 hours at most, RFC 8292
AUTH_BYTES: Final = 16
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}\Z")
_HTTPS_PORT: Final = 443


class NotTaken(Exception):
    """The push service did not take the message; trying again may help. ``host``: whose it was."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host}: {why}")
        self.host = host


class Outcome(Enum):
    SENT = "sent"
    GONE = "gone"
    """The browser has given the subscription up: it is never to be used again."""
    REFUSED = "refused"
    """As it is, this message is never taken."""


def is_configured() -> bool:
    return bool(settings.VAPID_PRIVATE_KEY)


def public_key() -> str:
    """What browsers know this server by (``applicationServerKey``), where it ``is_configured``."""
    point = _identity(settings.VAPID_PRIVATE_KEY).public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def is_push_service(endpoint: str) -> bool:
    """Whether ``endpoint`` is an address of a push service that is known: the server asks nobody else.

    ``settings.WEB_PUSH_HOSTS`` names them: a host, one with a port, or "*." and what all hosts below it end in.
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if (
        parts.scheme != "https"
        or not host
        or "@" in parts.netloc
        or "\\" in endpoint  # which libraries read in two ways
        or not (endpoint.isascii() and endpoint.isprintable())
    ):
        return False
    name = host if port in (None, _HTTPS_PORT) else f"{host}:{port}"
    return any(
        name.endswith(known[1:]) if known.startswith("*.") else name == known for known in settings.WEB_PUSH_HOSTS
    )


def host_of(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


def are_keys(p256dh: str, auth: str) -> bool:
    """Whether a message can be sealed with them: a point of P-256, and 16 bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(p256dh))
        return len(_decoded(auth)) == AUTH_BYTES
    except ValueError:
        return False


def push(endpoint: str, p256dh: str, auth: str, message: bytes, *, topic: str) -> Outcome:
    """Hand ``message`` over; an undelivered one of the same ``topic`` is replaced. Raises ``NotTaken``."""
    if not is_push_service(endpoint):
        return Outcome.REFUSED  # the list was longer once
    host = host_of(endpoint)
    claims = {
        "aud": f"https://{host}",
        "sub": settings.VAPID_SUBJECT,
        "exp": int(time.time()) + SIGNED_SECONDS,
    }
    headers = {
        **_identity(settings.VAPID_PRIVATE_KEY).sign(claims),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(TTL_SECONDS),
        "Urgency": "normal",
        "Topic": topic,
    }
    try:
        answer = _pool().request("POST", endpoint, body=_sealed(message, p256dh, auth), headers=headers, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise NotTaken(host, type(error).__name__) from error
    if 200 <= answer.status < 300:
        return Outcome.SENT
    if answer.status in (404, 410):
        return Outcome.GONE
    if answer.status == 429 or answer.status >= 500:
        raise NotTaken(host, f"answered {answer.status}")
    return Outcome.REFUSED


def _sealed(message: bytes, p256dh: str, auth: str) -> bytes:
    sealed: bytes = http_ece.encrypt(
        message,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=_decoded(p256dh),
        auth_secret=_decoded(auth),
        version="aes128gcm",
    )
    return sealed


def _decoded(text: str) -> bytes:
    """Raises ``ValueError``."""
    if not _BASE64URL.match(text):
        raise ValueError("not base64url")
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


@cache
def _identity(private_key: str) -> Vapid02:
    return Vapid02.from_raw(private_key.encode())


@cache
def _pool() -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
    return urllib3.PoolManager(maxsize=2, timeout=timeout, retries=False)
