"""System checks on every model: what has no tenant column, or a key that could cross academies, stops the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.db import models

from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey, TenantKey
from academy.tenancy.managers import TenantManager


def tenant_models() -> list[type[models.Model]]:
    """Every model whose table lives in a tenant schema, in a stable order."""
    found = [
        model
        for config in apps.get_app_configs()
        if config.name in settings.TENANT_APPS
        for model in config.get_models(include_auto_created=True)
    ]
    return sorted(found, key=lambda model: model._meta.label)


@register()
def check_tenant_models(**_: Any) -> list[CheckMessage]:
    return [problem for model in tenant_models() for problem in _problems_of(model)]


def _problems_of(model: type[models.Model]) -> Iterator[CheckMessage]:
    if not issubclass(model, TenantModel):
        yield Error("lives in a tenant schema but is no TenantModel", obj=model, id="tenancy.E001")
        return
    if not all(isinstance(manager, TenantManager) for manager in (*model._meta.managers, model._base_manager)):
        yield Error(
            "a manager is no TenantManager; its Meta must inherit TenantModel.Meta", obj=model, id="tenancy.E002"
        )
    for field in model._meta.local_fields:
        if not isinstance(field, models.ForeignKey) or isinstance(field, TenantKey):
            continue
        target = field.related_model
        if isinstance(target, type) and issubclass(target, TenantModel) and not isinstance(field, TenantForeignKey):
            yield Error(f"{field.name} must be a TenantForeignKey", obj=model, id="tenancy.E003")
    for unique in model._meta.constraints:
        if isinstance(unique, models.UniqueConstraint) and unique.fields and unique.fields[0] != "tenant":
            yield Error(f"unique constraint {unique.name} is not led by tenant", obj=model, id="tenancy.E004")
    unknown = set(model.trail_values) - {field.column for field in model._meta.local_fields}
    if unknown:
        yield Error(f"trail_values names {sorted(unknown)}, which are no columns", obj=model, id="tenancy.E006")
    for field in model._meta.local_fields:
        if field.unique and not field.primary_key:
            yield Error(f"{field.name} is unique across academies", obj=model, id="tenancy.E005")
