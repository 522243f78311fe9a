"""An academy moves between the pool and a silo: every row, id and session comes along, nobody else's does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection, transaction

from academy.jobs.disposition import Disposition
from academy.jobs.runner import UNCLAIMABLE_SECONDS
from academy.tenancy.catalogue import isolation_problems, tenant_schemas
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Isolation, Tenant, TenantStatus
from academy.tenancy.provisioning import SILO_ID_BITS
from apps.students.models import Student
from tests.db.kernel import FakeSandbox, delivery, fresh, new_job, use_test_kinds
from tests.factories import Cast, World, client_of, make_academy, make_student
from tests.factories.privacy import make_erasure, make_export

ROOT = Path(__file__).resolve().parents[2]


def as_owner(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": os.environ["MIGRATION_DATABASE_URL"]}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def move(slug: str, to: str) -> subprocess.CompletedProcess[str]:
    return as_owner("move_academy", slug, "--to", to, "--drain-seconds", "0")


@contextmanager
def _acting(tenant: Tenant) -> Iterator[None]:
    with acting_for(tenant), transaction.atomic():
        yield


def rows_of(cast: Cast) -> dict[str, list[str]]:
    """Every row of the academy as text, by table."""
    tenant = Tenant.objects.get(pk=cast.tenant.pk)
    found = {}
    with _acting(tenant), connection.cursor() as cursor:
        for model in tenant_models():
            table = model._meta.db_table
            cursor.execute(f"SELECT row::text FROM {table} AS row WHERE tenant_id = %s ORDER BY 1", [tenant.pk])
            found[table] = [row for (row,) in cursor.fetchall()]
    return found


@pytest.fixture
def world_and_silos(committed_world: World) -> Iterator[World]:
    for cast in (committed_world.hana, committed_world.duri):
        with cast.acting():
            make_export(cast.owner)
            make_erasure(cast.owner)
    yield committed_world
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
        for schema in tenant_schemas(owner.cursor()):
            if schema.startswith("silo_"):
                owner.execute(f'DROP SCHEMA "{schema}" CASCADE')


def test_there_and_back_again(world_and_silos: World) -> None:
    hana, duri = world_and_silos.hana, world_and_silos.duri
    owner = client_of(hana.owner)
    before, others = rows_of(hana), rows_of(duri)
    assert all(before.values())

    done = move("hana", "silo")
    assert done.returncode == 0, done.stderr
    tenant = Tenant.objects.get(pk=hana.tenant.pk)
    assert (tenant.isolation, tenant.schema_name, tenant.status) == (Isolation.SILO, "silo_hana", TenantStatus.ACTIVE)
    assert rows_of(hana) == before
    assert rows_of(duri) == others
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"]) as administrator:
        for table in before:
            left = administrator.execute(f"SELECT count(*) FROM pool.{table} WHERE tenant_id = %s", [tenant.pk])
            assert left.fetchone() == (0,), table
    with connection.cursor() as cursor:
        assert isolation_problems(cursor) == []
    forget_hosts()
    assert owner.get("/api/v1/students").status_code == 200, "the session came along"
    with _acting(tenant):
        new = make_student("555001")
    assert new.pk >> SILO_ID_BITS == tenant.pk, "a silo counts in a range of its own"

    in_silo = rows_of(hana)
    done = move("hana", "pool")
    assert done.returncode == 0, done.stderr
    tenant.refresh_from_db()
    assert (tenant.isolation, tenant.schema_name, tenant.status) == (Isolation.POOL, "pool", TenantStatus.ACTIVE)
    assert rows_of(hana) == in_silo
    with connection.cursor() as cursor:
        assert tenant_schemas(cursor) == ["pool"], "the schema it left is gone"
    with duri.acting():
        assert make_student("555002").pk < 2**SILO_ID_BITS, "the pool counts on as before"

    assert move("hana", "silo").returncode == 0
    with _acting(Tenant.objects.get(pk=tenant.pk)):
        assert make_student("555003").pk == new.pk + 1, "no id is given twice"
        assert set(Student.objects.values_list("number", flat=True)) == {hana.student.number, "555001", "555003"}


def test_an_interrupted_move_goes_on(world_and_silos: World) -> None:
    """Closed and with the silo made, then killed."""
    Tenant.objects.filter(slug="hana").update(status=TenantStatus.MOVING)
    before = rows_of(world_and_silos.hana)
    assert move("hana", "silo").returncode == 0
    assert rows_of(world_and_silos.hana) == before
    Tenant.objects.filter(slug="hana").update(status=TenantStatus.MOVING)  # killed before it was opened again
    done = move("hana", "silo")
    assert done.returncode == 0, done.stderr
    assert Tenant.objects.get(slug="hana").status == TenantStatus.ACTIVE


def test_a_suspended_academy_stays_suspended(world_and_silos: World) -> None:
    Tenant.objects.filter(slug="hana").update(status=TenantStatus.SUSPENDED)
    assert move("hana", "silo").returncode == 0
    tenant = Tenant.objects.get(slug="hana")
    assert (tenant.status, tenant.isolation) == (TenantStatus.SUSPENDED, Isolation.SILO)


def test_ids_that_the_pool_has_given_are_refused_and_nothing_changes(world_and_silos: World) -> None:
    hana, duri = world_and_silos.hana, world_and_silos.duri
    assert move("hana", "silo").returncode == 0
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        administrator.execute(
            "UPDATE silo_hana.accounts_challenge SET id = (SELECT id FROM pool.accounts_challenge LIMIT 1)"
        )
    before, others = rows_of(hana), rows_of(duri)
    done = move("hana", "pool")
    assert done.returncode != 0
    assert "pool.accounts_challenge: duplicate key" in done.stderr
    assert "Traceback" not in done.stderr
    assert (rows_of(hana), rows_of(duri)) == (before, others)
    assert Tenant.objects.get(slug="hana").status == TenantStatus.ACTIVE


def test_an_academy_that_is_not_there_is_said(committed: None) -> None:
    assert "there is no academy 'nobody'" in move("nobody", "silo").stderr


def test_silos_are_migrated_side_by_side_and_one_that_fails_holds_up_no_other(world_and_silos: World) -> None:
    assert move("hana", "silo").returncode == 0
    assert move("duri", "silo").returncode == 0
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
        last = "DELETE FROM {}.django_migrations WHERE app = 'students' AND name ~ '^0001'"
        owner.execute(last.format("silo_hana"))  # it would make tables that are there
        owner.execute("REVOKE SELECT ON silo_duri.exams_exam FROM academy_app")
        done = as_owner("migrate_academies", "--jobs", "2", "--verbosity", "0")
        assert done.returncode != 0
        assert "silo_hana: " in done.stderr
        assert "silo_duri: " not in done.stderr
        granted = "SELECT has_table_privilege('academy_app', 'silo_duri.exams_exam', 'SELECT')"
        assert owner.execute(granted).fetchone() == (True,), "the other silo is through"


def test_the_jobs_of_an_academy_on_its_way_wait(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    use_test_kinds(monkeypatch)
    tenant, sandbox = make_academy(), FakeSandbox()
    job = new_job(tenant)
    Tenant.objects.filter(pk=tenant.pk).update(status=TenantStatus.MOVING)
    before = fresh(job).state
    assert delivery(job, sandbox).run() == Disposition.defer(UNCLAIMABLE_SECONDS)
    assert (fresh(job).state, sandbox.calls) == (before, [])
