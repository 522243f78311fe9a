"""The audit of isolation: clean on a sound system, and each of its checks notices its fault."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections

from academy.audits.canaries import check_canaries, targets
from academy.audits.files import check_files, json_columns, key_columns
from academy.audits.report import PURPOSE
from academy.audits.signing import is_genuine
from academy.http.errors import DomainError
from academy.storage import s3
from academy.tenancy.audit import Check, check_catalogue, check_policies, check_references, check_strays
from academy.tenancy.checks import tenant_models
from academy.tenancy.models import Isolation, Tenant
from apps.exams import api
from apps.exams.models import Exam
from tests.bucket import forget_objects
from tests.factories import World

SLUGS = ("canary-1", "canary-2")
PHONE, PASSWORD = "010-7777-0001", "canary-password-7"


@pytest.fixture
def owner(committed: None) -> Iterator[psycopg.Connection]:
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"], autocommit=True) as opened:
        yield opened


@contextmanager
def broken(owner: psycopg.Connection, fault: str, repair: str) -> Iterator[None]:
    owner.execute(fault)
    try:
        yield
    finally:
        owner.execute(repair)


def audit(*arguments: str) -> str:
    out = StringIO()
    call_command("audit_isolation", *arguments, stdout=out)
    return out.getvalue()


# ---------------------------------------------------------------- a sound system


def test_a_sound_system_is_clean_and_the_report_is_signed(
    committed_world: World, empty_bucket: None, tmp_path: Path
) -> None:
    report, metrics = tmp_path / "report.json", tmp_path / "isolation.prom"
    said = audit("--out", str(report), "--metrics", str(metrics))
    assert "canaries    skipped: no --base-url given" in said
    assert "PROBLEM" not in said
    content = json.loads(report.read_bytes())
    assert content["is_clean"]
    examined = {check["name"]: check["examined"] for check in content["checks"]}
    assert examined["catalogue"] == 1
    assert examined["references"] >= 2 * 15
    assert examined["policies"] == 2
    assert examined["files"] >= 8
    assert 'academy_isolation_problems{check="references"} 0\n' in metrics.read_text()
    assert "genuine, clean" in audit("--verify", str(report))
    report.write_bytes(report.read_bytes().replace(b'"examined": 1,', b'"examined": 9,'))
    with pytest.raises(CommandError, match="signature does not fit"):
        audit("--verify", str(report))


def test_the_report_is_kept_under_the_platforms_prefix(committed_world: World, empty_bucket: None) -> None:
    said = audit()
    key = said.rpartition("report: ")[2].strip()
    assert key.startswith("platform/audits/")
    answer = s3.s3_client().get_object(Bucket=settings.MEDIA_BUCKET, Key=key)
    assert is_genuine(json.loads(answer["Body"].read()), purpose=PURPOSE)


def test_a_problem_ends_in_failure_and_in_the_metric(
    committed_world: World, empty_bucket: None, tmp_path: Path
) -> None:
    client = s3.s3_client()
    client.put_object(Bucket=settings.MEDIA_BUCKET, Key="t/99999/x.jpg", Body=b"x")
    metrics = tmp_path / "isolation.prom"
    try:
        with pytest.raises(CommandError) as failed:
            audit("--out", str(tmp_path / "report.json"), "--metrics", str(metrics))
    finally:
        forget_objects()
    assert failed.value.returncode == 1
    assert 'academy_isolation_problems{check="files"} 1\n' in metrics.read_text()
    assert not json.loads((tmp_path / "report.json").read_bytes())["is_clean"]


# ---------------------------------------------------------------- each check notices


def test_drift_of_the_catalogue_is_noticed(committed_world: World, owner: psycopg.Connection) -> None:
    table = "pool.students_student"
    fault, repair = f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY", f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    assert check_catalogue().problems == []
    with broken(owner, fault, repair):
        assert check_catalogue().problems == [f"{table}: row-level security is not forced"]


def test_a_row_that_refers_to_another_academys_is_counted(committed_world: World, owner: psycopg.Connection) -> None:
    ours, theirs = committed_world.hana, committed_world.duri
    row = owner.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"
        " AND conrelid = 'pool.exams_scan'::regclass AND pg_get_constraintdef(oid) ~ 'student_id'"
    ).fetchone()
    assert row is not None
    assert check_references().problems == []
    with (
        broken(
            owner,
            f"ALTER TABLE pool.exams_scan DROP CONSTRAINT {row[0]}",
            f"ALTER TABLE pool.exams_scan ADD CONSTRAINT {row[0]} {row[1]}",
        ),
        psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator,
    ):
        forge = "UPDATE pool.exams_scan SET student_id = %s WHERE id = %s"
        administrator.execute(forge, [theirs.student.pk, ours.scan.pk])
        try:
            problems = check_references().problems
        finally:
            administrator.execute(forge, [ours.student.pk, ours.scan.pk])
    assert problems == [
        f"academy {ours.tenant.pk}: 1 rows of exams_scan.student_id refer to no row of the academy",
    ]


def test_rows_in_a_schema_that_is_not_their_academys_are_found(committed_world: World) -> None:
    duri = committed_world.duri.tenant
    assert check_strays().problems == []
    Tenant.objects.filter(pk=duri.pk).update(isolation=Isolation.SILO, schema_name="silo_gone")
    problems = check_strays().problems
    assert f"academy {duri.pk} lives in silo_gone: 1 rows in pool.students_student" in problems
    assert "silo_gone: an academy lives in it and it is not there" in problems


def test_a_schema_of_no_academy_is_found(committed_world: World, owner: psycopg.Connection) -> None:
    with broken(owner, "CREATE SCHEMA silo_left", "DROP SCHEMA silo_left"):
        assert "silo_left: no academy lives in it" in check_strays().problems


def test_a_policy_that_does_not_hold_is_noticed_by_what_it_shows(
    committed_world: World, owner: psycopg.Connection
) -> None:
    table = "pool.students_student"
    assert check_policies().problems == []
    with broken(
        owner, f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY", f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    ):
        problems = check_policies().problems
    assert f"{table}: shows rows although no academy is acting" in problems
    assert f"{table}: shows academy {committed_world.hana.tenant.pk} rows of another" in problems


def test_a_role_that_no_policy_binds_is_noticed(committed_world: World) -> None:
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        administrator.execute("ALTER ROLE academy_app BYPASSRLS")
        try:
            problems = check_policies().problems
        finally:
            administrator.execute("ALTER ROLE academy_app NOBYPASSRLS")
    assert any("whom no policy binds" in problem for problem in problems)


def test_a_key_in_a_row_that_is_not_its_academys_is_found(committed_world: World, empty_bucket: None) -> None:
    hana, duri = committed_world.hana, committed_world.duri
    stolen, asset = duri.upload.key, f"t/{duri.tenant.pk}/templates/logo.png"
    with hana.acting(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exams_scan SET source_key = %s WHERE tenant_id = %s AND id = %s",
            [stolen, hana.tenant.pk, hana.scan.pk],
        )
        cursor.execute(
            "UPDATE exams_sheetlayout SET assets = %s WHERE tenant_id = %s",
            [json.dumps({"logo.png": asset}), hana.tenant.pk],
        )
    problems = check_files().problems
    assert f"academy {hana.tenant.pk}: exams_scan.source_key names {stolen}" in problems
    assert f"academy {hana.tenant.pk}: exams_sheetlayout.assets names {asset}" in problems
    assert len(problems) == 2


def test_objects_of_nobody_are_found_and_orphans_noted(committed_world: World, empty_bucket: None) -> None:
    client, hana = s3.s3_client(), committed_world.hana.tenant
    strange = ["t/99999/x.jpg", "t/abc/x.jpg", "t/loose.jpg", "loose.jpg", "other/x.jpg"]
    orphan = f"t/{hana.pk}/uploads/orphan.jpg"
    for key in (*strange, orphan):
        client.put_object(Bucket=settings.MEDIA_BUCKET, Key=key, Body=b"x")
    try:
        check = check_files()
    finally:
        forget_objects()
    assert sorted(problem.partition(":")[0] for problem in check.problems) == [
        "loose.jpg",
        "other/",
        "t/99999/",
        "t/abc/",
        "t/loose.jpg",
    ]
    assert any(f"academy {hana.pk}: " in note and orphan in note for note in check.notes)


def test_what_is_being_sent_in_parts_belongs_to_a_row(committed_world: World, empty_bucket: None) -> None:
    client, hana = s3.s3_client(), committed_world.hana
    orphan, strange = f"t/{hana.tenant.pk}/uploads/nobodys.mp4", "t/99999/uploads/x.mp4"
    for key in (hana.film_upload.key, orphan, strange, "loose.mp4"):
        client.create_multipart_upload(Bucket=settings.MEDIA_BUCKET, Key=key)
    try:
        check = check_files()
    finally:
        forget_objects()
    assert sorted(check.problems) == [f"{key}: an unfinished upload of no academy" for key in ("loose.mp4", strange)]
    (note,) = [note for note in check.notes if note.startswith(f"academy {hana.tenant.pk}: ")]
    assert orphan in note
    assert hana.film_upload.key not in note


def test_every_column_that_holds_a_key_is_looked_at(world: World) -> None:
    """A new column with keys that the audit does not know by its name fails here."""
    for model in tenant_models():
        known = {*key_columns(model), *json_columns(model)}
        table = model._meta.db_table
        with world.hana.acting(), connection.cursor() as cursor:
            for field in model._meta.local_fields:
                cursor.execute(
                    f"SELECT count(*) FROM {table} WHERE tenant_id = %s AND {field.column}::text ~ '(^|\")t/[0-9]+/'",
                    [world.hana.tenant.pk],
                )
                if cursor.fetchone() != (0,):
                    assert field.column in known, f"{table}.{field.column}"


# ---------------------------------------------------------------- canaries over HTTP


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is the library's
        """Say nothing."""


@pytest.fixture
def base_url(committed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("CANARY_PHONE", PHONE)
    monkeypatch.setenv("CANARY_PASSWORD", PASSWORD)
    application = get_wsgi_application()

    def closing(environ: Any, start_response: Any) -> Any:
        body = list(application(environ, start_response))
        connections.close_all()
        return body

    server = make_server("127.0.0.1", 0, closing, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def probe(base_url: str, password: str = PASSWORD) -> Check:
    return check_canaries(base_url=base_url, slugs=SLUGS, phone=PHONE, password=password)


def test_canaries_see_their_own_and_nothing_of_each_other(base_url: str) -> None:
    assert probe(base_url).problems == [
        "there are not both of the canary academies canary-1, canary-2: manage.py create_canaries"
    ]
    for _ in range(2):
        call_command("create_canaries", stdout=StringIO())
    check = probe(base_url)
    assert check.problems == []
    assert {target.route for target in targets()} >= {"api/v1/exams/<int:exam_id>", "api/v1/jobs/<int:job_id>"}
    assert check.examined >= 2 * (3 * 4 + 1)
    assert any("no Job" in note for note in check.notes)


def test_an_answer_that_tells_foreign_from_missing_is_noticed(base_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("create_canaries", stdout=StringIO())
    shown = api.ExamView.get

    class Forbidden(DomainError):
        status_code = 403
        code = "forbidden"

    def telling(self: Any, request: Any, exam_id: int) -> Any:
        if exam_id < 2**40 and not Exam.objects.filter(pk=exam_id).exists():
            raise Forbidden("Not yours.")
        return shown(self, request, exam_id)

    monkeypatch.setattr(api.ExamView, "get", telling)
    problems = probe(base_url).problems
    assert len(problems) == 2
    assert all("api/v1/exams/<int:exam_id> answers 403 for Exam" in problem for problem in problems)


def test_canaries_that_cannot_be_asked_are_a_problem(base_url: str) -> None:
    call_command("create_canaries", stdout=StringIO())
    assert "no log-in" in probe(base_url, "wrong").problems[0]
    assert "canary-1" in probe("http://127.0.0.1:1").problems[0]
    os.environ.pop("CANARY_PHONE")
    with pytest.raises(CommandError, match="CANARY_PHONE"):
        call_command("audit_isolation", "--base-url", base_url, "--out", os.devnull, stdout=StringIO())
