"""People of one academy and their sessions."""

from __future__ import annotations

from typing import ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from phonenumber_field.modelfields import PhoneNumberField

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from academy.tenancy.managers import TenantManager
from apps.accounts.roles import ROLE_PERMISSIONS, Permission, Role


class UserManager(TenantManager["User"]):
    def get_by_natural_key(self, phone: str) -> User:
        """The person with this phone in the acting academy. Raises ``User.DoesNotExist``."""
        return self.get(phone=phone)


class User(AbstractBaseUser, TenantModel):
    """A person of one academy, known by phone. The same phone elsewhere is somebody else."""

    id = models.BigAutoField(primary_key=True)
    phone = PhoneNumberField(region="KR")
    name = models.CharField(max_length=80)
    role = models.CharField(max_length=12, choices=Role)
    is_active = models.BooleanField(default=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "phone"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name", "role"]

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "phone"], name="user_phone_once")]

    def __str__(self) -> str:
        return self.name

    def may(self, permission: str) -> bool:
        """Whether this person's role has ``permission`` in this academy."""
        return self.is_active and Permission(permission) in ROLE_PERMISSIONS[Role(self.role)]


class Session(AbstractBaseSession, TenantModel):
    """A signed-in browser of one person in one academy."""

    user = TenantForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    objects: ClassVar[TenantManager[Self]] = TenantManager()  # type: ignore[assignment]  # not the sessions' own

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["tenant", "expire_date"], name="session_expiry")]

    def __str__(self) -> str:
        return f"session of user {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type:
        from apps.accounts.sessions import SessionStore

        return SessionStore
