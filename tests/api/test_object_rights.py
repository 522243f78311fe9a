"""A teacher sees the courses they teach, and with them students, exams and what was handed in; the rest is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pypdfium2
import pytest
from django.test import Client

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.models import Course
from apps.courses.services import change_course, set_teachers, withdraw_students
from apps.exams.models import Exam, Scan, SheetSet
from apps.students.models import Student
from tests.api.answers import error_of, post, put
from tests.factories import (
    World,
    client_of,
    make_batch,
    make_course,
    make_exam,
    make_guardianship,
    make_job,
    make_scan,
    make_student,
    make_upload,
    make_user,
    record_scan,
)
from tests.factories.exams import make_sheet_set

NOT_FOUND = {"type": "client_error", "errors": [{"code": "not_found", "detail": "찾을 수 없습니다.", "attr": None}]}


@dataclass(frozen=True, slots=True)
class Colleague:
    """Another teacher of the same academy, and their course with an exam that was handed in."""

    teacher: User
    student: Student
    course: Course
    exam: Exam
    scan: Scan
    sheet_set: SheetSet


@pytest.fixture
def colleague(world: World) -> Colleague:
    with world.hana.acting():
        teacher, student = make_user(Role.TEACHER, name="옆반 선생"), make_student("240999", name="옆반 학생")
        course = make_course("옆 반", teachers=[teacher], students=[student])
        exam = make_exam("옆 반 시험", created_by=teacher, course=course)
        scan = record_scan(make_scan(make_batch(exam, created_by=teacher)), number="240999")
        sheet_set = make_sheet_set(exam, student, created_by=teacher)
    return Colleague(teacher, student, course, exam, scan, sheet_set)


def ids(client: Client, path: str) -> set[int]:
    answer = client.get(f"/api/v1/{path}")
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


def seen(client: Client) -> tuple[set[int], set[int], set[int]]:
    """Courses, students and exams."""
    return ids(client, "courses"), ids(client, "students"), ids(client, "exams")


def paths_below(exam: Exam, scan: Scan, sheet_set: SheetSet) -> list[str]:
    of_exam = [f"exams/{exam.pk}{part}" for part in ("", "/key", "/sheet.pdf", "/scans", "/results")]
    of_jobs = [f"jobs/{scan.job_id}", f"jobs/{sheet_set.job_id}"]
    return [*of_exam, f"batches/{scan.batch_id}", f"scans/{scan.pk}", f"sheet-sets/{sheet_set.pk}", *of_jobs]


# ---------------------------------------------------------------- who teaches


@pytest.mark.parametrize("role", [Role.TEACHER, Role.ASSISTANT])
def test_who_teaches_sees_their_courses_and_what_belongs_to_them(
    world: World, colleague: Colleague, role: Role
) -> None:
    hana = world.hana
    assert seen(client_of(hana.users[role])) == ({hana.course.pk}, {hana.student.pk}, {hana.exam.pk})
    assert seen(client_of(colleague.teacher)) == ({colleague.course.pk}, {colleague.student.pk}, {colleague.exam.pk})


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER])
def test_who_runs_the_academy_sees_everything(world: World, colleague: Colleague, role: Role) -> None:
    hana, client = world.hana, client_of(world.hana.users[role])
    assert seen(client) == (
        {hana.course.pk, colleague.course.pk},
        {hana.student.pk, colleague.student.pk},
        {hana.exam.pk, colleague.exam.pk},
    )
    for path in paths_below(colleague.exam, colleague.scan, colleague.sheet_set):
        assert client.get(f"/api/v1/{path}").status_code == 200, path


@pytest.mark.parametrize("role", [Role.TEACHER, Role.ASSISTANT])
def test_who_teaches_nothing_sees_empty_lists(world: World, role: Role) -> None:
    with world.hana.acting():
        new = make_user(role)
    assert seen(client_of(new)) == (set(), set(), set())


def test_everything_below_anothers_exam_is_missing(world: World, colleague: Colleague) -> None:
    client = client_of(world.hana.teacher)
    for path in paths_below(colleague.exam, colleague.scan, colleague.sheet_set):
        answer = client.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), path


def test_an_exam_of_no_course_is_its_makers(world: World, colleague: Colleague) -> None:
    with world.hana.acting():
        mine = make_exam(created_by=world.hana.teacher)
        theirs = make_exam(created_by=colleague.teacher)
        nobodys = make_exam(created_by=world.hana.teacher)
        Exam.objects.filter(pk=nobodys.pk).update(created_by=None)
    assert ids(client_of(world.hana.teacher), "exams") == {world.hana.exam.pk, mine.pk}
    assert ids(client_of(colleague.teacher), "exams") == {colleague.exam.pk, theirs.pk}
    assert ids(client_of(world.hana.users[Role.ASSISTANT]), "exams") == {world.hana.exam.pk}
    assert nobodys.pk in ids(client_of(world.hana.owner), "exams")


def test_whose_course_it_no_longer_is_does_not_keep_the_exams_they_made(world: World, colleague: Colleague) -> None:
    with world.hana.acting():
        set_teachers(course_id=world.hana.course.pk, user_ids=[colleague.teacher.pk])
    assert seen(client_of(world.hana.teacher)) == (set(), set(), set())
    assert ids(client_of(colleague.teacher), "exams") == {world.hana.exam.pk, colleague.exam.pk}


def test_two_teachers_of_one_course_see_each_others_exams(world: World, colleague: Colleague) -> None:
    with world.hana.acting():
        set_teachers(course_id=colleague.course.pk, user_ids=[colleague.teacher.pk, world.hana.teacher.pk])
    assert colleague.exam.pk in ids(client_of(world.hana.teacher), "exams")
    assert world.hana.exam.pk not in ids(client_of(colleague.teacher), "exams")


def test_a_student_of_two_courses_comes_once(world: World) -> None:
    with world.hana.acting():
        make_course("둘째 반", teachers=[world.hana.teacher], students=[world.hana.student])
    rows = client_of(world.hana.teacher).get("/api/v1/students").json()["results"]
    assert [row["id"] for row in rows] == [world.hana.student.pk]


def test_prefilled_sheets_are_for_the_course_or_for_whom_one_sees(world: World, colleague: Colleague) -> None:
    client = client_of(world.hana.teacher)
    with world.hana.acting():
        loose = make_exam(created_by=world.hana.teacher)
    for exam in (world.hana.exam, loose):
        pdf = client.get(f"/api/v1/exams/{exam.pk}/sheet.pdf?prefilled=1").content
        with pypdfium2.PdfDocument(pdf) as document:
            assert len(document) == 1, "one student, the own"


# ---------------------------------------------------------------- writing


def test_what_is_not_seen_is_not_written_either(world: World, colleague: Colleague, aws: None) -> None:
    client, exam = client_of(world.hana.teacher), colleague.exam
    with world.hana.acting():
        upload = make_upload(created_by=world.hana.teacher)
        s3.write_object(upload.key, b"\xff\xd8\xff", content_type="image/jpeg")
        theirs = make_upload(created_by=colleague.teacher)
        s3.write_object(theirs.key, b"\xff\xd8\xff", content_type="image/jpeg")
    attendance = {"date": "2026-03-06", "attendance": []}
    new = {"title": "시험", "question_count": 5, "course": colleague.course.pk}
    scan = colleague.scan
    with world.hana.acting():
        failed = Job.objects.filter(pk__in=[scan.job_id])
        failed.update(state=JobState.FAILED)
    answers: list[Any] = [
        put(client, f"/api/v1/exams/{exam.pk}/key", {"answers": {"q1": ["2"]}}),
        post(client, f"/api/v1/exams/{exam.pk}/scans", {"upload": upload.pk}),
        post(client, f"/api/v1/exams/{world.hana.exam.pk}/scans", {"upload": theirs.pk}),
        client.patch(f"/api/v1/exams/{exam.pk}", {"course": None}, content_type="application/json"),
        client.patch(
            f"/api/v1/exams/{world.hana.exam.pk}", {"course": colleague.course.pk}, content_type="application/json"
        ),
        put(client, f"/api/v1/courses/{colleague.course.pk}/attendance", attendance),
        post(client, "/api/v1/exams", new),
        post(client, "/api/v1/exams", {**new, "course": world.duri.course.pk}),
        client.get(f"/api/v1/students/{colleague.student.pk}/attendance"),
        put(client, f"/api/v1/scans/{scan.pk}/essays", {"points": {}}),
        post(client, f"/api/v1/exams/{exam.pk}/sheet-sets", {}),
        post(client, f"/api/v1/exams/{world.hana.exam.pk}/sheet-sets", {"students": [colleague.student.pk]}),
        post(client, f"/api/v1/batches/{scan.batch_id}/cancel", {}),
        post(client, f"/api/v1/jobs/{colleague.sheet_set.job_id}/cancel", {}),
        post(client, f"/api/v1/jobs/{scan.job_id}/retry", {}),
    ]
    for index, answer in enumerate(answers):
        assert (answer.status_code, answer.json()) == (404, NOT_FOUND), index
    with world.hana.acting():
        assert Exam.objects.count() == 2
        assert SheetSet.objects.count() == 2
        assert failed.get().state == JobState.FAILED
        assert SheetSet.objects.get(exam=exam, job__state=JobState.QUEUED) == colleague.sheet_set


def test_an_exam_is_put_into_a_course_and_out_of_it(world: World, colleague: Colleague) -> None:
    owner, url = client_of(world.hana.owner), f"/api/v1/exams/{world.hana.exam.pk}"
    moved = owner.patch(url, {"course": colleague.course.pk}, content_type="application/json")
    assert moved.json()["course"] == colleague.course.pk
    assert world.hana.exam.pk in ids(client_of(colleague.teacher), "exams")
    assert world.hana.exam.pk not in ids(client_of(world.hana.teacher), "exams")
    assert owner.patch(url, {"course": None}, content_type="application/json").json()["course"] is None
    assert world.hana.exam.pk in ids(client_of(world.hana.teacher), "exams"), "who made it"
    assert error_of(owner.patch(url, {}, content_type="application/json"), 400)["attr"] == "course"


# ---------------------------------------------------------------- what stays


def test_the_results_of_who_left_stay_with_the_course(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    before = client.get(f"/api/v1/exams/{hana.exam.pk}/results").json()
    with hana.acting():
        withdraw_students(course_id=hana.course.pk, student_ids=[hana.student.pk])
    assert client.get(f"/api/v1/exams/{hana.exam.pk}/results").json() == before != []
    assert client.get(f"/api/v1/scans/{hana.scan.pk}").json()["student"]["id"] == hana.student.pk
    assert seen(client) == ({hana.course.pk}, set(), {hana.exam.pk})


def test_an_archived_course_stays_with_its_teachers(world: World) -> None:
    hana, client = world.hana, client_of(world.hana.teacher)
    with hana.acting():
        change_course(course_id=hana.course.pk, is_archived=True)
    assert seen(client) == ({hana.course.pk}, set(), {hana.exam.pk})
    assert len(client.get(f"/api/v1/exams/{hana.exam.pk}/results").json()) == 1
    assert len(client.get(f"/api/v1/courses/{hana.course.pk}/attendance").json()["results"]) == 1
    assert len(client.get(f"/api/v1/courses/{hana.course.pk}/students").json()["results"]) == 1


# ---------------------------------------------------------------- who learns


@pytest.mark.parametrize("role", [Role.STUDENT, Role.GUARDIAN])
def test_a_family_sees_the_childs_courses_and_nobody_elses(world: World, colleague: Colleague, role: Role) -> None:
    client = client_of(world.hana.users[role])
    assert ids(client, "courses") == {world.hana.course.pk}
    assert client.get(f"/api/v1/courses/{world.hana.course.pk}").status_code == 200
    answer = client.get(f"/api/v1/courses/{colleague.course.pk}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    for path in ("students", "exams", f"exams/{world.hana.exam.pk}", f"courses/{world.hana.course.pk}/students"):
        error_of(client.get(f"/api/v1/{path}"), 403)
    with world.hana.acting():
        withdraw_students(course_id=world.hana.course.pk, student_ids=[world.hana.student.pk])
    assert ids(client, "courses") == set(), "while they are in it"


def test_a_guardian_of_two_sees_the_courses_of_the_chosen_one(world: World, colleague: Colleague) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    with world.hana.acting():
        make_guardianship(guardian, colleague.student)
    client = client_of(guardian)
    error_of(client.get("/api/v1/courses"), 404)
    for student, course in ((colleague.student, colleague.course), (world.hana.student, world.hana.course)):
        put(client, "/api/v1/me/child", {"student": student.pk})
        assert ids(client, "courses") == {course.pk}


def test_who_taught_and_learns_now_sees_as_who_learns(world: World) -> None:
    """Another role is another sight at once; the course is theirs again when they teach again."""
    with world.hana.acting():
        User.objects.filter(pk=world.hana.teacher.pk).update(role=Role.GUARDIAN)
        former = User.objects.get(pk=world.hana.teacher.pk)
    client = client_of(former)
    error_of(client.get("/api/v1/courses"), 404)
    error_of(client.get("/api/v1/students"), 403)


# ---------------------------------------------------------------- jobs


def test_a_job_whose_kind_names_nobody_is_for_who_sees_everything(world: World) -> None:
    with world.hana.acting():
        job = make_job(world.hana.scan.pk)
        type(job).objects.filter(pk=job.pk).update(kind="reports.forgotten")
    answer = client_of(world.hana.teacher).get(f"/api/v1/jobs/{job.pk}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert client_of(world.hana.owner).get(f"/api/v1/jobs/{job.pk}").status_code == 200
