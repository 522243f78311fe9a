"""What the API shows of people and their sessions."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F, QuerySet
from django.utils import timezone

from apps.accounts.models import Passkey, RecoveryCode, Session, User, admitted
from apps.accounts.roles import Role


def people(role: Role | None = None) -> QuerySet[User]:
    """Everybody of the academy, or those with one role."""
    return User.objects.all() if role is None else User.objects.filter(role=role)


def never_signed_in(role: str = "", name: str = "", *, is_uninvited: bool = False) -> QuerySet[User]:
    """Who may come and never did, those who were not even invited first; with this role, this in their name."""
    found = User.objects.filter(is_active=True, last_login=None)
    if role:
        found = found.filter(role=role)
    if name:
        found = found.filter(name__icontains=name)
    if is_uninvited:
        found = found.filter(invited_at=None)
    return found.order_by(F("invited_at").asc(nulls_first=True), "name", "pk")


def sessions_of(user_id: int) -> QuerySet[Session]:
    """The sessions that this person could still use, the one last used first."""
    return (
        Session.objects.filter(user_id=user_id, expire_date__gt=timezone.now())
        .only("session_key", "handle", "user_agent", "address", "created_at", "last_seen_at", "tenant_id", "user_id")
        .order_by("-last_seen_at", "-created_at")
    )


def has_access(user_id: int, session_epoch: int) -> bool:
    """Whether a session begun in this epoch is still good: what long requests and streams ask again."""
    return User.objects.filter(admitted(), pk=user_id, session_epoch=session_epoch).exists()


def accounts_of_sessions(session_keys: Collection[str]) -> dict[str, User]:
    """Whose these sessions are: those of them that still exist, of people who may still come. One statement."""
    rows = Session.objects.filter(
        session_key__in=session_keys, expire_date__gt=timezone.now(), user__is_active=True
    ).select_related("user")
    return {row.session_key: row.user for row in rows if row.user is not None}


def recovery_codes_left(user_id: int) -> int:
    return RecoveryCode.objects.filter(user_id=user_id, used_at=None).count()


def passkeys_of(user_id: int) -> QuerySet[Passkey]:
    """The passkeys of this person, the newest first."""
    return Passkey.objects.filter(user_id=user_id).order_by("-pk")
