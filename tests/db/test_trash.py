"""What is deleted is gone for everybody, comes back whole within 30 days, and is gone for good after them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from academy.http.errors import Missing, Refused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.tenancy.base import TenantModel
from academy.tenancy.checks import tenant_models
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.deleting import COURSE
from apps.courses.models import Course
from apps.documents.deleting import DOCUMENT
from apps.exams.deleting import EXAM
from apps.exams.models import Exam, Publication, Scan
from apps.homework.deleting import ASSIGNMENT, WORKSHEET
from apps.privacy.erasing import count_rows_left, erase_rows
from apps.privacy.models import SubjectKind
from apps.privacy.queries import subject_of
from apps.students.deleting import GUARDIANSHIP, STUDENT
from apps.students.models import Guardianship, Student
from apps.trash.kinds import Kind
from apps.trash.models import DeletedRows, Deletion
from apps.trash.services import delete, look_at, restore
from apps.videos.deleting import VIDEO
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_course, make_student, make_user

# What is written beside the rows that come back.
BESIDE = {"trash.deletion", "trash.deletedrows", "jobs.job", "trail.trailentry"}


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


def every_row() -> dict[str, list[dict[str, Any]]]:
    """All that the acting academy has, column by column."""
    return {
        model._meta.label_lower: [dict(row) for row in model.objects.order_by("pk").values()]
        for model in tenant_models()
        if issubclass(model, TenantModel) and model._meta.label_lower not in BESIDE
    }


def thing(cast: Cast, kind: Kind) -> int:
    of: dict[str, TenantModel] = {
        EXAM.code: cast.exam,
        ASSIGNMENT.code: cast.assignment,
        VIDEO.code: cast.video,
        DOCUMENT.code: cast.document,
    }
    return int(of[kind.code].pk)


@pytest.mark.parametrize("kind", [EXAM, ASSIGNMENT, VIDEO, DOCUMENT], ids=lambda kind: kind.code)
def test_what_was_deleted_comes_back_to_the_last_column(kind: Kind, world: World) -> None:
    hana, by = world.hana, world.hana.owner
    with hana.acting():
        before, pk = every_row(), thing(world.hana, kind)
        loss = look_at(by=by, kind=kind, row_id=pk)
        assert every_row() == before, "looking changes nothing"
        deletion = delete(by=by, kind=kind, row_id=pk)
        between = every_row()
        assert {name: len(rows) for name, rows in before.items() if len(rows) != len(between[name])} != {}
        gone = {model._meta.label_lower: count for model, count in loss.counts.items()}
        assert {name: len(rows) - len(between[name]) for name, rows in before.items() if name in gone} == gone
        _, left_out = restore(by=by, deletion_id=deletion.pk)
        assert left_out == 0
        assert every_row() == before
        assert not Deletion.objects.filter(pk=deletion.pk).exists()
        assert not DeletedRows.objects.filter(deletion=deletion.pk).exists()
    with world.duri.acting():
        assert kind.model._default_manager.filter(pk=thing(world.duri, kind)).exists()


def test_a_course_and_a_student_come_back_with_what_pointed_at_them(hana: Cast) -> None:
    with hana.acting():
        student = make_student("777001", name="새학생", user=make_user(Role.STUDENT, phone="010-7000-0001"))
        course = make_course("새 강좌", teachers=[hana.teacher], students=[student])
        Guardianship(user=hana.users[Role.GUARDIAN], student=student).save()
        before = every_row()
        for kind, row in ((COURSE, course), (STUDENT, student)):
            deletion = delete(by=hana.owner, kind=kind, row_id=row.pk)
            assert not kind.model._default_manager.filter(pk=row.pk).exists()
            restore(by=hana.owner, deletion_id=deletion.pk)
            assert every_row() == before
        assert Student.objects.get(pk=student.pk).user_id == student.user_id


def test_a_removed_guardian_can_act_again(hana: Cast) -> None:
    with hana.acting():
        link = Guardianship.objects.get(student=hana.student)
        deletion = delete(by=hana.owner, kind=GUARDIANSHIP, row_id=link.pk)
        assert not Guardianship.objects.filter(student=hana.student).exists()
        restore(by=hana.owner, deletion_id=deletion.pk)
        assert Guardianship.objects.get(student=hana.student).pk == link.pk


def test_results_of_a_deleted_exam_are_nobodys_to_see(hana: Cast) -> None:
    with hana.acting():
        delete(by=hana.teacher, kind=EXAM, row_id=hana.exam.pk)
        assert not Scan.objects.filter(student=hana.student).exists()
        assert not Publication.objects.exists()


def test_what_is_being_read_of_it_is_cancelled(hana: Cast) -> None:
    with hana.acting():
        Job.objects.filter(pk=hana.job.pk).update(state=JobState.QUEUED)
        delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        assert Job.objects.get(pk=hana.job.pk).state == JobState.CANCELLED


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [(COURSE, "course", "보관"), (WORKSHEET, "worksheet", "숙제"), (STUDENT, "student", "수강")],
    ids=lambda value: value.code if isinstance(value, Kind) else None,
)
def test_what_something_else_needs_stays(kind: Kind, name: str, said: str, hana: Cast) -> None:
    with hana.acting():
        before = every_row()
        with pytest.raises(Refused) as refused:
            delete(by=hana.owner, kind=kind, row_id=getattr(hana, name).pk)
        assert said in refused.value.message
        assert every_row() == before


def test_what_one_does_not_see_is_missing(world: World) -> None:
    hana = world.hana
    with hana.acting():
        outsider = make_user(Role.TEACHER, phone="010-7000-0009")
        for by, row_id in ((outsider, hana.exam.pk), (hana.owner, world.duri.exam.pk), (hana.owner, 2**40)):
            with pytest.raises(Missing):
                delete(by=by, kind=EXAM, row_id=row_id)
        with pytest.raises(Missing):
            delete(by=hana.users[Role.ASSISTANT], kind=EXAM, row_id=hana.exam.pk)


def test_one_restores_what_one_deleted_and_who_sees_everything_restores_all(world: World) -> None:
    hana = world.hana
    with hana.acting():
        deletion = delete(by=hana.teacher, kind=EXAM, row_id=hana.exam.pk)
        colleague = make_user(Role.TEACHER, phone="010-7000-0009")
        for by in (colleague, hana.users[Role.ASSISTANT]):
            with pytest.raises(Missing):
                restore(by=by, deletion_id=deletion.pk)
    with world.duri.acting(), pytest.raises(Missing):
        restore(by=world.duri.owner, deletion_id=deletion.pk)
    with hana.acting():
        restore(by=hana.users[Role.MANAGER], deletion_id=deletion.pk)
        assert Exam.objects.filter(pk=hana.exam.pk).exists()


def test_it_is_restored_once(hana: Cast) -> None:
    with hana.acting():
        deletion = delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        restore(by=hana.owner, deletion_id=deletion.pk)
        with pytest.raises(Missing):
            restore(by=hana.owner, deletion_id=deletion.pk)


def test_something_new_in_its_place_is_said_and_nothing_is_half_restored(hana: Cast) -> None:
    with hana.acting():
        student = make_student("777001", name="옛학생")
        deletion = delete(by=hana.owner, kind=STUDENT, row_id=student.pk)
        make_student("777001", name="새학생")
        before = every_row()
        with pytest.raises(Refused, match="자리"):
            restore(by=hana.owner, deletion_id=deletion.pk)
        assert every_row() == before
        assert Deletion.objects.filter(pk=deletion.pk).exists()


def test_what_is_gone_meanwhile_is_left_out_and_counted(hana: Cast) -> None:
    with hana.acting():
        course = make_course("새 강좌", students=[make_student("777001"), make_student("777002")])
        deletion = delete(by=hana.owner, kind=COURSE, row_id=course.pk)
        Student.objects.get(number="777001").delete()
        _, left_out = restore(by=hana.owner, deletion_id=deletion.pk)
        assert left_out == 1
        assert Course.objects.get(pk=course.pk).enrolments.count() == 1


def test_who_made_it_may_be_gone(hana: Cast) -> None:
    with hana.acting():
        maker = make_user(Role.TEACHER, phone="010-7000-0009")
        Exam.objects.filter(pk=hana.exam.pk).update(created_by=maker)
        deletion = delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        User.objects.get(pk=maker.pk).delete()
        restore(by=hana.owner, deletion_id=deletion.pk)
        assert Exam.objects.get(pk=hana.exam.pk).created_by is None


# ---------------------------------------------------------------- for good


@pytest.mark.usefixtures("aws")
def test_after_30_days_rows_and_files_are_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_connection(monkeypatch)
    hana = world.hana
    with hana.acting():
        keys = [hana.upload.key, s3.tenant_key("overlays", str(hana.scan.pk), "1.jpg")]
        for key in keys:
            s3.write_object(key, b"picture", content_type="image/jpeg")
        deletion = delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        assert all(s3.object_bytes(key) for key in keys), "until then it can come back"
        job = Job.objects.get(pk=job_id_of(deletion))
        assert (deletion.ends_at - deletion.created_at).days == 30
        assert job.available_at == deletion.ends_at
    deliver(hana.tenant, deletion.job_id, FakeSandbox(lambda *_: None))
    with hana.acting():
        assert Deletion.objects.filter(pk=deletion.pk).exists(), "not before its time"
        Job.objects.filter(pk=job.pk).update(available_at=timezone.now())
    deliver(hana.tenant, deletion.job_id, FakeSandbox(lambda *_: None))
    with hana.acting():
        assert not Deletion.objects.filter(pk=deletion.pk).exists()
        assert not DeletedRows.objects.filter(deletion=deletion.pk).exists()
        assert [s3.object_bytes(key) for key in keys] == [None, None]
        assert Upload.objects.get(pk=hana.upload.pk).state == UploadState.ERASED
        with pytest.raises(Missing):
            restore(by=hana.owner, deletion_id=deletion.pk)


@pytest.mark.usefixtures("aws")
def test_a_restored_thing_keeps_its_files(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    keep_connection(monkeypatch)
    hana = world.hana
    with hana.acting():
        s3.write_object(hana.upload.key, b"picture", content_type="image/jpeg")
        deletion = delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        restore(by=hana.owner, deletion_id=deletion.pk)
        assert Job.objects.get(pk=job_id_of(deletion)).state == JobState.CANCELLED
        # delivered all the same
        Job.objects.filter(pk=job_id_of(deletion)).update(state=JobState.SENT, available_at=timezone.now())
    deliver(hana.tenant, deletion.job_id, FakeSandbox(lambda *_: None))
    with hana.acting():
        assert s3.object_bytes(hana.upload.key) == 7
        assert Exam.objects.filter(pk=hana.exam.pk).exists()


def test_an_erasure_by_law_does_not_wait(hana: Cast) -> None:
    with hana.acting():
        deletion = delete(by=hana.owner, kind=EXAM, row_id=hana.exam.pk)
        assert f"student:{hana.student.pk}" in deletion.people
        subject = subject_of(SubjectKind.STUDENT, hana.student.pk)
        done = erase_rows(subject)
        assert not Deletion.objects.filter(pk=deletion.pk).exists()
        assert not DeletedRows.objects.filter(deletion=deletion.pk).exists()
        assert set(deletion.places) <= set(done["places"])
        assert count_rows_left(subject) == 0


def test_an_exam_of_an_erased_teacher_stays_in_the_trash_without_their_name(hana: Cast) -> None:
    with hana.acting():
        teacher = make_user(Role.TEACHER, phone="010-7000-0009")
        deletion = delete(by=teacher, kind=EXAM, row_id=_own_exam(teacher).pk)
        erase_rows(subject_of(SubjectKind.USER, teacher.pk))
        assert Deletion.objects.get(pk=deletion.pk).deleted_by is None


def _own_exam(teacher: User) -> Exam:
    from tests.factories import make_exam

    return make_exam("쪽지시험", created_by=teacher)
