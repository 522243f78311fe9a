"""Making academies: pooled ones by the application, silos by the owner of the schemas, and errors that say why."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from academy.tenancy.catalogue import isolation_problems, tenant_schemas
from academy.tenancy.context import acting_for
from academy.tenancy.hosts import tenant_of_host
from academy.tenancy.models import Domain, Isolation, Plan, Tenant
from academy.tenancy.provisioning import create_tenant, migrate_schema
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.students.models import Student
from tests.factories import PASSWORD, World, make_academy, make_student, make_world

ROOT = Path(__file__).resolve().parents[2]
OWNER = ["--name", "하나수학", "--owner-name", "박원장", "--owner-phone", "010-1234-5678"]


def create_academy(*arguments: str) -> str:
    out = StringIO()
    call_command("create_academy", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER_PASSWORD", PASSWORD)


def test_a_pooled_academy_has_a_host_and_an_owner(db: None) -> None:
    assert "hana.academy.test" in create_academy("hana", *OWNER)
    tenant = Tenant.objects.get(slug="hana")
    assert (tenant.schema_name, tenant.isolation, tenant.plan.code) == ("pool", Isolation.POOL, "basic")
    assert tenant_of_host("hana.academy.test") == tenant
    with acting_for(tenant):
        owner = User.objects.get()
    assert (owner.role, str(owner.phone), owner.check_password(PASSWORD)) == (Role.OWNER, "+821012345678", True)


def test_an_academy_may_have_a_domain_of_its_own(db: None) -> None:
    create_academy("hana", *OWNER, "--domain", "Hana-Math.TEST", "--plan", "premium")
    domain = Domain.objects.get()
    assert (domain.domain, domain.tenant.plan.code) == ("hana-math.test", "premium")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["Hana!", *OWNER], "Hana!|올바른|valid"),
        (["-hana", *OWNER], "올바른|valid|argument"),
        (["hana", *OWNER, "--plan", "gold"], "there is no plan 'gold'; there are: basic, lite, premium"),
        (["hana", *OWNER[:-1], "12"], "올바른 전화번호가 아닙니다"),
        (["taken", *OWNER], "slug|이미|already"),
        (["fresh", *OWNER, "--domain", "taken.academy.test"], "domain|이미|already"),
    ],
)
def test_what_cannot_be_made_is_said_and_leaves_nothing(db: None, arguments: list[str], complaint: str) -> None:
    make_academy("taken")
    with pytest.raises(CommandError, match=complaint):
        create_academy(*arguments)
    assert [tenant.slug for tenant in Tenant.objects.all()] == ["taken"]
    assert Domain.objects.count() == 1


def test_a_weak_password_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER_PASSWORD", "12345678")
    with pytest.raises(CommandError):
        create_academy("hana", *OWNER)
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("slug", ["", "-a", "a-", "a" * 33, "ha na", "하나", "hana\n", "a.b", "HANA", "pool;drop"])
def test_a_slug_that_is_no_host_label_is_refused(db: None, slug: str) -> None:
    with pytest.raises(ValidationError):
        create_tenant(slug=slug, name="x", plan=Plan.objects.get(code="basic"))


@pytest.mark.parametrize("schema", ["Pool", "pool; DROP SCHEMA pool", 'a"b', "1a", "", "a" * 64, "pool\n"])
def test_a_schema_name_that_is_no_name_is_refused(db: None, schema: str) -> None:
    with pytest.raises(ValueError, match="not a schema name"):
        migrate_schema(schema)


def test_there_is_one_platform(db: None) -> None:
    make_academy("platform", is_platform=True)
    with pytest.raises((ValidationError, DatabaseError)), transaction.atomic():
        make_academy("second", is_platform=True)


def test_the_applications_role_cannot_make_a_silo(db: None) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        create_tenant(slug="silo", name="x", plan=Plan.objects.get(code="basic"), isolation=Isolation.SILO)
    assert not Tenant.objects.exists()


# ---------------------------------------------------------------- silos


def as_owner(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": os.environ["MIGRATION_DATABASE_URL"], "OWNER_PASSWORD": PASSWORD}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def silos(committed: None) -> Iterator[None]:
    """Silo schemas are dropped afterwards."""
    yield
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
        for schema in tenant_schemas(owner.cursor()):
            if schema.startswith("silo_"):
                owner.execute(f'DROP SCHEMA "{schema}" CASCADE')


def test_a_silo_has_every_wall_and_its_rows_to_itself(silos: None) -> None:
    world = make_world()
    done = as_owner("create_academy", "gangnam-1", *OWNER, "--isolation", "silo")
    assert done.returncode == 0, done.stderr
    silo = Tenant.objects.get(slug="gangnam-1")
    assert (silo.schema_name, silo.isolation) == ("silo_gangnam_1", Isolation.SILO)
    with connection.cursor() as cursor:
        assert isolation_problems(cursor) == []
        assert tenant_schemas(cursor) == ["pool", "silo_gangnam_1"]
    with acting_for(silo), transaction.atomic():
        assert User.objects.get().role == Role.OWNER
        make_student("240101")
    with acting_for(silo), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_schema(), tableoid::regclass::text FROM students_student WHERE tenant_id = %s", [silo.pk]
        )
        assert cursor.fetchall() == [("silo_gangnam_1", "students_student")]
    with acting_for(world.hana.tenant), transaction.atomic():
        assert Student.objects.get().tenant_id == world.hana.tenant.pk
    _migrating_again_changes_nothing()


def _migrating_again_changes_nothing() -> None:
    done = as_owner("migrate_academies", "--verbosity", "1")
    assert done.returncode == 0, done.stderr
    assert "Applying" not in done.stdout
    with connection.cursor() as cursor:
        assert isolation_problems(cursor) == []


def test_a_silo_that_cannot_be_finished_leaves_nothing(silos: None) -> None:
    done = as_owner("create_academy", "broken", *OWNER[:-1], "12", "--isolation", "silo")
    assert done.returncode != 0
    assert "올바른 전화번호가 아닙니다" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Tenant.objects.exists()
    with connection.cursor() as cursor:
        assert tenant_schemas(cursor) == ["pool"]


def test_the_world_is_two_academies(world: World) -> None:
    assert {tenant.slug for tenant in Tenant.objects.all()} == {"hana", "duri"}
