"""What a person changes is in the trail, whichever way it is written; what a machine does is not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection, transaction
from django.db.models import F

from academy.tenancy import actors
from academy.tenancy.base import TenantModel
from academy.tenancy.catalogue import isolation_problems, triggers_of
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.trail.models import AppendOnly, TrailEntry
from academy.trail.recording import acting_as
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.exams.models import Exam, Question, Scan
from apps.students.models import Guardianship, Student
from tests.architecture.rows import every_tenant_model
from tests.db.test_move_academy import as_owner
from tests.factories import Cast, World, make_erasure, make_student


@contextmanager
def by_owner(cast: Cast) -> Iterator[None]:
    with cast.acting(), acting_as(cast.owner, action="tests"):
        yield


def changes(cast: Cast) -> list[TrailEntry]:
    """What the trigger wrote, in order."""
    with cast.acting():
        return list(TrailEntry.objects.exclude(operation="").order_by("pk"))


def summary(entry: TrailEntry) -> tuple[str, str, str, list[str]]:
    return entry.operation, entry.table_name, entry.row_id, entry.column_names


# Every way to write that goes round ``save()``; each changes the number of the student given.
WAYS: dict[str, Callable[[Student], object]] = {
    "save": lambda row: _renumbered(row).save(),
    "save update_fields": lambda row: _renumbered(row).save(update_fields=["number"]),
    "update": lambda row: Student.objects.filter(pk=row.pk).update(number="900001"),
    "bulk_update": lambda row: Student.objects.bulk_update([_renumbered(row)], ["number"]),
    "upsert": lambda row: Student.objects.bulk_create(
        [_renumbered(row)], update_conflicts=True, unique_fields=["id"], update_fields=["number"]
    ),
    "save_base raw": lambda row: _renumbered(row).save_base(raw=True),
    "raw SQL": lambda row: _raw("UPDATE students_student SET number = '900001' WHERE tenant_id = %s AND id = %s", row),
    "raw SQL under another schema's name": lambda row: _raw(
        "UPDATE pool.students_student SET number = '900001' WHERE tenant_id = %s AND id = %s", row
    ),
}


def _renumbered(row: Student) -> Student:
    row.number = "900001"
    return row


def _raw(statement: str, row: Student) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [row.tenant_id, row.pk])


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS.keys())
def test_no_way_of_writing_leaves_the_trail_out(world: World, write: Callable[[Student], object]) -> None:
    student = world.hana.student
    with by_owner(world.hana):
        write(Student.objects.get(pk=student.pk))
    [entry] = changes(world.hana)
    assert summary(entry) == ("update", "students_student", str(student.pk), ["number"])
    assert (entry.actor_id, entry.actor_role, entry.action) == (world.hana.owner.pk, "owner", "tests")
    assert set(entry.subjects) == {f"student:{student.pk}", f"user:{student.user_id}"}
    assert (entry.old_values, entry.new_values) == (None, None), "a student's columns leave no values behind"


def test_rows_that_are_made_and_deleted_in_bulk_and_by_cascade_have_an_entry_each(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    with by_owner(world.hana):
        made = Student.objects.bulk_create([Student(number=f"80000{n}", name="최새봄") for n in range(3)])
        Guardianship.objects.bulk_create([Guardianship(user=guardian, student=student) for student in made])
        Student.objects.filter(pk__in=[student.pk for student in made]).delete()
    found = [(entry.operation, entry.table_name) for entry in changes(world.hana)]
    assert found.count(("insert", "students_student")) == 3
    assert found.count(("insert", "students_guardianship")) == 3
    assert found.count(("delete", "students_guardianship")) == 3, "the cascade"
    assert found.count(("delete", "students_student")) == 3
    of_guardian = [entry for entry in changes(world.hana) if f"user:{guardian.pk}" in entry.subjects]
    assert len(of_guardian) == 6, "a guardianship is about both"


def test_a_write_that_changes_nothing_leaves_nothing(world: World) -> None:
    with by_owner(world.hana):
        Student.objects.filter(pk=world.hana.student.pk).update(number=F("number"))
    assert changes(world.hana) == []


def test_values_are_kept_of_declared_columns_only(world: World) -> None:
    teacher = world.hana.teacher
    with by_owner(world.hana):
        User.objects.filter(pk=teacher.pk).update(role=Role.ASSISTANT, name="새이름", phone="+821012345678")
        question = Question.objects.filter(exam=world.hana.exam).order_by("position")[0]
        Question.objects.filter(pk=question.pk).update(accepted=["4"])
    of_user, of_question = changes(world.hana)
    assert of_user.column_names == ["name", "phone", "role"]
    assert (of_user.old_values, of_user.new_values) == ({"role": "teacher"}, {"role": "assistant"})
    assert (of_question.old_values, of_question.new_values) == ({"accepted": ["1"]}, {"accepted": ["4"]})
    with world.hana.acting(), connection.cursor() as cursor:
        values: list[int | str] = [world.hana.tenant.pk, "새이름|김|12345678"]
        cursor.execute("SELECT count(*) FROM trail_trailentry AS t WHERE tenant_id = %s AND t::text ~ %s", values)
        assert cursor.fetchone() == (0,), "no name and no phone is anywhere in it"


def test_what_a_machine_writes_is_not_recorded(world: World) -> None:
    with world.hana.acting():
        make_student("700001")
        Scan.objects.update(points=3)
        Exam.objects.update(title="기말")
    assert changes(world.hana) == []


def test_an_actor_counts_in_their_own_academy_only(world: World) -> None:
    with by_owner(world.hana), acting_for(world.duri.tenant):
        make_student("700001")
    assert changes(world.duri) == changes(world.hana) == []


def test_the_actor_is_bound_anew_after_a_savepoint_was_rolled_back_and_in_a_new_transaction(world: World) -> None:
    tenant, owner = world.hana.tenant, world.hana.owner
    with acting_for(tenant), acting_as(owner, action="tests"):
        with transaction.atomic():
            make_student("700001")
            with transaction.atomic():
                make_student("700002")
                transaction.set_rollback(True)
            make_student("700003")
        with transaction.atomic():
            make_student("700004")
    assert [entry.operation for entry in changes(world.hana)] == ["insert"] * 3
    with world.hana.acting():
        make_student("700005")
    assert len(changes(world.hana)) == 3, "nobody is bound any more"


def test_a_nested_actor_gives_way_again(world: World) -> None:
    with by_owner(world.hana):
        with acting_as(world.hana.teacher, action="inner"):
            make_student("700001")
        make_student("700002")
        with actors.acting_as(None):
            make_student("700003")
    assert [(entry.actor_id, entry.action) for entry in changes(world.hana)] == [
        (world.hana.teacher.pk, "inner"),
        (world.hana.owner.pk, "tests"),
    ]


def test_nothing_of_the_actor_is_left_on_the_connection(committed_world: World) -> None:
    with by_owner(committed_world.hana):
        make_student("700001")
    raw = connection.connection
    assert raw is not None
    assert raw.execute("SELECT current_setting('app.actor', true)").fetchone() == ("",)


# ---------------------------------------------------------------- append only


CHANGES = ["UPDATE {} SET reason = 'x' WHERE tenant_id = %s", "DELETE FROM {} WHERE tenant_id = %s"]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_application_cannot_change_its_own_trail(world: World, statement: str) -> None:
    with world.hana.acting(), connection.cursor() as cursor:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            cursor.execute(statement.format("trail_trailentry"), [world.hana.tenant.pk])
        entry = TrailEntry.objects.get()
        with pytest.raises(AppendOnly):
            entry.save()
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            entry.delete()


def test_one_cannot_write_into_the_trail_of_another_academy(world: World) -> None:
    entry = (
        "INSERT INTO trail_trailentry (tenant_id, created_at, actor_role, request_id, action, path, outcome, subjects,"
        " reason, operation, table_name, row_id, column_names)"
        " VALUES (%s, now(), '', gen_random_uuid(), 'x', '', 'done', '{}', '', '', '', '', '{}')"
    )
    with world.hana.acting(), connection.cursor() as cursor:
        cursor.execute(entry, [world.hana.tenant.pk])
        with pytest.raises(DatabaseError, match="row-level security"):
            cursor.execute(entry, [world.duri.tenant.pk])
        transaction.set_rollback(True)


# ---------------------------------------------------------------- every table


def test_every_tenant_table_has_the_trigger_or_says_why_not(db: None) -> None:
    with connection.cursor() as cursor:
        found = triggers_of(cursor, "pool")
    trailed = {model._meta.db_table for model in every_tenant_model() if not model.untrailed}
    assert set(found) == trailed
    assert len(trailed) >= 11
    without = {model.__name__ for model in every_tenant_model() if model.untrailed}
    machinery = {"Session", "Challenge", "PasskeyChallenge", "Job", "DailyUsage", "AnsweredRequest"}
    machinery |= {"VideoPlaybackSession", "LectureProgress", "LectureRendition", "DeletedRows", "Notice"}
    assert without == {*machinery, "TrailEntry"}, "one more needs a lawyer"
    assert all(len(model.untrailed.split()) >= 4 for model in every_tenant_model() if model.untrailed)


@pytest.mark.parametrize("model", every_tenant_model(), ids=lambda model: model._meta.label)
def test_no_personal_column_is_among_those_whose_values_are_kept(model: type[TenantModel]) -> None:
    personal = {"name", "phone", "number", "number_read", "reading", "points", "file_name", "address", "user_agent"}
    kept = set(model.trail_values)
    if model is Question:
        kept -= {"points"}  # what a question is worth, not what anybody got
    assert not kept & personal


def test_a_silo_has_the_triggers_and_its_trail_comes_along(committed_world: World) -> None:
    hana = committed_world.hana
    with by_owner(hana):
        make_student("700001")
    before = [summary(entry) for entry in changes(hana)]
    try:
        done = as_owner("move_academy", "hana", "--to", "silo", "--drain-seconds", "0")
        assert done.returncode == 0, done.stderr
        hana.tenant.refresh_from_db()
        assert [summary(entry) for entry in changes(hana)] == before, "moving is a machine's work"
        with by_owner(hana):
            make_student("700002")
        assert len(changes(hana)) == len(before) + 1
        with connection.cursor() as cursor:
            assert isolation_problems(cursor) == []
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                cursor.execute("DELETE FROM silo_hana.trail_trailentry WHERE tenant_id = %s", [hana.tenant.pk])
    finally:
        with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
            owner.execute("DROP SCHEMA IF EXISTS silo_hana CASCADE")


def test_migrating_puts_right_what_drifted(committed: None) -> None:
    table = tenant_models()[0]._meta.db_table
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as owner:
        owner.execute(f"DROP TRIGGER trail ON pool.{table}")
        owner.execute("GRANT DELETE ON pool.trail_trailentry TO academy_app")
        owner.execute("CREATE OR REPLACE TRIGGER trail AFTER DELETE ON pool.jobs_job EXECUTE FUNCTION record_change()")
        with connection.cursor() as cursor:
            assert len(isolation_problems(cursor)) == 3
        done = as_owner("migrate_academies", "--verbosity", "0")
        assert done.returncode == 0, done.stderr
        with connection.cursor() as cursor:
            assert isolation_problems(cursor) == []


def test_a_row_that_names_a_person_without_a_key_is_about_that_person(world: World) -> None:
    with by_owner(world.hana):
        make_erasure(world.hana.teacher)
    [entry] = [entry for entry in changes(world.hana) if entry.operation == "insert"]
    assert (entry.table_name, entry.subjects) == ("privacy_erasure", [f"user:{world.hana.teacher.pk}"])
    assert entry.new_values == {"state": "asked"}, "not the reason that was given"
