"""A row of every tenant model in each of the two academies, for walks over the models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import models, transaction

from academy.tenancy.base import TenantModel
from academy.tenancy.checks import tenant_models
from apps.accounts.models import User
from apps.accounts.phones import parse_phone
from apps.accounts.roles import Role
from tests.factories import Cast, World, client_of, make_erasure, make_export, make_user

BYSTANDER_PHONE: Final = "010-3000-0000"


def every_tenant_model() -> list[type[TenantModel]]:
    """The system check stops a model of a tenant app that is no ``TenantModel``; this is for the type checker."""
    return [model for model in tenant_models() if issubclass(model, TenantModel)]


@dataclass(frozen=True, slots=True)
class Key:
    """A key from one tenant model to another."""

    model: type[TenantModel]
    field: models.ForeignKey[Any, Any]
    target: type[TenantModel]

    def __str__(self) -> str:
        return f"{self.model._meta.label}.{self.field.name}"


def tenant_foreign_keys() -> list[Key]:
    """Every key from one tenant model to another, whatever its class."""
    return [
        Key(model, field, field.related_model)
        for model in every_tenant_model()
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
        and isinstance(field.related_model, type)
        and issubclass(field.related_model, TenantModel)
    ]


def error_of(call: Callable[[], object]) -> Exception | None:
    """What ``call`` raises, ``None`` when it goes through; what it did to the database is undone on an error."""
    try:
        with transaction.atomic():
            call()
    except Exception as error:  # noqa: BLE001  handed to the caller, who judges it
        return error
    return None


def complete(world: World) -> None:
    """Add to each academy a guardian to whom things are done, signed in, and what everybody asked for."""
    for cast in (world.hana, world.duri):
        with cast.acting():
            bystander = make_user(Role.GUARDIAN, phone=BYSTANDER_PHONE, name="지나가는 사람")
            for person in (*cast.users.values(), bystander):
                make_export(person)
                make_erasure(person)
        client_of(bystander)


def bystander_of(cast: Cast) -> User:
    with cast.acting():
        return User.objects.get(phone=parse_phone(BYSTANDER_PHONE))


def row_of(cast: Cast, model: type[TenantModel]) -> TenantModel:
    """One row of ``model``. A model without any is one that ``make_world`` does not know yet: teach it."""
    with cast.acting():
        row = model.objects.order_by("pk").first()
    assert row is not None, f"tests/factories/world.py makes no {model._meta.label}"
    return row
