"""What accounts say about people."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Model, Q

from academy.tenancy.holdings import Fate, Holding
from apps.accounts.models import Authenticator, Challenge, Passkey, PasskeyChallenge, RecoveryCode, Session, User

HOLDINGS = (
    Holding(
        model=Session,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"session_key", "session_data"}),
    ),
    Holding(
        model=Challenge,
        about=lambda subject: Q(user__in=subject.users) | Q(phone__in=subject.phones),
        fate=Fate.DELETED,
        hidden=frozenset({"cookie_hash", "code_hash"}),
    ),
    Holding(
        model=RecoveryCode,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"code_hash"}),
    ),
    Holding(
        model=Authenticator,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"encrypted_secret"}),
    ),
    Holding(
        model=Passkey,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"credential_id", "public_key"}),
    ),
    Holding(
        model=PasskeyChallenge,
        about=lambda subject: Q(user__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"cookie_hash", "challenge"}),
    ),
    Holding(
        model=User,
        about=lambda subject: Q(pk__in=subject.users),
        fate=Fate.DELETED,
        hidden=frozenset({"password"}),
    ),
)
NOT_PERSONAL: Mapping[type[Model], str] = {}
