"""Courses over HTTP: what they are, who teaches them, who is in them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.models import Course, CourseTeacher, Enrolment
from tests.api.answers import error_of, post, put
from tests.factories import World, client_of, make_course, make_student, make_user

URL = "/api/v1/courses"
NEW = {"name": "고1 국어", "starts_on": "2026-03-02"}


@pytest.fixture
def owner(world: World) -> Client:
    return client_of(world.hana.owner)


def patch(client: Client, url: str, data: object) -> Any:
    return client.patch(url, data, content_type="application/json")


def enrolled(world: World, course: Course) -> list[tuple[int, bool]]:
    """Student and whether they left, in the order in which they came."""
    with world.hana.acting():
        rows = Enrolment.objects.filter(course=course).order_by("pk")
        return [(row.student_id, row.left_at is not None) for row in rows]


# ---------------------------------------------------------------- what they are


def test_a_new_course_is_shown_in_the_list_and_by_itself(owner: Client) -> None:
    body = post(
        owner, URL, {**NEW, "subject": "국어", "grade": "고1", "schedule": "화목 19:00", "ends_on": "2026-12-31"}
    )
    assert body.status_code == 201
    shown = body.json()
    assert shown == owner.get(URL).json()["results"][0] == owner.get(f"{URL}/{shown['id']}").json()
    assert (shown["name"], shown["starts_on"], shown["ends_on"]) == ("고1 국어", "2026-03-02", "2026-12-31")
    assert (shown["is_archived"], shown["teachers"]) == (False, [])


def test_what_is_no_course_is_invalid(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    cases: list[tuple[dict[str, object], str]] = [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"schedule": "x" * 201}, "schedule"),
        ({"starts_on": None}, "starts_on"),
        ({"starts_on": "0001-01-01"}, "starts_on"),
        ({"starts_on": "9999-12-31"}, "starts_on"),
        ({"starts_on": "2026-02-30"}, "starts_on"),
        ({"starts_on": "1999-12-31"}, "starts_on"),
        ({"starts_on": 20260302}, "starts_on"),
        ({"ends_on": "2026-03-01"}, "ends_on"),
        ({"ends_on": "2100-01-01"}, "ends_on"),
        ({"ends_on": ["2026-12-31"]}, "ends_on"),
    ]
    for changes, attr in cases:
        with subtests.test(changes=changes):
            assert error_of(post(owner, URL, {**NEW, **changes}), 400)["attr"] == attr
    with world.hana.acting():
        assert list(Course.objects.all()) == [world.hana.course]


def test_a_change_leaves_what_it_does_not_name(world: World, owner: Client) -> None:
    url = f"{URL}/{world.hana.course.pk}"
    before = owner.get(url).json()
    assert patch(owner, url, {"name": "새 이름", "ends_on": "2026-08-31"}).json() == {
        **before,
        "name": "새 이름",
        "ends_on": "2026-08-31",
    }
    assert patch(owner, url, {}).json()["name"] == "새 이름"
    error = error_of(patch(owner, url, {"starts_on": "2026-09-01"}), 400)
    assert error["attr"] == "ends_on", "both days together make the period"


def test_archived_courses_can_be_told_apart_and_brought_back(world: World, owner: Client) -> None:
    url = f"{URL}/{world.hana.course.pk}"
    assert patch(owner, url, {"is_archived": True}).json()["is_archived"] is True
    assert [row["id"] for row in owner.get(f"{URL}?is_archived=true").json()["results"]] == [world.hana.course.pk]
    assert owner.get(f"{URL}?is_archived=false").json()["results"] == []
    assert len(owner.get(URL).json()["results"]) == 1
    assert patch(owner, url, {"is_archived": False}).json()["is_archived"] is False
    error_of(owner.get(f"{URL}?is_archived=perhaps"), 400)


def test_an_archived_course_takes_nothing_new(world: World, owner: Client) -> None:
    course = world.hana.course
    with world.hana.acting():
        new = make_student()
    patch(owner, f"{URL}/{course.pk}", {"is_archived": True})
    body = {"title": "기말고사", "question_count": 5, "course": course.pk}
    attendance = {"date": "2026-03-06", "attendance": []}
    for answer in (
        post(owner, f"{URL}/{course.pk}/students", {"students": [new.pk]}),
        put(owner, f"{URL}/{course.pk}/attendance", attendance),
        post(owner, "/api/v1/exams", body),
        patch(owner, f"/api/v1/exams/{world.hana.exam.pk}", {"course": course.pk}),
    ):
        assert error_of(answer, 409)["code"] == "course_archived"
    gone = post(owner, f"{URL}/{course.pk}/students/withdraw", {"students": [world.hana.student.pk]})
    assert gone.json() == {"withdrawn": 1}, "leaving is nothing new"


def test_an_academy_does_not_see_or_change_anothers_course(world: World, owner: Client) -> None:
    for call in (
        lambda pk: owner.get(f"{URL}/{pk}"),
        lambda pk: patch(owner, f"{URL}/{pk}", {"name": "x"}),
        lambda pk: put(owner, f"{URL}/{pk}/teachers", {"teachers": []}),
        lambda pk: owner.get(f"{URL}/{pk}/students"),
        lambda pk: owner.get(f"{URL}/{pk}/attendance"),
    ):
        foreign, missing = call(world.duri.course.pk), call(987654321)
        assert error_of(foreign, 404)["code"] == "not_found"
        assert foreign.content == missing.content
    assert {row["id"] for row in owner.get(URL).json()["results"]} == {world.hana.course.pk}


# ---------------------------------------------------------------- who teaches them


def test_the_list_of_teachers_replaces_the_one_before(world: World, owner: Client) -> None:
    with world.hana.acting():
        new = make_user(Role.TEACHER, name="강새봄")
    url = f"{URL}/{world.hana.course.pk}/teachers"
    body = {"teachers": [new.pk, world.hana.teacher.pk]}
    for _ in range(2):
        shown = put(owner, url, body).json()["teachers"]
        assert shown == [
            {"id": new.pk, "name": "강새봄"},
            {"id": world.hana.teacher.pk, "name": world.hana.teacher.name},
        ]
    assert put(owner, url, {"teachers": []}).json()["teachers"] == []


def test_only_who_works_here_teaches(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    url = f"{URL}/{world.hana.course.pk}/teachers"
    for role in (Role.STUDENT, Role.GUARDIAN, Role.OPERATOR):
        with subtests.test(role=role):
            error = error_of(put(owner, url, {"teachers": [world.hana.teacher.pk, world.hana.users[role].pk]}), 409)
            assert (error["code"], error["attr"]) == ("not_a_teacher", "teachers.1")
    for role in (Role.OWNER, Role.MANAGER, Role.ASSISTANT):
        with subtests.test(role=role):
            assert put(owner, url, {"teachers": [world.hana.users[role].pk]}).status_code == 200


def test_hostile_lists_of_teachers_change_nothing(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    own, foreign = world.hana.teacher.pk, world.duri.teacher.pk
    cases: list[tuple[object, int, str | None]] = [
        ([own, own], 400, "teachers.1"),
        ([own, foreign], 404, None),
        ([own, 987654321], 404, None),
        ([0], 400, "teachers.0"),
        ([2**63], 400, "teachers.0"),
        (["x"], 400, "teachers.0"),
        ([[own]], 400, "teachers.0"),
        (list(range(1, 10_001)), 400, "teachers"),
        ({"0": own}, 400, "teachers"),
        (own, 400, "teachers"),
        (None, 400, "teachers"),
    ]
    for teachers, status, attr in cases:
        with subtests.test(teachers=str(teachers)[:40]):
            answer = put(owner, f"{URL}/{world.hana.course.pk}/teachers", {"teachers": teachers})
            assert error_of(answer, status)["attr"] == attr
    with world.hana.acting():
        assert CourseTeacher.objects.filter(course=world.hana.course).count() == 2


def test_a_suspended_teacher_is_not_shown_and_gets_nowhere(world: World, owner: Client) -> None:
    teacher = client_of(world.hana.teacher)
    assert post(owner, f"/api/v1/people/{world.hana.teacher.pk}/suspend", {}).status_code == 200
    names = [one["id"] for one in owner.get(f"{URL}/{world.hana.course.pk}").json()["teachers"]]
    assert names == [world.hana.users[Role.ASSISTANT].pk]
    error_of(teacher.get(URL), 401)
    post(owner, f"/api/v1/people/{world.hana.teacher.pk}/reactivate", {})
    with world.hana.acting():
        back = User.objects.get(pk=world.hana.teacher.pk)
    assert len(client_of(back).get(URL).json()["results"]) == 1, "and teaches again when back"


# ---------------------------------------------------------------- who is in them


def test_students_come_leave_and_come_back_and_the_history_is_kept(world: World, owner: Client) -> None:
    with world.hana.acting():
        course, student, other = make_course("새 반"), make_student(), make_student()
    url, both = f"{URL}/{course.pk}/students", {"students": [student.pk, other.pk]}
    assert post(owner, url, both).json() == {"enrolled": 2}
    assert post(owner, url, both).json() == {"enrolled": 0}
    assert post(owner, f"{url}/withdraw", {"students": [student.pk]}).json() == {"withdrawn": 1}
    assert post(owner, f"{url}/withdraw", {"students": [student.pk]}).json() == {"withdrawn": 0}
    assert [row["student"] for row in owner.get(url).json()["results"]] == [other.pk]
    assert post(owner, url, both).json() == {"enrolled": 1}
    assert enrolled(world, course) == [(student.pk, True), (other.pk, False), (student.pk, False)]
    rows = owner.get(f"{url}?with_left=true").json()["results"]
    assert [(row["student"], row["left_at"] is not None) for row in rows] == [
        (student.pk, False),
        (other.pk, False),
        (student.pk, True),
    ]
    assert set(rows[0]) == {"id", "student", "number", "name", "enrolled_at", "left_at"}


def test_all_of_a_list_or_none(world: World, owner: Client, subtests: pytest.Subtests) -> None:
    with world.hana.acting():
        course, student, stranger = make_course("새 반"), make_student(), make_student()
        make_student(course=course)
    before = enrolled(world, course)
    cases: list[tuple[object, int, str | None]] = [
        ([student.pk, student.pk], 400, "students.1"),
        ([student.pk, world.duri.student.pk], 404, None),
        ([student.pk, 987654321], 404, None),
        ([], 400, "students"),
        (list(range(1, 10_001)), 400, "students"),
        ([student.pk, -1], 400, "students.1"),
        ([student.pk, None], 400, "students.1"),
        ([student.pk, {"id": world.duri.student.pk}], 400, "students.1"),
        ("all", 400, "students"),
    ]
    for students, status, attr in cases:
        for url in (f"{URL}/{course.pk}/students", f"{URL}/{course.pk}/students/withdraw"):
            with subtests.test(students=str(students)[:40], url=url):
                assert error_of(post(owner, url, {"students": students}), status)["attr"] == attr
                assert enrolled(world, course) == before
    never_in_it = post(owner, f"{URL}/{course.pk}/students/withdraw", {"students": [stranger.pk]})
    assert error_of(never_in_it, 404)["code"] == "not_found"


def test_who_teaches_changes_nothing_about_a_course(world: World, subtests: pytest.Subtests) -> None:
    course = world.hana.course
    for role in (Role.TEACHER, Role.ASSISTANT, Role.STUDENT, Role.GUARDIAN):
        client = client_of(world.hana.users[role])
        with subtests.test(role=role):
            error_of(post(client, URL, NEW), 403)
            error_of(patch(client, f"{URL}/{course.pk}", {"name": "x"}), 403)
            error_of(put(client, f"{URL}/{course.pk}/teachers", {"teachers": []}), 403)
            error_of(post(client, f"{URL}/{course.pk}/students", {"students": [world.hana.student.pk]}), 403)
            error_of(post(client, f"{URL}/{course.pk}/students/withdraw", {"students": [world.hana.student.pk]}), 403)
