"""Guardians: one account for all their children, and a chosen one per session."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.test import Client
from rest_framework.request import Request

from academy.http.errors import Missing
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.students.models import Guardianship, Student
from apps.students.requests import chosen_child
from tests.api.answers import error_of, post, put
from tests.api.conftest import Telephones
from tests.factories import World, client_of, make_guardianship, make_student, make_user

CHILDREN = "/api/v1/me/children"
CHILD = "/api/v1/me/child"


def guardians(student: Student, *rest: object) -> str:
    return "/".join(["/api/v1/students", str(student.pk), "guardians", *(str(part) for part in rest)])


def acted_for(client: Client, world: World, user: User) -> int | None:
    """Whom a view would act for on the next request of this browser."""
    request = HttpRequest()
    with world.hana.acting():
        request.session = client.session
        drf = Request(request)
        drf.user = user
        try:
            return chosen_child(drf).pk
        except Missing:
            return None


def test_a_guardian_sees_all_their_children_and_no_others(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    with world.hana.acting():
        sister, _ = make_student(name="가람"), make_student(name="다른 아이")
        make_guardianship(guardian, sister)
    shown = client_of(guardian).get(CHILDREN).json()
    assert [child["id"] for child in shown] == [sister.pk, world.hana.student.pk]
    assert set(shown[0]) == {"id", "number", "name", "is_chosen"}
    assert client_of(world.duri.users[Role.GUARDIAN]).get(CHILDREN).json()[0]["id"] == world.duri.student.pk


def test_the_chosen_child_is_kept_in_the_session(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    with world.hana.acting():
        sister = make_student(name="가람")
        make_guardianship(guardian, sister)
    client, other = client_of(guardian), client_of(guardian)
    assert acted_for(client, world, guardian) is None  # two, and none chosen
    for child in (sister, world.hana.student):
        assert put(client, CHILD, {"student": child.pk}).json()["is_chosen"] is True
        assert [one["id"] for one in client.get(CHILDREN).json() if one["is_chosen"]] == [child.pk]
        assert acted_for(client, world, guardian) == child.pk
    assert not any(one["is_chosen"] for one in other.get(CHILDREN).json())


def test_an_only_child_need_not_be_chosen(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    assert acted_for(client_of(guardian), world, guardian) == world.hana.student.pk


def test_a_child_that_is_not_theirs_is_missing(world: World) -> None:
    client = client_of(world.hana.users[Role.GUARDIAN])
    with world.hana.acting():
        other = make_student()
    answers = [put(client, CHILD, {"student": pk}) for pk in (other.pk, world.duri.student.pk, 2**40)]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    for wrong in (0, -1, 2**63, "x", None, [1], 1.5):
        error_of(put(client, CHILD, {"student": wrong}), 400)


def test_a_guardianship_that_ended_counts_at_once(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    client = client_of(guardian)
    put(client, CHILD, {"student": world.hana.student.pk})
    owner = client_of(world.hana.owner)
    assert owner.delete(guardians(world.hana.student, guardian.pk)).status_code == 204
    assert client.get(CHILDREN).json() == []
    assert acted_for(client, world, guardian) is None
    error_of(owner.delete(guardians(world.hana.student, guardian.pk)), 404)


def test_a_new_guardian_is_invited_and_a_known_one_is_not(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.users[Role.MANAGER])
    with world.hana.acting():
        sister = make_student(name="가람")
    body: dict[str, Any] = {"phone": "010-1234-5678", "name": "최엄마"}
    first = telephones.post(client, guardians(world.hana.student), body)
    second = telephones.post(client, guardians(sister), body)
    again = telephones.post(client, guardians(sister), body)
    assert [answer.status_code for answer in (first, second, again)] == [201, 201, 201]
    assert first.json() == second.json()
    assert len(telephones.texts) == 1
    with world.hana.acting():
        assert Guardianship.objects.filter(user_id=first.json()["id"]).count() == 2
    assert first.json() in client.get(guardians(world.hana.student)).json()


def test_somebody_who_is_no_guardian_is_not_made_one(world: World, telephones: Telephones) -> None:
    with world.hana.acting():
        make_user(Role.TEACHER, phone="010-1234-5678")
    client = client_of(world.hana.owner)
    answer = telephones.post(client, guardians(world.hana.student), {"phone": "010-1234-5678", "name": "김"})
    assert error_of(answer, 409)["code"] == "not_a_guardian"
    error_of(telephones.post(client, guardians(world.hana.student), {"phone": "12", "name": "김"}), 400)


def test_a_student_needs_no_phone_and_no_account(world: World) -> None:
    with world.hana.acting():
        student = make_student(name="어린이")
        make_guardianship(world.hana.users[Role.GUARDIAN], student)
        assert student.user is None
    shown = client_of(world.hana.users[Role.GUARDIAN]).get(CHILDREN).json()
    assert student.pk in {child["id"] for child in shown}


def test_only_guardians_have_children(world: World) -> None:
    for role in set(Role) - {Role.GUARDIAN}:
        error_of(client_of(world.hana.users[role]).get(CHILDREN), 403)
        error_of(put(client_of(world.hana.users[role]), CHILD, {"student": world.hana.student.pk}), 403)


def test_another_academys_guardian_is_never_linked(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign = client.delete(guardians(world.hana.student, world.duri.users[Role.GUARDIAN].pk))
    error_of(foreign, 404)
    error_of(client.get(guardians(world.duri.student)), 404)
    error_of(post(client, guardians(world.duri.student), {"phone": "010-1234-5678", "name": "김"}), 404)
