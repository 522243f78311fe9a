"""Every table there is says what it holds about people: an export shows it and an erasure reaches it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.db import models

from academy.tenancy.holdings import Fate, Holding, holdings, not_personal
from tests.architecture.rows import every_tenant_model, tenant_foreign_keys

OURS = ("academy.", "apps.")
SECRET = re.compile(r"(^|_)(password|secret|token|hash|session_key|session_data|credential|public_key)(_|$)|(^|_)key$")
HOLDINGS = holdings()
by_holding = pytest.mark.parametrize(
    "holding", HOLDINGS, ids=[f"{holding.model._meta.label} {holding.fate.value}" for holding in HOLDINGS]
)


def every_model() -> list[type[models.Model]]:
    return [model for model in apps.get_models(include_auto_created=True) if model.__module__.startswith(OURS)]


def test_every_table_is_declared() -> None:
    """A model that neither ``HOLDINGS`` nor ``NOT_PERSONAL`` of its app names would outlive an erasure unseen."""
    declared = {holding.model for holding in HOLDINGS} | set(not_personal())
    assert [model._meta.label for model in every_model() if model not in declared] == []
    assert len(every_tenant_model()) >= 12


def test_nothing_is_said_to_be_nobodys_that_points_at_people(record_property: Any) -> None:
    """A key to a person makes a row personal."""
    people = {"accounts.User", "students.Student"}
    keys = [key for key in tenant_foreign_keys() if key.target._meta.label in people]
    declared = {holding.model for holding in HOLDINGS}
    assert [str(key) for key in keys if key.model not in declared] == []
    record_property("covered", ("keys to people that an erasure reaches", len(keys)))


@by_holding
def test_secrets_are_in_no_export(holding: Holding) -> None:
    """By their names: whatever looks like one is hidden, or no column of the export."""
    assert [name for name in holding.columns if SECRET.search(name)] == []


@by_holding
def test_columns_are_there(holding: Holding) -> None:
    there = {field.attname for field in holding.model._meta.local_concrete_fields}
    assert set(holding.columns) <= there
    assert holding.hidden <= there
    assert {name if name in there else f"{name}_id" for name in holding.emptied} <= there


@by_holding
def test_what_is_kept_says_why(holding: Holding) -> None:
    assert (holding.fate is Fate.KEPT) == bool(holding.why)
    assert (holding.fate is Fate.EMPTIED) == bool(holding.emptied)


def test_no_row_is_deleted_before_those_that_refer_to_it() -> None:
    """In the order of the holdings, a protected row is never in the way."""
    place: dict[type[models.Model], int] = {}
    for index, holding in enumerate(HOLDINGS):
        if holding.fate is Fate.DELETED:
            place.setdefault(holding.model, index)
    wrong = [
        str(key)
        for key in tenant_foreign_keys()
        if key.model in place and key.target in place and key.model is not key.target
        if place[key.model] > place[key.target] and key.field.remote_field.on_delete is not models.SET_NULL
    ]
    assert wrong == []
