"""What the desk's pages do: their writes through the services, what they show, and what a list costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from apps.accounts.models import Session, User
from apps.accounts.roles import Role
from apps.exams.models import Exam, Question
from apps.homework.models import Assignee
from apps.students.models import Guardianship, Student
from tests.api.test_list_query_counts import add_exams, add_failed_pages, add_read_scans, add_students
from tests.api.test_trail import recorded
from tests.db.kernel import job_id_of
from tests.factories import (
    PASSWORD,
    World,
    client_of,
    make_assignment,
    make_batch,
    make_course,
    make_student,
    make_submission,
    make_user,
    make_worksheet,
    record_homework,
    stranger_on,
)
from tests.factories.documents import make_document, make_page, record_page
from tests.factories.videos import make_video
from tests.factories.world import PHONES

MAX_QUERIES = 10


def text_after(client: Client, path: str, form: dict[str, Any]) -> str:
    """What stands on the page to which a form leads."""
    return str(client.post(path, form, follow=True).content.decode())


def test_a_student_is_added_and_corrected(world: World) -> None:
    client = client_of(world.hana.owner)
    assert "최새봄 학생을 등록했습니다." in text_after(
        client, "/admin/students/student/add/", {"name": "최새봄", "number": "990001"}
    )
    taken = client.post("/admin/students/student/add/", {"name": "다른 학생", "number": "990001"})
    assert "이 학원에서 이미 사용 중인 학생 번호입니다." in taken.content.decode()
    assert "학생 번호는 숫자 또는 영문 대문자" in text_after(
        client, "/admin/students/student/add/", {"name": "x", "number": "a b"}
    )
    with world.hana.acting():
        student = Student.objects.get(number="990001")
    text_after(client, f"/admin/students/student/{student.pk}/", {"name": "최새별", "number": "990002"})
    with world.hana.acting():
        assert Student.objects.get(pk=student.pk).name == "최새별"
        assert Student.objects.count() == 2
    with world.duri.acting():
        assert Student.objects.count() == 1


def test_a_guardian_is_added_and_removed(world: World) -> None:
    client, student = client_of(world.hana.owner), world.hana.student
    form = {"name": "최엄마", "phone": "010-9999-0001"}
    assert "최엄마 님을 보호자로" in text_after(client, f"/admin/students/student/{student.pk}/guardians/", form)
    with world.hana.acting():
        guardian = User.objects.get(name="최엄마")
    text_after(client, f"/admin/students/student/{student.pk}/guardians/{guardian.pk}/remove/", {})
    with world.hana.acting():
        assert not Guardianship.objects.filter(user=guardian).exists()


def test_an_exam_is_made_with_its_key_or_not_at_all(world: World) -> None:
    client = client_of(world.hana.teacher)
    form = {"title": "기말", "question_count": "5", "choice_count": "5", "number_digits": "6", "key": "1 2/4 - 4"}
    assert "문항은 5개인데 정답은 4개입니다." in text_after(client, "/admin/exams/exam/add/", form)
    text_after(client, "/admin/exams/exam/add/", {**form, "key": "1 2 9 4 5"})
    with world.hana.acting():
        assert not Exam.objects.filter(title="기말").exists()
    text_after(client, "/admin/exams/exam/add/", {**form, "key": "1 2/4 - 4 5"})
    with world.hana.acting():
        key = Question.objects.filter(exam__title="기말").order_by("position").values_list("accepted", flat=True)
        assert list(key) == [["1"], ["2", "4"], [], ["4"], ["5"]]


def test_people_are_invited_given_roles_and_shut_out(world: World) -> None:
    client = client_of(world.hana.owner)
    form = {"name": "최새봄", "phone": "01099990001", "role": "assistant"}
    assert "최새봄 님을 초대했습니다." in text_after(client, "/admin/accounts/user/add/", form)
    assert "이 학원에서 이미 사용 중인 전화번호입니다." in text_after(client, "/admin/accounts/user/add/", form)
    with world.hana.acting():
        person = User.objects.get(name="최새봄")
    text_after(client, f"/admin/accounts/user/{person.pk}/role/", {"role": "teacher"})
    text_after(client, f"/admin/accounts/user/{person.pk}/suspend/", {})
    with world.hana.acting():
        person.refresh_from_db()
        assert (person.role, person.is_active) == ("teacher", False)
    assert "원장이 한 명 이상" in text_after(
        client, f"/admin/accounts/user/{world.hana.owner.pk}/role/", {"role": "manager"}
    )


def test_a_manager_grants_no_role_above_their_own(world: World) -> None:
    client = client_of(world.hana.users[Role.MANAGER])
    text_after(client, "/admin/accounts/user/add/", {"name": "x", "phone": "01099990001", "role": "owner"})
    text_after(client, f"/admin/accounts/user/{world.hana.teacher.pk}/role/", {"role": "owner"})
    with world.hana.acting():
        assert User.objects.filter(role=Role.OWNER).count() == 1


def test_a_person_is_found_by_the_phone_as_people_write_it(world: World) -> None:
    client = client_of(world.hana.owner)
    for typed in ("010-2000-0003", "01020000003", "0003", "+82 10 2000 0003"):
        page = client.get("/admin/accounts/user/", {"q": typed}).content.decode()
        assert "김강사" in page or world.hana.teacher.name in page, typed
        assert page.count('class="data-row') == 1, typed


def test_a_failed_job_says_what_to_do(world: World) -> None:
    client = client_of(world.hana.owner)
    with world.hana.acting():
        Job.objects.filter(pk=job_id_of(world.hana.scan)).update(state=JobState.FAILED, error_code="blurred")
    for path in (
        "/admin/jobs/job/?state=failed",
        f"/admin/jobs/job/{world.hana.job.pk}/",
        f"/admin/exams/batch/{world.hana.batch.pk}/",
    ):
        assert "사진이 흐립니다." in client.get(path).content.decode(), path


def test_a_page_keeps_itself_up_to_date_until_there_is_nothing_left_to_wait_for(world: World) -> None:
    client, path = client_of(world.hana.owner), f"/admin/jobs/job/{world.hana.job.pk}/"
    assert 'hx-trigger="every' in client.get(path).content.decode()
    with world.hana.acting():
        Job.objects.filter(pk=world.hana.job.pk).update(state=JobState.SUCCEEDED)
    assert "hx-trigger" not in client.get(path).content.decode()


def test_one_session_is_ended_and_then_all_others(world: World) -> None:
    here, elsewhere, third = (client_of(world.hana.teacher) for _ in range(3))
    with world.hana.acting():
        handle = Session.objects.get(session_key=elsewhere.session.session_key).handle
    here.post(f"/admin/account/sessions/{handle}/end/")
    assert elsewhere.get("/admin/").status_code == 302
    assert third.get("/admin/").status_code == 200
    here.post("/admin/account/sessions/end/")
    assert third.get("/admin/").status_code == 302
    assert here.get("/admin/").status_code == 200


def test_the_menu_is_the_roles(world: World) -> None:
    owner, assistant = (
        client_of(world.hana.users[role]).get("/admin/").content.decode() for role in (Role.OWNER, Role.ASSISTANT)
    )
    assert "구성원" in owner
    assert "구성원" not in assistant
    assert "답안지 올리기" in assistant


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("", "index.viewed"),
        ("students/student/", "students_student_changelist.viewed"),
        ("students/student/{student}/", "students_student_change.viewed"),
        ("exams/exam/{exam}/", "exams_exam_change.viewed"),
        ("exams/batch/{batch}/", "exams_batch_change.viewed"),
        ("exams/scan/", "exams_scan_changelist.viewed"),
        ("exams/scan/{scan}/", "exams_scan_change.viewed"),
    ],
)
def test_a_page_that_shows_students_is_recorded_with_them(world: World, path: str, action: str) -> None:
    hana = world.hana
    url = "/admin/" + path.format(student=hana.student.pk, exam=hana.exam.pk, batch=hana.batch.pk, scan=hana.scan.pk)
    teacher = client_of(hana.teacher)
    with recorded(hana) as found:
        assert teacher.get(url).status_code == 200
    [entry] = found
    assert (entry.action, entry.outcome, entry.actor_id) == (action, "done", hana.teacher.pk)
    assert entry.subjects == [f"student:{hana.student.pk}"]


@pytest.mark.parametrize("path", ["exams/exam/", "exams/batch/", "jobs/job/", "account/", "exams/exam/{exam}/key/"])
def test_a_page_about_nobody_else_leaves_no_entry(world: World, path: str) -> None:
    teacher = client_of(world.hana.teacher)
    with recorded(world.hana) as found:
        assert teacher.get("/admin/" + path.format(exam=world.hana.exam.pk)).status_code == 200
        assert stranger_on(world.hana.tenant).get("/admin/students/student/").status_code == 302
    assert found == []


def test_a_change_at_the_desk_is_tied_to_its_request(world: World) -> None:
    owner, student = client_of(world.hana.owner), world.hana.student
    with recorded(world.hana) as found:
        owner.post(f"/admin/students/student/{student.pk}/", {"name": "최새별", "number": student.number})
    [change] = [entry for entry in found if entry.operation]
    [act] = [entry for entry in found if not entry.operation]
    assert (change.action, change.actor_id) == ("students_student_change.posted", world.hana.owner.pk)
    assert (act.outcome, act.subjects) == ("done", [f"student:{student.pk}"])
    assert change.request_id == act.request_id


def test_what_is_refused_at_the_desk_is_recorded_as_refused(world: World) -> None:
    teacher, manager = (client_of(world.hana.users[role]) for role in (Role.TEACHER, Role.MANAGER))
    with recorded(world.hana) as found:
        assert teacher.get("/admin/accounts/user/").status_code == 403
        assert manager.post(f"/admin/accounts/user/{world.hana.owner.pk}/suspend/").status_code == 302
    assert [entry.outcome for entry in found] == ["refused", "refused"]


def test_who_logs_in_at_the_desk_or_fails_to_is_recorded(world: World) -> None:
    stranger, phone = stranger_on(world.hana.tenant), PHONES[Role.TEACHER]
    with recorded(world.hana) as found:
        stranger.post("/admin/log-in/")
        stranger.post("/admin/log-in/", {"phone": phone, "password": "wrong"})
        stranger.post("/admin/log-in/", {"phone": phone, "password": PASSWORD})
    acts = [entry for entry in found if not entry.operation]
    assert [(entry.action, entry.outcome) for entry in acts] == [("login.posted", "failed"), ("login.posted", "done")]
    assert acts[0].subjects == [f"user:{world.hana.teacher.pk}"]
    assert acts[1].actor_id == world.hana.teacher.pk


def test_an_exam_is_made_for_a_course_that_one_teaches(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    with hana.acting():
        others = make_course("남의 반", teachers=[make_user(Role.TEACHER)])
    form = {"title": "기말", "question_count": "5", "choice_count": "5", "number_digits": "6"}
    assert "남의 반" not in client.get("/admin/exams/exam/add/").content.decode()
    for course in (others.pk, 2**40):
        assert client.post("/admin/exams/exam/add/", {**form, "course": course}).status_code == 200
    with hana.acting():
        assert not Exam.objects.filter(title="기말").exists()
    text_after(client, "/admin/exams/exam/add/", {**form, "course": hana.course.pk})
    with hana.acting():
        assert Exam.objects.get(title="기말").course_id == hana.course.pk


def add_people(world: World) -> None:
    for _ in range(9):
        make_user()


def add_homework(world: World) -> None:
    hana = world.hana
    for _ in range(9):
        sheet = make_worksheet(created_by=hana.teacher)
        make_assignment(sheet, [hana.student], created_by=hana.teacher, days=1, course=hana.course)


def add_hand_ins(world: World) -> None:
    for _ in range(9):
        student = make_student(course=world.hana.course)
        Assignee(assignment=world.hana.assignment, student=student).save()
        record_homework(make_submission(world.hana.assignment, student, created_by=world.hana.teacher))


def add_videos(world: World) -> None:
    for _ in range(9):
        make_video(world.hana.teacher, page_count=3)


def add_documents(world: World) -> None:
    for _ in range(9):
        record_page(make_page(make_document(created_by=world.hana.teacher)), "이차함수의 그래프")


def add_batches(world: World) -> None:
    for _ in range(9):
        make_batch(world.hana.exam, created_by=world.hana.teacher)


@pytest.mark.parametrize(
    ("path", "add"),
    [
        ("/admin/", add_read_scans),
        ("/admin/accounts/user/", add_people),
        ("/admin/accounts/user/?q=김&role=teacher", add_people),
        ("/admin/students/student/", add_students),
        ("/admin/students/student/?q=이", add_students),
        ("/admin/exams/exam/", add_exams),
        ("/admin/exams/exam/{exam}/", add_read_scans),
        ("/admin/exams/batch/", add_batches),
        ("/admin/exams/batch/{batch}/", add_failed_pages),
        ("/admin/exams/batch/add/", add_exams),
        ("/admin/exams/scan/?review=1", add_read_scans),
        ("/admin/exams/scan/?exam={exam}&q=이", add_read_scans),
        ("/admin/jobs/job/?state=unfinished", add_read_scans),
        ("/admin/", add_homework),
        ("/admin/homework/assignment/", add_homework),
        ("/admin/homework/assignment/?q=주말", add_homework),
        ("/admin/homework/assignment/{assignment}/", add_hand_ins),
        ("/admin/homework/assignment/add/", add_homework),
        ("/admin/homework/submission/", add_hand_ins),
        ("/admin/homework/submission/?check=1", add_hand_ins),
        ("/admin/homework/submission/{submission}/", add_hand_ins),
        ("/admin/homework/worksheet/", add_homework),
        ("/admin/homework/worksheet/{worksheet}/", add_homework),
        ("/admin/videos/video/", add_videos),
        ("/admin/videos/video/{video}/", add_videos),
        ("/admin/documents/document/", add_documents),
        ("/admin/documents/document/{document}/", add_documents),
        ("/admin/documents/document/search/?q=함수", add_documents),
    ],
)
def test_ten_rows_cost_what_one_costs(world: World, path: str, add: Callable[[World], None]) -> None:
    hana = world.hana
    url = path.format(
        exam=hana.exam.pk,
        batch=hana.batch.pk,
        assignment=hana.assignment.pk,
        submission=hana.submission.pk,
        worksheet=hana.worksheet.pk,
        video=hana.video.pk,
        document=hana.document.pk,
    )
    client = client_of(world.hana.owner)
    client.get("/api/v1/session")

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as sent:
            assert client.get(url).status_code == 200
        return [row["sql"] for row in sent if "SAVEPOINT" not in row["sql"]]

    one = queries()
    with world.hana.acting():
        add(world)
    ten = queries()
    assert len(ten) <= len(one) <= MAX_QUERIES, "\n".join(ten)


def test_a_list_goes_on_where_the_page_before_it_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.students.admin import StudentAdmin

    monkeypatch.setattr(StudentAdmin, "list_per_page", 3)
    with world.hana.acting():
        for index in range(7):
            make_student(f"30000{index}")
    client, seen, path = client_of(world.hana.owner), [], "/admin/students/student/"
    for _ in range(3):
        page = client.get(path)
        changes = page.context["cl"]
        seen += [student.number for student in changes.result_list]
        path = "/admin/students/student/" + changes.next_url
    assert seen == ["240101", *(f"30000{index}" for index in range(7))]
    assert changes.next_url == ""
    assert client.get("/admin/students/student/?after=%00").status_code == 200
