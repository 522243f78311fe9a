"""Passkeys: a whole log-in by itself, and for staff a second factor after a password or a code.

For people who learn here a passkey is a convenience: a code to their phone still lets them in. For staff it counts as
the second factor that they have, with recovery codes, so that a password alone no longer suffices.
"""

from __future__ import annotations

import hmac
import logging
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from academy.http.errors import Missing, Refused
from academy.tenancy.context import acting_tenant
from apps.accounts import limits
from apps.accounts.models import SECOND_FACTOR_KEY, Ceremony, Passkey, SecondFactor, User
from apps.accounts.services.access import end_access_elsewhere, note_confirmed, start_session
from apps.accounts.services.ceremonies import (
    ALGORITHMS,
    CHALLENGE_SECONDS,
    WrongPasskey,
    host_here,
    made_passkey,
    new_challenge,
    shown_passkey,
    use_challenge,
)
from apps.accounts.services.passwords import confirm_recently
from apps.accounts.services.second_factors import has_authenticator, new_recovery_codes, remove_second_factor

MAX_PASSKEYS: Final = 20
_KNOWN_TRANSPORTS: Final = frozenset(transport.value for transport in AuthenticatorTransport)

logger = logging.getLogger(__name__)


def begin_passkey(request: HttpRequest, user: User, *, password: str) -> tuple[dict[str, Any], str]:
    """Options for ``navigator.credentials.create``, and the cookie that they are bound to.

    Raises ``Refused`` while a second factor is to be shown or there are too many, and as ``confirm_recently``.
    """
    _check_may_add(request, user)
    confirm_recently(request, user, password)
    host = host_here(request)
    if user.passkey_handle is None:
        User.objects.filter(pk=user.pk, passkey_handle=None).update(passkey_handle=uuid4())
        user.refresh_from_db(fields=["passkey_handle"])
    assert user.passkey_handle is not None
    challenge, cookie = new_challenge(request, ceremony=Ceremony.ADD, user=user)
    options = generate_registration_options(
        rp_id=host,
        rp_name=acting_tenant().name,
        user_id=user.passkey_handle.bytes,
        user_name=str(user.phone),
        user_display_name=user.name,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=_descriptors(user, host),
        supported_pub_key_algs=ALGORITHMS,
    )
    return options_to_json_dict(options), cookie


def add_passkey(
    request: HttpRequest, user: User, *, cookie: str | None, name: str, credential: Mapping[str, Any]
) -> tuple[Passkey, list[str]]:
    """Keep what the authenticator made. Returns recovery codes, shown once, where it is the first second factor.

    Then other sessions end. Raises ``WrongPasskey``, ``Refused``, ``TooMany``.
    """
    _check_may_add(request, user)
    limits.take_factor(user.pk)
    host = host_here(request)
    challenge = use_challenge(request, cookie=cookie, ceremony=Ceremony.ADD, user=user)
    made = made_passkey(credential, challenge=challenge, host=host)
    passkey = Passkey(
        user=user,
        name=name,
        host=host,
        credential_id=bytes_to_base64url(made.credential_id),
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=_known(credential["response"].get("transports", [])),
        is_backed_up=made.credential_backed_up,
    )
    try:
        with transaction.atomic():
            passkey.save(force_insert=True)
    except IntegrityError as error:
        raise WrongPasskey from error
    limits.forget_factors(user.pk)
    if not user.is_staff_member or user.has_second_factor:
        return passkey, []
    user.has_second_factor = True
    user.save(update_fields=["has_second_factor"])
    codes = new_recovery_codes(user)
    end_access_elsewhere(request, user)
    request.session[SECOND_FACTOR_KEY] = user.pk
    return passkey, codes


def rename_passkey(user: User, *, passkey_id: int, name: str) -> Passkey:
    """Raises ``Missing``."""
    passkey = Passkey.objects.filter(pk=passkey_id, user=user).first()
    if passkey is None:
        raise Missing
    passkey.name = name
    passkey.save(update_fields=["name"])
    return passkey


def remove_passkey(request: HttpRequest, user: User, *, passkey_id: int, password: str) -> None:
    """Take it out of use; every other session ends, also those that it began.

    Who loses their last second factor with it loses the recovery codes too. Raises ``Missing``, ``Refused`` for the
    last one where the academy requires one, and as ``confirm_recently``.
    """
    User.objects.select_for_update(of=("self",)).get(pk=user.pk)  # of two removals at once one is the last
    found = Passkey.objects.filter(pk=passkey_id, user=user)
    if not found.exists():
        raise Missing
    others = Passkey.objects.filter(user=user).exclude(pk=passkey_id)
    is_last = user.has_second_factor and not (has_authenticator(user) or others.exists())
    if is_last and user.is_staff_member and acting_tenant().mfa_required_for_staff:
        raise Refused(gettext("This academy requires a second factor of its staff."))
    confirm_recently(request, user, password)
    found.delete()
    if is_last:
        remove_second_factor(user)
    end_access_elsewhere(request, user)


def ask_to_log_in(request: HttpRequest) -> tuple[dict[str, Any], str]:
    """Options for ``navigator.credentials.get`` that name nobody, and their cookie. Raises ``TooMany``."""
    limits.take_passkey(request)
    return _asking(request, ceremony=Ceremony.LOG_IN, user=None)


def log_in_by_passkey(request: HttpRequest, *, cookie: str | None, credential: Mapping[str, Any]) -> User:
    """Start a session, complete with the second factor. Raises ``WrongPasskey``, whatever the reason, ``TooMany``."""
    limits.take_passkey(request)
    challenge = use_challenge(request, cookie=cookie, ceremony=Ceremony.LOG_IN, user=None)
    passkey = Passkey.objects.select_related("user").filter(credential_id=credential["id"]).first()
    if passkey is None or not passkey.user.is_admitted or not _is_handle_of(passkey.user, credential):
        raise WrongPasskey
    _use(passkey, credential, challenge=challenge, host=host_here(request))
    start_session(request, passkey.user)
    request.session[SECOND_FACTOR_KEY] = passkey.user.pk
    return passkey.user


def ask_to_show(request: HttpRequest, user: User) -> tuple[dict[str, Any], str]:
    """Options for ``navigator.credentials.get`` that name the passkeys of ``user``, and their cookie."""
    return _asking(request, ceremony=Ceremony.SHOW, user=user)


def show_passkey(request: HttpRequest, user: User, *, cookie: str | None, credential: Mapping[str, Any]) -> None:
    """Complete a log-in, or confirm who one is. The session gets a new key. Raises ``WrongPasskey``, ``TooMany``."""
    limits.take_factor(user.pk)
    challenge = use_challenge(request, cookie=cookie, ceremony=Ceremony.SHOW, user=user)
    passkey = Passkey.objects.filter(credential_id=credential["id"], user=user).first()
    if passkey is None:
        raise WrongPasskey
    _use(passkey, credential, challenge=challenge, host=host_here(request))
    limits.forget_factors(user.pk)
    request.session.cycle_key()
    request.session[SECOND_FACTOR_KEY] = user.pk
    note_confirmed(request)


def _check_may_add(request: HttpRequest, user: User) -> None:
    if user.second_factor_due(request.session) == SecondFactor.SHOW:
        raise Refused(gettext("Show the second factor that you have first."))
    if Passkey.objects.filter(user=user).count() >= MAX_PASSKEYS:
        raise Refused(gettext("Remove a passkey that you no longer use first."))


def _asking(request: HttpRequest, *, ceremony: Ceremony, user: User | None) -> tuple[dict[str, Any], str]:
    host = host_here(request)
    challenge, cookie = new_challenge(request, ceremony=ceremony, user=user)
    options = generate_authentication_options(
        rp_id=host,
        challenge=challenge,
        timeout=CHALLENGE_SECONDS * 1000,
        allow_credentials=_descriptors(user, host) if user else [],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options), cookie


def _use(passkey: Passkey, credential: Mapping[str, Any], *, challenge: bytes, host: str) -> None:
    """Raises ``WrongPasskey``."""
    shown = shown_passkey(credential, challenge=challenge, host=host, public_key=bytes(passkey.public_key))
    count = shown.new_sign_count
    goes_up = Q(sign_count__lt=count) if count else Q(sign_count=0)
    taken = Passkey.objects.filter(goes_up, pk=passkey.pk).update(
        sign_count=count, is_backed_up=shown.credential_backed_up, last_used_at=timezone.now()
    )
    if not taken:
        logger.warning(
            "the counter of passkey %d of user %d of tenant %d did not go up: it may have been copied",
            passkey.pk,
            passkey.user_id,
            passkey.tenant_id,
        )
        raise WrongPasskey


def _is_handle_of(user: User, credential: Mapping[str, Any]) -> bool:
    given = credential["response"].get("userHandle") or ""
    try:
        handle = urlsafe_b64decode(given + "=" * (-len(given) % 4))
    except ValueError:
        return False
    return user.passkey_handle is not None and hmac.compare_digest(handle, user.passkey_handle.bytes)


def _descriptors(user: User, host: str) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(transport) for transport in _known(passkey.transports)],
        )
        for passkey in Passkey.objects.filter(user=user, host=host).order_by("pk")
    ]


def _known(transports: Sequence[str]) -> list[str]:
    return sorted(_KNOWN_TRANSPORTS & set(transports))
