"""Students over HTTP."""

from __future__ import annotations

import pytest

from apps.accounts.roles import Role
from apps.students.models import Student
from tests.api.answers import error_of, post
from tests.factories import World, client_of, make_student

URL = "/api/v1/students"


def test_a_new_student_is_shown(world: World) -> None:
    client = client_of(world.hana.owner)
    answer = post(client, URL, {"number": "240999", "name": "이하늘"})
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "number", "name", "created_at"}
    assert answer.json() in client.get(URL).json()["results"]


def test_the_newest_student_comes_first(world: World) -> None:
    with world.hana.acting():
        new = make_student("240200", course=world.hana.course)
    shown = [row["id"] for row in client_of(world.hana.teacher).get(URL).json()["results"]]
    assert shown == [new.pk, world.hana.student.pk]


def test_only_the_own_academys_students_are_listed(world: World) -> None:
    shown = client_of(world.hana.teacher).get(URL).json()["results"]
    assert [row["id"] for row in shown] == [world.hana.student.pk]


def test_a_number_is_given_once_in_an_academy(world: World) -> None:
    client = client_of(world.hana.owner)
    error = error_of(post(client, URL, {"number": world.hana.student.number, "name": "박두리"}), 409)
    assert (error["code"], error["attr"]) == ("number_taken", "number")
    with world.hana.acting():
        assert Student.objects.count() == 1


def test_the_number_of_another_academys_student_is_free_here(world: World) -> None:
    with world.duri.acting():
        make_student("777777")
    assert post(client_of(world.hana.owner), URL, {"number": "777777", "name": "이하늘"}).status_code == 201


def test_what_cannot_be_marked_on_a_sheet_is_no_number(world: World, subtests: pytest.Subtests) -> None:
    cases: list[object] = ["", "24-0101", "abc", "한글", "2" * 21, "１２３", "1\n", "1\x00", None, ["1"]]
    for number in cases:
        with subtests.test(number=number):
            answer = post(client_of(world.hana.owner), URL, {"number": number, "name": "이하늘"})
            if number == "1\n":  # white space at the ends is trimmed, as everywhere
                assert answer.json()["number"] == "1"
            else:
                assert error_of(answer, 400)["attr"] == "number"


def test_a_teacher_sees_students_and_makes_none(world: World) -> None:
    client = client_of(world.hana.teacher)
    assert client.get(URL).status_code == 200
    error_of(post(client, URL, {"number": "1", "name": "이하늘"}), 403)


def test_a_student_sees_no_list_of_students(world: World, subtests: pytest.Subtests) -> None:
    cases: list[Role] = [Role.STUDENT, Role.GUARDIAN, Role.OPERATOR]
    for role in cases:
        with subtests.test(role=role):
            error_of(client_of(world.hana.users[role]).get(URL), 403)
