"""WebAuthn: what a browser is asked to sign, and whether what came back was signed by the right key, here and now.

The relying party is the host of the request, never a domain above it: what one academy's host made is nothing on
another's. Nothing here tells a caller which of the checks failed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.registration.verify_registration_response import VerifiedRegistration

from academy.http.errors import DomainError
from academy.tenancy.middleware import host_of
from apps.accounts.models import Ceremony, PasskeyChallenge, User

CHALLENGE_BYTES: Final = 32
CHALLENGE_SECONDS: Final = 5 * 60
# Kept a while for whoever has to find out what happened, then deleted by later askings.
KEPT: Final = timedelta(days=1)
# An RSA key of 4096 bits takes 530 bytes; a longer one only makes the check slow.
MAX_KEY_BYTES: Final = 600
ALGORITHMS: Final = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]
# What the package and the keys that it builds raise for bytes that somebody made up: it declares the first only.
UNVERIFIABLE: Final = (
    WebAuthnException,
    InvalidSignature,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)


class WrongPasskey(DomainError):
    """Unknown, of another academy, wrongly signed, too late, used before: one answer for all."""

    status_code: ClassVar[int] = 401
    code: ClassVar[str] = "wrong_passkey"

    def __init__(self) -> None:
        super().__init__(gettext("This passkey was not accepted. Try again, or sign in another way."))


def host_here(request: HttpRequest) -> str:
    """The host of the request, which is one of the acting academy's: the middleware found the academy by it."""
    host = host_of(request)
    if host is None:
        raise WrongPasskey
    return host


def origin_of(host: str) -> str:
    """What browsers call the pages of ``host``: scheme, host and, unless it is the usual one, port."""
    scheme, usual = ("https", 443) if settings.IS_TLS else ("http", 80)
    port = "" if usual == settings.PUBLIC_PORT else f":{settings.PUBLIC_PORT}"
    return f"{scheme}://{host}{port}"


def new_challenge(request: HttpRequest, *, ceremony: Ceremony, user: User | None) -> tuple[bytes, str]:
    """What the browser has to have signed, and the cookie that binds it to this browser."""
    now = timezone.now()
    PasskeyChallenge.objects.filter(expires_at__lt=now - KEPT).delete()
    challenge, cookie = secrets.token_bytes(CHALLENGE_BYTES), secrets.token_urlsafe(32)
    PasskeyChallenge(
        ceremony=ceremony,
        user=user,
        host=host_here(request),
        cookie_hash=_cookie_hash(cookie),
        challenge=challenge,
        expires_at=now + timedelta(seconds=CHALLENGE_SECONDS),
    ).save(force_insert=True)
    return challenge, cookie


def use_challenge(request: HttpRequest, *, cookie: str | None, ceremony: Ceremony, user: User | None) -> bytes:
    """The challenge of this browser, used from now on, whatever comes of it. Raises ``WrongPasskey``."""
    row = PasskeyChallenge.objects.filter(
        cookie_hash=_cookie_hash(cookie or ""),
        ceremony=ceremony,
        user=user,
        host=host_here(request),
        used_at=None,
        expires_at__gt=timezone.now(),
    ).first()
    if row is None:
        raise WrongPasskey
    if not PasskeyChallenge.objects.filter(pk=row.pk, used_at=None).update(used_at=timezone.now()):
        raise WrongPasskey
    return bytes(row.challenge)


def made_passkey(credential: Mapping[str, Any], *, challenge: bytes, host: str) -> VerifiedRegistration:
    """What an authenticator made, after a look at the person (user verification). Raises ``WrongPasskey``."""
    try:
        made = verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin_of(host),
            require_user_verification=True,
            supported_pub_key_algs=ALGORITHMS,
        )
        if len(made.credential_public_key) > MAX_KEY_BYTES or len(made.credential_id) > 1023:
            raise WrongPasskey
        # With no attestation nothing has been done with the key yet: a point beside the curve is refused now.
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))
    except UNVERIFIABLE as error:
        raise WrongPasskey from error
    return made


def shown_passkey(
    credential: Mapping[str, Any], *, challenge: bytes, host: str, public_key: bytes
) -> VerifiedAuthentication:
    """What an authenticator signed, after a look at the person. Raises ``WrongPasskey``.

    The counter is the caller's to compare: it means something once the signature is known to be right.
    """
    try:
        return verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin_of(host),
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except UNVERIFIABLE as error:
        raise WrongPasskey from error


def _cookie_hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
