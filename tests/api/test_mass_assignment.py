"""What a request may not set is ignored: whose row it is, who made it, what role or state it has."""

from __future__ import annotations

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.exams.models import Exam
from apps.students.models import Student
from tests.api.answers import post
from tests.factories import PASSWORD, World, client_of, make_user, stranger_on


def extras(world: World) -> dict[str, object]:
    return {
        "id": 987654,
        "pk": 987654,
        "tenant": world.duri.tenant.pk,
        "tenant_id": world.duri.tenant.pk,
        "role": "owner",
        "is_active": True,
        "is_superuser": True,
        "created_by": world.hana.users[Role.STUDENT].pk,
        "created_by_id": world.hana.users[Role.STUDENT].pk,
        "created_at": "2000-01-01T00:00:00Z",
        "state": "used",
        "key": "t/1/uploads/mine",
        "sheet_code": "MINE",
        "user": world.hana.users[Role.STUDENT].pk,
        "max_bytes": 10**12,
        "permissions": ["students.manage"],
    }


def test_a_student_stays_in_the_academy_of_the_host(world: World) -> None:
    body = post(
        client_of(world.hana.owner), "/api/v1/students", {**extras(world), "number": "555", "name": "이하늘"}
    ).json()
    with world.hana.acting():
        student = Student.objects.get(pk=body["id"])
    assert (student.tenant_id, student.user_id) == (world.hana.tenant.pk, None)
    assert student.pk != 987654
    assert student.created_at.year > 2000
    with world.duri.acting():
        assert Student.objects.count() == 1


def test_an_exam_keeps_its_maker_and_code(world: World) -> None:
    body = post(
        client_of(world.hana.teacher), "/api/v1/exams", {**extras(world), "title": "기말고사", "question_count": 5}
    ).json()
    with world.hana.acting():
        exam = Exam.objects.get(pk=body["id"])
    assert (exam.tenant_id, exam.created_by_id) == (world.hana.tenant.pk, world.hana.teacher.pk)
    assert exam.sheet_code != "MINE"


def test_an_upload_keeps_its_key_and_limit(world: World) -> None:
    body = post(
        client_of(world.hana.teacher),
        "/api/v1/uploads",
        {**extras(world), "file_name": "a.jpg", "content_type": "image/jpeg"},
    ).json()
    assert body["fields"]["key"].startswith(f"t/{world.hana.tenant.pk}/uploads/")
    assert body["max_bytes"] == 30 * 1024 * 1024


def test_logging_in_changes_nothing_about_the_person(world: World) -> None:
    with world.hana.acting():
        user = make_user(phone="010-1234-5678", password=PASSWORD)
    answer = post(
        stranger_on(world.hana.tenant),
        "/api/v1/session",
        {**extras(world), "phone": "010-1234-5678", "password": PASSWORD},
    )
    assert answer.json()["person"]["role"] == "teacher"
    with world.hana.acting():
        after = User.objects.get(pk=user.pk)
    assert (after.role, after.tenant_id, after.is_active) == ("teacher", world.hana.tenant.pk, True)
