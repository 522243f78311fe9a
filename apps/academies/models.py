"""Pictures that academies send as their logo."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey


class Logo(TenantModel):
    """A picture as it was sent, which nobody is ever shown.

    ``logo_key`` and ``icon_key`` are its drawings, "" until there are any. Which are in use,
    ``Tenant.logo_place`` says.
    """

    id = models.BigAutoField(primary_key=True)
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    logo_key = models.CharField(max_length=255, blank=True, default="")
    icon_key = models.CharField(max_length=255, blank=True, default="")
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="logo_upload_once")]

    def __str__(self) -> str:
        return f"logo #{self.pk}"
