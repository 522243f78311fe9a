"""The copy of all that is held about a person: complete, without secrets, without anybody else."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any
from zipfile import ZipFile

import pytest
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.roles import Role
from apps.exams.models import Scan
from apps.privacy.models import Export, SubjectKind
from apps.privacy.services import ask_for_export
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import Cast, World, make_export, make_student

pytestmark = pytest.mark.usefixtures("aws")
PAGE = b"\xff\xd8\xff their page"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    with world.hana.acting():
        s3.write_object(world.hana.scan.source_key, PAGE, content_type="image/jpeg")
    return world.hana


def collect(cast: Cast, export: Export) -> ZipFile:
    assert export.job_id is not None
    deliver(cast.tenant, export.job_id, FakeSandbox())
    with cast.acting():
        after = Export.objects.get(pk=export.pk)
        assert after.job is not None
        assert (after.job.state, after.job.error_code) == (JobState.SUCCEEDED, "")
        data = s3.read_object(after.archive_key, max_bytes=10_000_000)
    assert after.byte_count == len(data)
    return ZipFile(io.BytesIO(data))


def rows(archive: ZipFile, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(archive.read(f"data/{table}.json"))
    return found


def test_a_student_gets_their_record_their_pages_and_their_readings(hana: Cast) -> None:
    with hana.acting():
        export = make_export(hana.users[Role.STUDENT])
    archive = collect(hana, export)
    assert [row["name"] for row in rows(archive, "students.student")] == [hana.student.name]
    assert [row["phone"] for row in rows(archive, "accounts.user")] == [str(hana.users[Role.STUDENT].phone)]
    [scan] = rows(archive, "exams.scan")
    assert (scan["id"], scan["number_read"]) == (hana.scan.pk, hana.student.number)
    pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
    assert [archive.read(name) for name in pictures] == [PAGE]
    assert "학원" in archive.read("README.txt").decode()


def test_no_secret_and_no_other_person_is_in_it(hana: Cast) -> None:
    with hana.acting():
        make_student("555001", name="남궁다른이")
        export = make_export(hana.teacher)
    archive = collect(hana, export)
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    assert hana.teacher.password not in everything
    assert "남궁다른이" not in everything
    assert hana.student.name not in everything
    assert [set(row) for row in rows(archive, "exams.exam")] == [{"id", "created_at", "title"}]


def test_it_can_be_fetched_for_a_week_and_is_then_removed(hana: Cast) -> None:
    with hana.acting():
        export = make_export(hana.owner)
    collect(hana, export)
    with hana.acting():
        after = Export.objects.get(pk=export.pk)
        drop = Job.objects.get(kind="privacy.drop_export")
        assert after.expires_at is not None
        assert timedelta(days=6) < after.expires_at - timezone.now() < timedelta(days=8)
        assert drop.available_at == after.expires_at
        Job.objects.filter(pk=drop.pk).update(available_at=timezone.now())
    deliver(hana.tenant, drop.pk, FakeSandbox())
    with hana.acting():
        assert Export.objects.get(pk=export.pk).archive_key == ""
        assert list(s3.versions_of(after.archive_key)) == []


def test_who_has_one_on_the_way_gets_that(hana: Cast) -> None:
    with hana.acting():
        assert make_export(hana.owner) == make_export(hana.owner)


def test_a_person_who_was_erased_meanwhile_fails_with_a_reason(hana: Cast) -> None:
    with hana.acting():
        student = make_student("555002")
        export = ask_for_export(by=hana.owner, kind=SubjectKind.STUDENT, subject_id=student.pk, reason="전학")
        Scan.objects.filter(student=student).delete()
        student.delete()
    assert export.job_id is not None
    deliver(hana.tenant, export.job_id, FakeSandbox())
    with hana.acting():
        job = Job.objects.get(pk=export.job_id)
    assert (job.state, job.error_code) == (JobState.FAILED, "person_erased")
