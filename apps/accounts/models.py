"""People of one academy and their sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, Self
from uuid import uuid4

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.functions import RandomUUID
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.crypto import salted_hmac
from phonenumber_field.modelfields import PhoneNumberField

from academy.tenancy.base import TenantModel
from academy.tenancy.context import acting_tenant
from academy.tenancy.fields import TenantForeignKey
from academy.tenancy.managers import TenantManager
from apps.accounts.roles import ROLE_PERMISSIONS, ROLE_SIGHT, STAFF_ROLES, Permission, Role, Sight

# In the session: the id of the person who has shown their second factor.
SECOND_FACTOR_KEY: Final = "second_factor"


class SecondFactor(StrEnum):
    SHOW = "show"
    SET_UP = "set_up"


def admitted() -> models.Q:
    """Of users, those who may sign in and stay signed in: neither suspended, nor barred today."""
    return models.Q(is_active=True) & (models.Q(barred_until=None) | models.Q(barred_until__lte=timezone.localdate()))


class UserManager(TenantManager["User"]):
    def get_by_natural_key(self, phone: str) -> User:
        """The person with this phone in the acting academy. Raises ``User.DoesNotExist``."""
        return self.get(phone=phone)


class User(AbstractBaseUser, TenantModel):
    """A person of one academy, known by phone. The same phone elsewhere is somebody else.

    ``session_epoch`` is part of what every session is checked against: raising it ends them all at their next use.
    """

    id = models.BigAutoField(primary_key=True)
    phone = PhoneNumberField(region="KR")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=12, choices=Role)
    is_active = models.BooleanField(default=True)
    session_epoch = models.PositiveIntegerField(default=0, db_default=0)
    has_second_factor = models.BooleanField(default=False, db_default=False)
    invited_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    # Until that day nobody signs in as them: a young student without the consent of a guardian (apps.students).
    barred_until = models.DateField(null=True)
    # What passkeys name a person by: random, and the same for all passkeys of theirs. Set with the first one.
    passkey_handle = models.UUIDField(null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    person_kind = "user"
    trail_values = ("role", "is_active", "has_second_factor")

    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "phone"], name="user_phone_once")]

    def __str__(self) -> str:
        return self.name

    def may(self, permission: str) -> bool:
        """Whether this person's role has ``permission`` in this academy."""
        return self.is_active and Permission(permission) in ROLE_PERMISSIONS[Role(self.role)]

    @property
    def is_admitted(self) -> bool:
        """Whether this person may sign in and stay signed in: ``admitted()`` for one row."""
        return self.is_active and (self.barred_until is None or self.barred_until <= timezone.localdate())

    @property
    def sight(self) -> Sight:
        """Which courses this person sees. Nothing once they are suspended."""
        return ROLE_SIGHT[Role(self.role)] if self.is_active else Sight.NOTHING

    @property
    def sees_everything(self) -> bool:
        """Whether no course of the academy, and nothing that belongs to one, is kept from this person."""
        return self.sight is Sight.EVERYTHING

    @property
    def is_staff_member(self) -> bool:
        """Whether this person works for the academy, as against learning there."""
        return self.role in STAFF_ROLES

    def second_factor_due(self, session: Mapping[str, Any]) -> SecondFactor | None:
        """What this session still lacks: to show the second factor, to set one up, or nothing."""
        if session.get(SECOND_FACTOR_KEY) == self.pk:
            return None
        if self.has_second_factor:
            return SecondFactor.SHOW
        return SecondFactor.SET_UP if self.is_staff_member and acting_tenant().mfa_required_for_staff else None

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django's own goes by the password alone.
        value = f"{self.session_epoch}:{self.password}"
        return salted_hmac("accounts.session", value, secret=secret, algorithm="sha256").hexdigest()


class Session(AbstractBaseSession, TenantModel):
    """A signed-in browser of one person in one academy. ``handle`` names it to people, who never see the key."""

    user = TenantForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    handle = models.UUIDField(default=uuid4, db_default=RandomUUID(), editable=False)
    user_agent = models.CharField(max_length=200, blank=True, default="", db_default="")
    # A neighbourhood, not an address: academy.http.addresses.
    address = models.CharField(max_length=43, blank=True, default="", db_default="")
    last_seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    objects: ClassVar[TenantManager[Self]] = TenantManager()  # type: ignore[assignment]  # not the sessions' own

    untrailed = "written at every log-in, which has an entry of its own, and ended by acts that have one"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "handle"], name="session_handle_once")]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "expire_date"], name="session_expiry"),
            models.Index(fields=["tenant", "user"], name="session_of_user"),
        ]

    def __str__(self) -> str:
        return f"session of user {self.user_id}"

    def save(
        self,
        *args: Any,
        force_update: bool | tuple[Any, ...] = False,
        update_fields: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        if force_update and update_fields is None:
            # Django's store saves an object of its own making: its other columns are not the row's.
            update_fields = SAVED_AGAIN
        super().save(*args, force_update=force_update, update_fields=update_fields, **kwargs)

    @classmethod
    def get_session_store_class(cls) -> type:
        from apps.accounts.sessions import SessionStore

        return SessionStore


SAVED_AGAIN: Final = ("session_data", "expire_date", "user")


class Purpose(models.TextChoices):
    LOG_IN = "log_in", "Log in"
    RESET_PASSWORD = "reset_password", "Reset the password"
    CHANGE_PHONE = "change_phone", "Change the phone"


class Challenge(TenantModel):
    """A code that was asked for, by one browser, for one phone and purpose. Neither code nor cookie is kept in clear.

    There is one for every asking, whether or not anybody has the phone. ``user`` is who wants to change their phone.
    """

    id = models.BigAutoField(primary_key=True)
    purpose = models.CharField(max_length=16, choices=Purpose)
    phone = PhoneNumberField(region="KR")
    user = TenantForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    cookie_hash = models.CharField(max_length=64)
    code_hash = models.CharField(max_length=64)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    untrailed = "machinery of a code that is good for minutes; what the code opens has an entry"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "cookie_hash"], name="challenge_cookie_once")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "expires_at"], name="challenge_expiry")]

    def __str__(self) -> str:
        return f"{self.purpose} #{self.pk}"


class Authenticator(TenantModel):
    """A person's authenticator app (TOTP, RFC 6238). It counts once ``confirmed_at`` is set.

    ``last_step`` is the newest 30-second step whose code was taken: none is taken twice.
    """

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="authenticators")
    encrypted_secret = models.TextField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "user"], name="authenticator_once")]

    def __str__(self) -> str:
        return f"authenticator of user {self.user_id}"


class RecoveryCode(TenantModel):
    """A way in for whoever lost their authenticator. Good once, kept hashed."""

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "code_hash"], name="recovery_code_once")
        ]

    def __str__(self) -> str:
        return f"recovery code of user {self.user_id}"


class Passkey(TenantModel):
    """A WebAuthn credential of a person, good on the one ``host`` that it was made on.

    ``credential_id`` is base64url without padding, ``public_key`` a COSE key (RFC 9052). ``sign_count`` is the newest
    that the authenticator reported: one that does not go up, unless it stays 0, is a copy's.
    """

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=80)
    host = models.CharField(max_length=253)
    credential_id = models.CharField(max_length=1364)  # 1023 bytes, WebAuthn section 4
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    transports = models.JSONField(default=list)
    is_backed_up = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "credential_id"], name="passkey_credential_once")
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "user"], name="passkey_of_user")]

    def __str__(self) -> str:
        return f"passkey #{self.pk} of user {self.user_id}"


class Ceremony(models.TextChoices):
    LOG_IN = "log_in", "Log in"
    SHOW = "show", "Show as a second factor"
    ADD = "add", "Add a passkey"


class PasskeyChallenge(TenantModel):
    """What one browser was asked to have signed: for one ceremony, on one host, by ``user`` unless it is a log-in.

    Good once, whatever came of it.
    """

    id = models.BigAutoField(primary_key=True)
    ceremony = models.CharField(max_length=8, choices=Ceremony)
    user = TenantForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    host = models.CharField(max_length=253)
    cookie_hash = models.CharField(max_length=64)
    challenge = models.BinaryField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    untrailed = "machinery of a ceremony that is good for minutes; what it opens has an entry"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "cookie_hash"], name="passkey_challenge_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "expires_at"], name="passkey_challenge_expiry"),
            models.Index(fields=["tenant", "user"], name="passkey_challenge_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.ceremony} #{self.pk}"
