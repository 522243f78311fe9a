"""Attendance: the whole list of a day, as often as one likes; read by course and by student."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.roles import Role
from apps.courses.models import Attendance, Enrolment, Lesson
from tests.api.answers import error_of, post, put
from tests.factories import LESSON_DAY, World, client_of, make_course, make_student

DAY = "2026-03-06"


def url_of(world: World) -> str:
    return f"/api/v1/courses/{world.hana.course.pk}/attendance"


def take(client: Client, world: World, *noted: dict[str, object], day: object = DAY) -> Any:
    return put(client, url_of(world), {"date": day, "attendance": noted})


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def rows_of(world: World, day: str = DAY) -> dict[int, tuple[str, str, int | None]]:
    with world.hana.acting():
        rows = Attendance.objects.filter(lesson__course=world.hana.course, lesson__date=day)
        return {row.student_id: (row.status, row.note, row.noted_by_id) for row in rows}


def test_what_was_taken_is_shown(world: World, teacher: Client) -> None:
    student = world.hana.student
    answer = take(teacher, world, {"student": student.pk, "status": "late", "note": "10분"})
    assert answer.status_code == 200
    assert (answer.json()["date"], answer.json()["noted"]) == (DAY, 1)
    shown = teacher.get(url_of(world)).json()["results"]
    assert [(row["date"], row["status"], row["note"]) for row in shown] == [
        (DAY, "late", "10분"),
        (LESSON_DAY.isoformat(), "present", ""),
    ]
    assert shown[0] == {
        "id": shown[0]["id"],
        "date": DAY,
        "course": world.hana.course.pk,
        "course_name": world.hana.course.name,
        "student": student.pk,
        "number": student.number,
        "name": student.name,
        "status": "late",
        "note": "10분",
        "noted_by": world.hana.teacher.pk,
    }
    assert teacher.get(f"/api/v1/students/{student.pk}/attendance").json()["results"] == shown


def test_taking_it_twice_changes_nothing(world: World, teacher: Client) -> None:
    noted = {"student": world.hana.student.pk, "status": "absent"}
    first = take(teacher, world, noted)
    before = rows_of(world)
    again = take(client_of(world.hana.users[Role.ASSISTANT]), world, noted)
    assert again.json() == first.json()
    assert rows_of(world) == before, "who said it first stays who said it"
    with world.hana.acting():
        assert Lesson.objects.filter(date=DAY).count() == 1


def test_the_list_replaces_the_one_before(world: World, teacher: Client) -> None:
    with world.hana.acting():
        other = make_student(course=world.hana.course)
    mine = {"student": world.hana.student.pk, "status": "present"}
    take(teacher, world, mine, {"student": other.pk, "status": "late"})
    assistant = world.hana.users[Role.ASSISTANT]
    take(client_of(assistant), world, {"student": other.pk, "status": "excused", "note": "병원"})
    assert rows_of(world) == {other.pk: ("excused", "병원", assistant.pk)}
    assert take(teacher, world).json()["noted"] == 0
    assert rows_of(world) == {}
    assert len(rows_of(world, LESSON_DAY.isoformat())) == 1, "another day is another lesson"


def test_hostile_lists_write_nothing(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    own = {"student": world.hana.student.pk, "status": "present"}
    with world.hana.acting():
        stranger = make_student(course=make_course("옆 반"))
    cases: list[tuple[list[object], int, str | None]] = [
        ([own, own], 400, "attendance.1"),
        ([own, {**own, "status": "absent"}], 400, "attendance.1"),
        ([own, {**own, "student": world.duri.student.pk}], 404, None),
        ([own, {**own, "student": stranger.pk}], 404, None),
        ([own, {**own, "student": 987654321}], 404, None),
        ([{**own, "status": "sleeping"}], 400, "attendance.0.status"),
        ([{**own, "status": None}], 400, "attendance.0.status"),
        ([{**own, "note": "x" * 201}], 400, "attendance.0.note"),
        ([{**own, "note": "\x00"}], 400, "attendance.0.note"),
        ([{**own, "student": 2**63}], 400, "attendance.0.student"),
        ([{**own, "student": [world.hana.student.pk]}], 400, "attendance.0.student"),
        ([{"status": "present"}], 400, "attendance.0.student"),
        ([[own]], 400, "attendance.0.non_field_errors"),
        ([{"student": number, "status": "present"} for number in range(1, 10_001)], 400, "attendance"),
    ]
    for noted, status, attr in cases:
        with subtests.test(noted=str(noted)[:60]):
            error = error_of(put(teacher, url_of(world), {"date": DAY, "attendance": noted}), status)
            assert error["attr"] == attr
    with world.hana.acting():
        assert not Lesson.objects.filter(date=DAY).exists()


def test_a_day_on_which_the_course_does_not_run_is_invalid(
    world: World, teacher: Client, subtests: pytest.Subtests
) -> None:
    far = (timezone.localdate() + timedelta(days=400)).isoformat()
    cases: list[object] = ["0001-01-01", "9999-12-31", "2026-03-01", far, "2026-02-30", "", None, 5, ["2026-03-06"]]
    for day in cases:
        with subtests.test(day=day):
            assert error_of(take(teacher, world, day=day), 400)["attr"] == "date"
    client_of(world.hana.owner).patch(
        f"/api/v1/courses/{world.hana.course.pk}", {"ends_on": "2026-03-31"}, content_type="application/json"
    )
    assert error_of(take(teacher, world, day="2026-04-01"), 400)["attr"] == "date"
    assert take(teacher, world, day="2026-03-31").status_code == 200


def test_who_left_before_a_lesson_was_not_in_it(world: World, teacher: Client) -> None:
    noted = {"student": world.hana.student.pk, "status": "present"}
    with world.hana.acting():
        left = datetime(2026, 3, 6, 23, 0, tzinfo=timezone.get_default_timezone())
        Enrolment.objects.filter(student=world.hana.student).update(enrolled_at=left, left_at=left)
    assert take(teacher, world, noted, day="2026-03-06").status_code == 200, "the day they left, in Seoul"
    assert error_of(take(teacher, world, noted, day="2026-03-07"), 404)["code"] == "not_found"


def test_a_student_who_changed_courses_keeps_what_was_noted_where(world: World) -> None:
    owner, student = client_of(world.hana.owner), world.hana.student
    with world.hana.acting():
        other = make_course("옆 반", teachers=[world.hana.users[Role.MANAGER]])
    post(owner, f"/api/v1/courses/{world.hana.course.pk}/students/withdraw", {"students": [student.pk]})
    post(owner, f"/api/v1/courses/{other.pk}/students", {"students": [student.pk]})
    body = {"date": DAY, "attendance": [{"student": student.pk, "status": "late"}]}
    assert put(owner, f"/api/v1/courses/{other.pk}/attendance", body).status_code == 200
    rows = owner.get(f"/api/v1/students/{student.pk}/attendance").json()["results"]
    assert [(row["course"], row["status"]) for row in rows] == [
        (other.pk, "late"),
        (world.hana.course.pk, "present"),
    ]
    left = client_of(world.hana.teacher)
    assert [row["student"] for row in left.get(url_of(world)).json()["results"]] == [student.pk], "the course's stays"
    error_of(left.get(f"/api/v1/students/{student.pk}/attendance"), 404)


def test_a_period_has_its_first_and_its_last_day(world: World, teacher: Client, subtests: pytest.Subtests) -> None:
    noted = {"student": world.hana.student.pk, "status": "present"}
    for day in ("2026-03-09", "2026-03-11"):
        take(teacher, world, noted, day=day)
    cases: list[tuple[str, list[str]]] = [
        ("", ["2026-03-11", "2026-03-09", "2026-03-04"]),
        ("?since=2026-03-09", ["2026-03-11", "2026-03-09"]),
        ("?until=2026-03-09", ["2026-03-09", "2026-03-04"]),
        ("?since=2026-03-05&until=2026-03-09", ["2026-03-09"]),
        ("?since=2026-03-12", []),
        ("?since=0001-01-01&until=9999-12-31", ["2026-03-11", "2026-03-09", "2026-03-04"]),
    ]
    for query, days in cases:
        for url in (url_of(world), f"/api/v1/students/{world.hana.student.pk}/attendance"):
            with subtests.test(query=query, url=url):
                assert [row["date"] for row in teacher.get(url + query).json()["results"]] == days
    for query in ("?since=2026-03-09&until=2026-03-08", "?since=x", "?until=2026-13-01", "?since=%00"):
        with subtests.test(query=query):
            error_of(teacher.get(url_of(world) + query), 400)


def test_each_row_comes_once(world: World, teacher: Client) -> None:
    for offset in range(1, 5):
        day = date(2026, 3, 4) + timedelta(days=offset)
        take(teacher, world, {"student": world.hana.student.pk, "status": "present"}, day=day.isoformat())
    seen, url = [], url_of(world) + "?page_size=2&since=2026-03-05"
    while url:
        body = teacher.get(url).json()
        seen += [row["date"] for row in body["results"]]
        url = body["next"]
    assert seen == ["2026-03-08", "2026-03-07", "2026-03-06", "2026-03-05"]
