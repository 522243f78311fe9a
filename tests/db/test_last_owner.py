"""Two owners who demote each other at the same moment: one of them stays."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import connection, transaction

from academy.http.errors import DomainError, Refused
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services.people import LastOwner, change_role, suspend_person
from tests.factories import make_academy, make_user

pytestmark = pytest.mark.usefixtures("committed")


def owners_of(tenant: Tenant) -> set[int]:
    with acting_for(tenant), transaction.atomic():
        return set(User.objects.filter(role=Role.OWNER, is_active=True).values_list("pk", flat=True))


def wait_until_somebody_waits() -> None:
    """Until a statement on this database waits for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        for _ in range(100_000):
            row = administrator.execute(statement).fetchone()
            if row is not None and row[0]:
                return
    pytest.fail("nobody waits")


@pytest.mark.parametrize("how", ["demote", "suspend"])
def test_the_second_of_two_sees_what_the_first_did(how: str) -> None:
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        first, second = make_user(Role.OWNER), make_user(Role.OWNER)

    def remove(by: User, other: User) -> None:
        if how == "demote":
            change_role(by=by, user_id=other.pk, role=Role.MANAGER)
        else:
            suspend_person(by=by, user_id=other.pk)

    has_removed, may_commit = threading.Event(), threading.Event()

    def the_first() -> None:
        with acting_for(tenant), transaction.atomic():
            remove(first, second)
            has_removed.set()
            assert may_commit.wait(30)
        connection.close()

    def the_second() -> DomainError | None:
        assert has_removed.wait(30)
        try:
            with acting_for(tenant), transaction.atomic():
                remove(second, first)
        except DomainError as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(2) as threads:
        one, two = threads.submit(the_first), threads.submit(the_second)
        wait_until_somebody_waits()
        may_commit.set()
        one.result(60)
        refused = two.result(60)
    assert isinstance(refused, Refused | LastOwner)
    assert owners_of(tenant) == {first.pk}
