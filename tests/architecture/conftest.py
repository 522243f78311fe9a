"""One world per module: the walks only look, and what they write is rolled back after each test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.architecture.rows import complete
from tests.factories import World, make_world


@pytest.fixture(autouse=True)
def _pushes(settings: Any) -> None:
    """As where notices are pushed. Nothing here runs the jobs that would."""
    settings.VAPID_PRIVATE_KEY = "Jx6PFtUuEvBlhq9naa0jvkXdGGxng8-XyRHcWqOVW08"
    settings.VAPID_SUBJECT = "mailto:ops@academy.test"


@pytest.fixture(scope="module")
def _module_world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        world = make_world()
        complete(world)
        yield world
        transaction.set_rollback(True)


@pytest.fixture
def full_world(_module_world: World, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """A world with a row of every tenant model. Its objects are shared: fetch what you change."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield _module_world
        transaction.set_rollback(True)
