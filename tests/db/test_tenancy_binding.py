"""The tenant is bound to the transaction and to nothing that outlives it."""

from __future__ import annotations

import threading

import pytest
from django.db import DatabaseError, connection, transaction

from academy.tenancy.context import acting_for, acting_tenant, acting_tenant_or_none, tenant_connection
from academy.tenancy.errors import NoActingTenant, TenantQueryOutsideTransaction
from academy.tenancy.models import Tenant
from apps.exams.models import Exam
from tests.factories import World, make_academy, make_world

UNBOUND = ("public", "")


def settings_of_the_connection() -> tuple[str, str]:
    """search_path and tenant as PostgreSQL has them, asked below Django so that nothing is bound by asking."""
    raw = connection.connection
    assert raw is not None
    row = raw.execute("SELECT current_setting('search_path'), current_setting('app.tenant_id', true)").fetchone()
    return row[0], row[1] or ""


def bound_to(tenant: Tenant) -> tuple[str, str]:
    return f'"{tenant.schema_name}",public', str(tenant.pk)


@pytest.fixture
def academy(committed: None) -> Tenant:
    return make_academy("hana")


def test_nothing_is_left_after_a_commit(academy: Tenant) -> None:
    with acting_for(academy), transaction.atomic():
        assert Exam.objects.count() == 0
        assert settings_of_the_connection()[1] == str(academy.pk)
    assert settings_of_the_connection() == UNBOUND


def test_nothing_is_left_after_a_rollback(academy: Tenant) -> None:
    with acting_for(academy), transaction.atomic():
        Exam.objects.count()
        transaction.set_rollback(True)
    assert settings_of_the_connection() == UNBOUND


def test_nothing_is_left_after_an_error_of_the_database(academy: Tenant) -> None:
    def divide_by_zero() -> None:
        with acting_for(academy), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    with pytest.raises(DatabaseError):
        divide_by_zero()
    assert settings_of_the_connection() == UNBOUND


def test_a_savepoint_that_is_rolled_back_takes_its_binding_along(academy: Tenant) -> None:
    other = make_academy("duri")
    with acting_for(academy), transaction.atomic():
        Exam.objects.count()
        with acting_for(other), transaction.atomic():
            Exam.objects.count()
            assert settings_of_the_connection()[1] == str(other.pk)
            transaction.set_rollback(True)
        assert Exam.objects.count() == 0
        assert settings_of_the_connection()[1] == str(academy.pk)


def test_a_binding_made_inside_a_savepoint_is_made_again_after_its_rollback(academy: Tenant) -> None:
    with transaction.atomic():
        with transaction.atomic(), acting_for(academy):
            Exam.objects.count()
            transaction.set_rollback(True)
        assert settings_of_the_connection() == UNBOUND
        with acting_for(academy):
            assert Exam.objects.count() == 0, "the next query binds anew"
            assert settings_of_the_connection()[1] == str(academy.pk)


def test_a_savepoint_rolled_back_by_hand_while_acting_is_bound_anew(academy: Tenant) -> None:
    with transaction.atomic():
        savepoint = transaction.savepoint()
        with acting_for(academy):
            Exam.objects.count()
            transaction.savepoint_rollback(savepoint)
            assert settings_of_the_connection() == UNBOUND
            assert Exam.objects.count() == 0
            assert settings_of_the_connection()[1] == str(academy.pk)


def test_a_released_savepoint_keeps_the_binding_of_whoever_acts(academy: Tenant) -> None:
    other = make_academy("duri")
    with acting_for(academy), transaction.atomic():
        with acting_for(other), transaction.atomic():
            Exam.objects.count()
        Exam.objects.count()
        assert settings_of_the_connection()[1] == str(academy.pk)


def test_a_tenant_query_outside_a_transaction_raises(academy: Tenant) -> None:
    with acting_for(academy):
        with pytest.raises(TenantQueryOutsideTransaction):
            Exam.objects.count()
        with pytest.raises(TenantQueryOutsideTransaction):
            connection.cursor()
    assert settings_of_the_connection() == UNBOUND


def test_shared_tables_need_neither_a_tenant_nor_a_transaction(academy: Tenant) -> None:
    assert Tenant.objects.get(slug="hana") == academy


def test_without_a_tenant_the_tables_of_academies_are_not_even_there(academy: Tenant) -> None:
    with pytest.raises(DatabaseError, match="does not exist"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM exams_exam WHERE tenant_id = 1")


def test_acting_nests_and_ends_in_reverse_order(world: World) -> None:
    hana, duri = world.hana, world.duri
    assert acting_tenant_or_none() is None
    with acting_for(hana.tenant):
        assert Exam.objects.get() == hana.exam
        with acting_for(duri.tenant):
            assert Exam.objects.get() == duri.exam
            with acting_for(hana.tenant):
                assert Exam.objects.get() == hana.exam
            assert Exam.objects.get() == duri.exam
        assert Exam.objects.get() == hana.exam
    with pytest.raises(NoActingTenant):
        acting_tenant()


def test_acting_ends_when_an_exception_leaves(world: World) -> None:
    with pytest.raises(ZeroDivisionError), acting_for(world.hana.tenant):
        _ = 1 / 0
    assert acting_tenant_or_none() is None


def test_one_statement_binds_a_transaction(academy: Tenant) -> None:
    statements: list[str] = []
    raw = tenant_connection()
    with acting_for(academy), transaction.atomic():
        before = raw._bound
        Exam.objects.count()
        first = raw._bound
        Exam.objects.count()
        statements.append(str(raw._bound))
    assert before == (*UNBOUND, "")
    assert first == (*bound_to(academy), ""), "no person acts"
    assert statements == [str(first)]


def test_another_thread_acts_for_nobody(world: World) -> None:
    seen: list[Tenant | None] = []
    with acting_for(world.hana.tenant):
        thread = threading.Thread(target=lambda: seen.append(acting_tenant_or_none()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_two_threads_act_for_two_academies_at_once(committed: None) -> None:
    world = make_world()
    barrier = threading.Barrier(2)
    found: dict[str, list[Exam]] = {}

    def look(slug: str, tenant: Tenant) -> None:
        try:
            for _ in range(20):
                with acting_for(tenant), transaction.atomic():
                    barrier.wait(timeout=10)
                    found.setdefault(slug, []).append(Exam.objects.get())
        finally:
            connection.close()

    threads = [threading.Thread(target=look, args=(cast.tenant.slug, cast.tenant)) for cast in (world.hana, world.duri)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"hana": [world.hana.exam] * 20, "duri": [world.duri.exam] * 20}
