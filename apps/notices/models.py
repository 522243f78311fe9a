"""Devices that want notices, and the notices there are."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.accounts.models import Session, User


class Subscription(TenantModel):
    """That a signed-in browser wants notices: where its push service takes them, and the keys they are sealed with.

    It goes with the session, by whatever that ends. ``p256dh`` and ``auth`` are base64url (Push API, ``getKey``).
    """

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="+")
    session = TenantForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    endpoint = models.CharField(max_length=1000)
    p256dh = models.CharField(max_length=88)
    auth = models.CharField(max_length=24)
    language = models.CharField(max_length=2)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "endpoint"], name="subscription_endpoint_once"),
            models.UniqueConstraint(fields=["tenant", "session"], name="subscription_once_a_session"),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "user"], name="subscription_of_user")]

    def __str__(self) -> str:
        return f"subscription #{self.pk} of user {self.user_id}"


class NoticeKind(models.TextChoices):
    RESULT = "result", "A result is out"
    OBJECTION = "objection", "An objection was decided"


class Notice(TenantModel):
    """That a person is told of something, once: ``about`` is the id of the exam, or of the objection.

    ``batch`` is the id of the first of those that one job sends.
    """

    id = models.BigAutoField(primary_key=True)
    user = TenantForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=NoticeKind)
    about = models.BigIntegerField()
    batch = models.BigIntegerField(null=True)
    sent_at = models.DateTimeField(null=True)

    untrailed = "machinery of telling people of what has an entry of its own"

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "user", "kind", "about"], name="notice_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "kind", "about"], name="notice_about"),
            models.Index(fields=["tenant", "batch"], name="notice_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.about} for user {self.user_id}"
