"""An erasure reaches every row, every version of every file and every dead letter of a person, and nobody else's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from academy.audits.signing import is_genuine
from academy.http.errors import Refused
from academy.jobs.message import JobMessage
from academy.jobs.models import Job, JobState
from academy.jobs.queues import Tier, dead_letter_name, sqs_client
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.exams.models import Batch, Scan
from apps.privacy.erasing import CERTIFICATE
from apps.privacy.models import Erasure, ErasureState, SubjectKind
from apps.privacy.services import TooLateToWithdraw, approve_erasure, ask_for_erasure, withdraw_erasure
from apps.students.models import Guardianship, Student
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import (
    Cast,
    World,
    make_batch,
    make_erasure,
    make_film_upload,
    make_scan,
    make_student,
    make_upload,
    record_scan,
)

pytestmark = pytest.mark.usefixtures("aws")
PICTURE = b"\xff\xd8\xff a page"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    with world.hana.acting():
        # What is being worked on is waited for, which has a test of its own.
        Job.objects.exclude(pk=world.hana.job.pk).update(state=JobState.SUCCEEDED)
        for _ in range(2):  # two versions
            s3.write_object(world.hana.scan.source_key, PICTURE, content_type="image/jpeg")
        for attempt in (1, 2):
            key = s3.tenant_key("overlays", str(world.hana.scan.pk), f"{attempt}.jpg")
            s3.write_object(key, PICTURE, content_type="image/jpeg")
    return world.hana


def job_of(erasure: Erasure) -> int:
    assert erasure.job_id is not None
    return erasure.job_id


def ordered(cast: Cast, student: Student) -> Erasure:
    """The student's erasure, scheduled by the owner and due at once."""
    with cast.acting():
        return ask_for_erasure(
            by=cast.owner, kind=SubjectKind.STUDENT, subject_id=student.pk, reason="퇴원", grace_days=0
        )


def run(cast: Cast, erasure: Erasure) -> None:
    deliver(cast.tenant, job_of(erasure), FakeSandbox())


def certify(cast: Cast) -> Job:
    with cast.acting():
        job = Job.objects.get(kind="privacy.certify_erasure", state=JobState.QUEUED)
        Job.objects.filter(pk=job.pk).update(available_at=timezone.now() - timedelta(seconds=1))
    deliver(cast.tenant, job.pk, FakeSandbox())
    with cast.acting():
        return Job.objects.get(pk=job.pk)


def after(cast: Cast, erasure: Erasure) -> Erasure:
    with cast.acting():
        return Erasure.objects.get(pk=erasure.pk)


def certificate_of(cast: Cast, erasure: Erasure) -> dict[str, Any]:
    done = after(cast, erasure)
    assert done.state == ErasureState.ERASED
    assert done.certificate is not None
    found: dict[str, Any] = done.certificate
    return found


def letters_in(url: str) -> int:
    attributes = sqs_client().get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(attributes["ApproximateNumberOfMessagesNotVisible"])


def test_nothing_of_the_student_is_left(hana: Cast) -> None:
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    certify(hana)
    done = after(hana, erasure)
    assert done.state == ErasureState.ERASED
    with hana.acting():
        assert not Student.objects.filter(pk=hana.student.pk).exists()
        assert not User.objects.filter(pk=hana.users[Role.STUDENT].pk).exists()
        assert not Guardianship.objects.exists()
        assert not Scan.objects.exists()
        assert list(s3.versions_of(hana.scan.source_key)) == []
        assert list(s3.versions_of(s3.tenant_key("overlays", str(hana.scan.pk)) + "/")) == []
        upload = Upload.objects.get(pk=hana.upload.pk)
        assert (upload.state, upload.file_name) == (UploadState.ERASED, "")
        job = Job.objects.get(pk=hana.job.pk)
        assert (job.state, job.arguments, job.result) == (JobState.CANCELLED, {}, None)


def test_a_film_that_the_student_is_sending_is_given_up(hana: Cast) -> None:
    with hana.acting():
        film = make_film_upload(created_by=hana.users[Role.STUDENT])
        multipart_id = s3.create_multipart(film.key, content_type=film.content_type)
        Upload.objects.filter(pk=film.pk).update(multipart_id=multipart_id)
        s3.s3_client().upload_part(
            Bucket=settings.MEDIA_BUCKET, Key=film.key, UploadId=multipart_id, PartNumber=1, Body=b"their notebook"
        )
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    certify(hana)
    with hana.acting():
        assert not Upload.objects.filter(pk=film.pk).exists()
        with pytest.raises(s3.MultipartMissing):
            s3.arrived_parts(film.key, multipart_id)


def test_the_name_and_the_phone_are_in_no_table(hana: Cast) -> None:
    phone = str(hana.users[Role.STUDENT].phone)
    with hana.acting():
        student = make_student("770001", name="독고유일")
        student.user = hana.users[Role.STUDENT]
        Student.objects.filter(user=student.user).update(user=None)
        student.save(update_fields=["user"])
    erasure = ordered(hana, student)
    run(hana, erasure)
    certify(hana)
    with hana.acting(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'pool' AND table_type = 'BASE TABLE'"
        )
        for (table,) in cursor.fetchall():
            if table == "django_migrations":
                continue
            cursor.execute(
                f"SELECT count(*) FROM {table} AS row WHERE tenant_id = %s AND row::text ~ %s",
                [hana.tenant.pk, rf"독고유일|\{phone}"],
            )
            assert cursor.fetchone() == (0,), table


def test_the_others_keep_what_is_theirs(hana: Cast, world: World) -> None:
    """Also those whose page was in the same file: the file goes, their page was split off."""
    with hana.acting():
        upload = make_upload(created_by=hana.teacher, content_type="application/pdf", is_used=True)
        s3.write_object(upload.key, b"%PDF of two pages", content_type="application/pdf")
        batch = make_batch(hana.exam, upload=upload, created_by=hana.teacher, page_count=2)
        erased, other = make_student("770002"), make_student("770003")
        scans = [make_scan(batch, page_index=index) for index in range(2)]
        for scan, student in zip(scans, (erased, other), strict=True):
            scan.source_key = s3.tenant_key("pages", str(batch.pk), f"{scan.page_index}.jpg")
            scan.save(update_fields=["source_key"])
            s3.write_object(scan.source_key, PICTURE, content_type="image/jpeg")
            record_scan(scan, number=student.number, answers={"q1": "1"})
    erasure = ordered(hana, erased)
    run(hana, erasure)
    certify(hana)
    with hana.acting():
        assert list(s3.versions_of(upload.key)) == []
        assert list(s3.versions_of(scans[0].source_key)) == []
        assert s3.read_object(scans[1].source_key, max_bytes=100) == PICTURE
        assert list(Scan.objects.filter(batch=batch)) == [scans[1]]
        assert Student.objects.filter(pk=hana.student.pk).exists()
    with world.duri.acting():
        assert (Student.objects.count(), Scan.objects.count(), User.objects.count()) == (1, 1, len(Role))


def test_the_certificate_counts_names_nobody_and_is_signed(hana: Cast) -> None:
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    certify(hana)
    certificate = certificate_of(hana, erasure)
    assert is_genuine(certificate, purpose=CERTIFICATE)
    assert certificate["files"] == {"count": 3, "versions": 4}
    assert certificate["rows"]["exams.scan deleted"] == 1
    assert certificate["subject"] == {"kind": "student", "id": hana.student.pk}
    assert hana.student.name not in str(certificate)
    assert not is_genuine({**certificate, "files": {"count": 0, "versions": 0}}, purpose=CERTIFICATE)
    assert after(hana, erasure).remains == {}


def test_dead_letters_of_the_student_are_removed_and_no_others(hana: Cast, world: World) -> None:
    url = sqs_client().get_queue_url(QueueName=dead_letter_name(Tier.BASIC))["QueueUrl"]
    before = letters_in(url)
    bodies = [JobMessage(job_id=cast.job.pk, tenant_id=cast.tenant.pk).to_body() for cast in (hana, world.duri)]
    for body in (*bodies, "no message of ours"):
        sqs_client().send_message(QueueUrl=url, MessageBody=body)
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    certify(hana)
    assert certificate_of(hana, erasure)["dead_letters"] == 1
    assert letters_in(url) == before + 2


def test_killed_after_the_rows_went_it_goes_on_with_the_files(hana: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    erasure = ordered(hana, hana.student)

    def fail(place: str) -> int:
        raise ConnectionError(place)

    with monkeypatch.context() as patched:
        patched.setattr(s3, "erase_objects", fail)
        run(hana, erasure)
    assert after(hana, erasure).state == ErasureState.ERASING
    with hana.acting():
        assert not Student.objects.filter(pk=hana.student.pk).exists()
        assert list(s3.versions_of(hana.scan.source_key)) != []
        Job.objects.filter(pk=job_of(erasure)).update(available_at=timezone.now() - timedelta(seconds=1))
    run(hana, erasure)
    certify(hana)
    assert certificate_of(hana, erasure)["files"] == {"count": 3, "versions": 4}
    with hana.acting():
        assert list(s3.versions_of(hana.scan.source_key)) == []


def test_what_a_worker_under_way_writes_later_is_found_before_the_certificate(hana: Cast) -> None:
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    with hana.acting():
        late = s3.tenant_key("overlays", str(hana.scan.pk), "3.jpg")
        s3.write_object(late, PICTURE, content_type="image/jpeg")
    certify(hana)
    with hana.acting():
        assert list(s3.versions_of(late)) == []
    assert certificate_of(hana, erasure)["files"]["count"] == 3


def test_a_file_that_is_being_opened_is_waited_for(hana: Cast) -> None:
    with hana.acting():
        Batch.objects.filter(pk=hana.batch.pk).update(page_count=None, job=hana.job)
        Job.objects.filter(pk=hana.job.pk).update(state=JobState.RUNNING)
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    assert after(hana, erasure).state == ErasureState.SCHEDULED
    with hana.acting():
        job = Job.objects.get(pk=job_of(erasure))
        assert (job.state, job.attempt) == (JobState.QUEUED, 1)
        assert Student.objects.filter(pk=hana.student.pk).exists()


def test_a_withdrawn_erasure_erases_nothing(hana: Cast) -> None:
    erasure = ordered(hana, hana.student)
    with hana.acting():
        withdraw_erasure(by=hana.owner, erasure_id=erasure.pk)
    run(hana, erasure)
    assert after(hana, erasure).state == ErasureState.WITHDRAWN
    with hana.acting():
        assert Student.objects.filter(pk=hana.student.pk).exists()


def test_one_that_has_begun_cannot_be_withdrawn(hana: Cast) -> None:
    erasure = ordered(hana, hana.student)
    run(hana, erasure)
    with hana.acting(), pytest.raises(TooLateToWithdraw):
        withdraw_erasure(by=hana.owner, erasure_id=erasure.pk)


def test_the_last_owner_cannot_be_erased(hana: Cast, subtests: pytest.Subtests) -> None:
    """Nobody decides about themselves, and only an owner decides about an owner."""
    with hana.acting():
        erasure = make_erasure(hana.owner)
        for by in (hana.owner, hana.users[Role.MANAGER]):
            with subtests.test(by=by.role), pytest.raises(Refused):
                approve_erasure(by=by, erasure_id=erasure.pk, grace_days=0)
