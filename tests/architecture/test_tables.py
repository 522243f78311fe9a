"""Every table of the product stands behind its walls, by the database's own catalogue; and the walk notices."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Model

from academy.tenancy.catalogue import isolation_problems, shared_tables, tenant_schemas
from academy.tenancy.checks import tenant_models
from academy.tenancy.models import POOL_SCHEMA


@pytest.fixture
def owner() -> Iterator[psycopg.Cursor]:
    """A cursor of the schemas' owner; whatever is done with it is rolled back."""
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"]) as opened:
        yield opened.cursor()
        opened.rollback()


def test_the_catalogue_holds_every_wall(db: None) -> None:
    with connection.cursor() as cursor:
        assert isolation_problems(cursor) == []
        assert tenant_schemas(cursor) == [POOL_SCHEMA]
    assert len(tenant_models()) >= 10
    assert not shared_tables() & {model._meta.db_table for model in tenant_models()}


def test_tests_run_as_the_role_of_the_application(db: None) -> None:
    """As the owner or a superuser every other test of isolation would pass emptily."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = user")
        assert cursor.fetchone() == (settings.APP_DB_ROLE, settings.APP_DB_ROLE, False)


# A change to the database, and what the walk says of it.
MUTATIONS = [
    ("DROP POLICY tenant_isolation ON pool.exams_exam", "has no policy tenant_isolation"),
    ("ALTER POLICY tenant_isolation ON pool.exams_exam USING (true)", "USING true"),
    ("ALTER POLICY tenant_isolation ON pool.exams_exam WITH CHECK (true)", "WITH CHECK true"),
    ("ALTER POLICY tenant_isolation ON pool.exams_exam TO academy_dispatcher", "for ['academy_dispatcher']"),
    ("CREATE POLICY wide ON pool.exams_exam USING (true)", "policy wide"),
    ("CREATE POLICY dispatcher ON pool.exams_exam TO academy_dispatcher USING (true)", "policy dispatcher"),
    ("ALTER POLICY dispatcher ON pool.jobs_job TO PUBLIC", "policy dispatcher for ['public']"),
    ("ALTER TABLE pool.exams_exam NO FORCE ROW LEVEL SECURITY", "is not forced"),
    ("ALTER TABLE pool.exams_exam DISABLE ROW LEVEL SECURITY", "is not enabled"),
    ("ALTER TABLE pool.exams_exam ALTER tenant_id DROP NOT NULL", "not bigint NOT NULL"),
    ("ALTER TABLE pool.exams_exam DROP tenant_id CASCADE", "has no tenant_id"),
    ("CREATE UNIQUE INDEX ON pool.exams_exam (title)", "not led by tenant_id"),
    ("CREATE UNIQUE INDEX ON pool.exams_exam (lower(title))", "not led by tenant_id"),
    ("CREATE TABLE pool.loose (id bigint)", "pool.loose: belongs to no model"),
    ("CREATE TABLE public.loose (id bigint)", "public.loose: is no table of a shared app"),
    ("ALTER TABLE pool.exams_question SET SCHEMA public", "public.exams_question: is no table of a shared app"),
    ("CREATE VIEW pool.all_exams AS SELECT id FROM pool.exams_exam", "is a view"),
    ("CREATE SCHEMA silo_empty", "silo_empty.exams_exam: is missing"),
    ("CREATE FUNCTION pool.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "runs with the rights of"),
    ("ALTER TABLE pool.jobs_job DISABLE TRIGGER job_changed", "rings when a job changes, is off"),
    ("DROP TRIGGER job_added ON pool.jobs_job", "the trigger job_added is None"),
    (
        "CREATE OR REPLACE FUNCTION pool.jobs_job_changed() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.tenant_id := 1; RETURN NEW; END'",
        "is not the function that rings",
    ),
    (
        "CREATE TRIGGER job_added AFTER INSERT ON pool.exams_exam"
        " FOR EACH ROW EXECUTE FUNCTION pool.jobs_job_changed()",
        "has a trigger job_added",
    ),
    ("GRANT TRUNCATE ON pool.exams_exam TO academy_app", "'TRUNCATE'"),
    ("GRANT SELECT ON pool.exams_exam TO PUBLIC", "PUBLIC may"),
    ("GRANT SELECT (title) ON pool.exams_exam TO academy_dispatcher", "academy_dispatcher may SELECT ['title']"),
    ("GRANT SELECT (arguments) ON pool.jobs_job TO academy_dispatcher", "'arguments'"),
    ("GRANT SELECT ON pool.jobs_job TO academy_dispatcher", "academy_dispatcher may ['SELECT']"),
    ("REVOKE UPDATE (state) ON pool.jobs_job FROM academy_dispatcher", "academy_dispatcher may UPDATE"),
    ("GRANT SELECT (name) ON public.tenancy_tenant TO academy_dispatcher", "'name'"),
    ("GRANT UPDATE ON pool.django_migrations TO academy_app", "django_migrations: academy_app may"),
    ("GRANT CREATE ON SCHEMA pool TO academy_app", "academy_app may create things"),
    ("GRANT UPDATE ON pool.trail_trailentry TO academy_app", "trail_trailentry: academy_app may"),
    ("GRANT DELETE ON pool.trail_trailentry TO academy_app", "trail_trailentry: academy_app may"),
    ("DROP TRIGGER trail ON pool.exams_exam", "exams_exam: the trigger of the trail is None"),
    ("ALTER TABLE pool.exams_exam DISABLE TRIGGER trail", "exams_exam: trail, which writes the trail, is off"),
    (
        "CREATE OR REPLACE TRIGGER trail AFTER INSERT ON pool.exams_exam FOR EACH ROW"
        " EXECUTE FUNCTION public.record_change('id', '', '')",
        "exams_exam: the trigger of the trail is CREATE TRIGGER trail AFTER INSERT ON",
    ),
    (
        "CREATE OR REPLACE FUNCTION public.record_change() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RETURN NULL; END'",
        "record_change: is not the one that writes the trail",
    ),
    ("CREATE TRIGGER other AFTER DELETE ON pool.exams_exam EXECUTE FUNCTION public.record_change()", "trigger other"),
]


@pytest.mark.parametrize(("change", "complaint"), MUTATIONS, ids=[change for change, _ in MUTATIONS])
def test_the_walk_notices(owner: psycopg.Cursor, change: str, complaint: str) -> None:
    owner.execute(change)
    assert any(complaint in problem for problem in isolation_problems(owner))


@pytest.mark.parametrize("model", tenant_models(), ids=lambda model: model._meta.db_table)
def test_the_walk_notices_each_key_that_is_missing(owner: psycopg.Cursor, model: type[Model]) -> None:
    table = model._meta.db_table
    owner.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype IN ('f', 'u')"
        " AND conrelid = to_regclass(%s) AND pg_get_constraintdef(oid) ~ 'tenant_id'",
        [f"pool.{table}"],
    )
    constraints = owner.fetchall()
    assert len(constraints) >= 2
    for name, definition in constraints:
        is_wall = definition.startswith("FOREIGN KEY") or name.endswith("_walls")
        if not is_wall:
            continue  # a rule of the product's, e.g. one phone per academy: its own tests hold it
        owner.execute("SAVEPOINT before")
        owner.execute(f'ALTER TABLE pool.{table} DROP CONSTRAINT "{name}" CASCADE')
        assert isolation_problems(owner), f"{table}: nobody missed {definition}"
        owner.execute("ROLLBACK TO before")


def test_the_walk_notices_a_key_of_one_column(owner: psycopg.Cursor) -> None:
    owner.execute("ALTER TABLE pool.exams_scan ADD FOREIGN KEY (exam_id) REFERENCES pool.exams_exam (id)")
    assert any("not led by tenant_id on both sides" in problem for problem in isolation_problems(owner))


def test_the_walk_notices_a_key_that_is_not_enforced(owner: psycopg.Cursor) -> None:
    owner.execute(
        "ALTER TABLE pool.exams_question ADD FOREIGN KEY (tenant_id, exam_id)"
        " REFERENCES pool.exams_exam (tenant_id, id) NOT VALID"
    )
    assert any("is not enforced" in problem for problem in isolation_problems(owner))


@pytest.mark.parametrize("attribute", ["SUPERUSER", "BYPASSRLS", "CREATEROLE"])
def test_the_walk_notices_a_role_that_may_too_much(attribute: str) -> None:
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"]) as administrator:
        cursor = administrator.cursor()
        cursor.execute(f"ALTER ROLE academy_app {attribute}")
        problems = isolation_problems(cursor)
        administrator.rollback()
    assert any("role academy_app" in problem for problem in problems)


def test_the_walk_notices_a_role_that_inherits_or_owns() -> None:
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"]) as administrator:
        cursor = administrator.cursor()
        cursor.execute("GRANT academy_owner TO academy_app")
        cursor.execute("ALTER TABLE pool.exams_exam OWNER TO academy_app")
        problems = isolation_problems(cursor)
        administrator.rollback()
    assert any("is a member of academy_owner" in problem for problem in problems)
    assert any("pool.exams_exam: owned by academy_app" in problem for problem in problems)
