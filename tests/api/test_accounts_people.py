"""Inviting, changing roles, suspending: within what one's role may manage, and never the last owner."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.storage.models import Upload, UploadState
from apps.accounts.models import Session, User
from apps.accounts.roles import MANAGEABLE_ROLES, Role
from tests.api.answers import error_of, post
from tests.api.conftest import Telephones
from tests.factories import World, client_of, make_upload, make_user, stranger_on

PEOPLE = "/api/v1/people"
STUDENTS = "/api/v1/students"


def person(user: User, *rest: str) -> str:
    return "/".join([PEOPLE, str(user.pk), *rest])


def give_role(client: Client, user: User, role: str) -> Any:
    return client.patch(person(user), {"role": role}, content_type="application/json")


def invited(*people: tuple[str, str]) -> dict[str, Any]:
    return {"people": [{"phone": phone, "name": "김새봄", "role": role} for phone, role in people]}


# ---------------------------------------------------------------- inviting


def test_an_invited_person_gets_a_text_and_logs_in_by_code(world: World, telephones: Telephones) -> None:
    answer = telephones.post(client_of(world.hana.owner), PEOPLE, invited(("010-1234-5678", "teacher")))
    assert answer.status_code == 201
    assert [one["phone"] for one in answer.json()] == ["+821012345678"]
    assert answer.json()[0]["invited_at"]
    assert [(text.to, text.body) for text in telephones.texts] == [
        ("01012345678", f"[하나수학] 초대되었습니다. 이 번호로 로그인하세요: {world.hana.host}")
    ]
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, "010-1234-5678")
    assert post(client, "/api/v1/session/code/verify", {"code": code}).json()["person"]["role"] == "teacher"


def test_many_are_invited_at_once_or_none(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.users[Role.MANAGER])
    many = [(f"010-1234-{index:04d}", "student") for index in range(100)]
    assert telephones.post(client, PEOPLE, invited(*many)).status_code == 201
    assert len(telephones.texts) == 100
    error_of(telephones.post(client, PEOPLE, invited(*[(f"010-4321-{i:04d}", "student") for i in range(101)])), 400)
    for bad, attr in ((("12", "student"), "people.1.phone"), (("010-1234-0001", "student"), "people.1.phone")):
        answer = telephones.post(client, PEOPLE, invited(("010-5555-0001", "student"), bad))
        assert answer.status_code in {400, 409}
        assert answer.json()["errors"][0]["attr"] == attr
    twice = telephones.post(client, PEOPLE, invited(("010-5555-0001", "student"), ("01055550001", "guardian")))
    assert error_of(twice, 400)["attr"] == "people.1.phone"
    with world.hana.acting():
        assert not User.objects.filter(phone="+821055550001").exists()
    assert len(telephones.texts) == 100


def test_the_phone_of_another_academys_person_is_free_here(world: World, telephones: Telephones) -> None:
    with world.duri.acting():
        make_user(phone="010-1234-5678")
    answer = telephones.post(client_of(world.hana.owner), PEOPLE, invited(("010-1234-5678", "owner")))
    assert answer.status_code == 201


def test_one_invites_people_to_the_roles_one_manages(world: World, telephones: Telephones) -> None:
    for actor in Role:
        client = client_of(world.hana.users[actor])
        for index, role in enumerate(Role):
            phone = f"010-1234-{list(Role).index(actor)}00{index}"
            answer = telephones.post(client, PEOPLE, invited((phone, role.value)))
            assert answer.status_code == (201 if role in MANAGEABLE_ROLES[actor] else 403), (actor, role)


def test_an_invitation_is_sent_again(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.owner)
    answer = telephones.post(client, person(world.hana.teacher, "invitation"), {})
    assert answer.status_code == 202
    assert len(telephones.texts) == 1


def test_nobody_invites_with_more_than_name_phone_and_role(world: World, telephones: Telephones) -> None:
    body = invited(("010-1234-5678", "student"))
    body["people"][0] |= {"is_active": False, "tenant": world.duri.tenant.pk, "session_epoch": 9, "password": "x" * 12}
    answer = telephones.post(client_of(world.hana.owner), PEOPLE, body)
    with world.hana.acting():
        user = User.objects.get(pk=answer.json()[0]["id"])
        assert (user.is_active, user.session_epoch, user.has_usable_password()) == (True, 0, False)


# ---------------------------------------------------------------- the list


def test_the_list_shows_this_academys_people_by_role(world: World) -> None:
    client = client_of(world.hana.owner)
    shown = client.get(PEOPLE).json()["results"]
    assert {one["id"] for one in shown} == {user.pk for user in world.hana.users.values()}
    only = client.get(PEOPLE, {"role": "teacher"}).json()["results"]
    assert [one["id"] for one in only] == [world.hana.teacher.pk]
    error_of(client.get(PEOPLE, {"role": "superuser"}), 400)
    assert "password" not in shown[0]


def test_the_list_costs_the_same_whatever_its_length(world: World) -> None:
    client = client_of(world.hana.owner)
    client.get(PEOPLE)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(PEOPLE)
        counts.append(len(queries))
        with world.hana.acting():
            for _ in range(10):
                make_user()
    assert counts[0] == counts[1]


# ---------------------------------------------------------------- roles


@pytest.mark.parametrize("actor", [Role.OWNER, Role.MANAGER])
def test_one_changes_roles_within_what_one_manages(world: World, actor: Role) -> None:
    client = client_of(world.hana.users[actor])
    with world.hana.acting():
        others = {(target, role): make_user(target) for target in Role for role in Role}
    for (target, role), other in others.items():
        answer = give_role(client, other, role.value)
        may = {target, role} <= MANAGEABLE_ROLES[actor]
        assert answer.status_code == (200 if may else 403), (target, role, answer.content)
        with world.hana.acting():
            assert User.objects.get(pk=other.pk).role == (role if may else target)


def test_another_role_ends_every_session(world: World) -> None:
    teacher = client_of(world.hana.teacher)
    assert give_role(client_of(world.hana.owner), world.hana.teacher, "assistant").status_code == 200
    error_of(teacher.get(STUDENTS), 401)
    with world.hana.acting():
        assert not Session.objects.filter(user=world.hana.teacher).exists()


def test_the_same_role_changes_nothing(world: World) -> None:
    teacher = client_of(world.hana.teacher)
    assert give_role(client_of(world.hana.owner), world.hana.teacher, "teacher").status_code == 200
    assert teacher.get(STUDENTS).status_code == 200


def test_the_last_owner_stays_one(world: World) -> None:
    client = client_of(world.hana.owner)
    assert error_of(give_role(client, world.hana.owner, "manager"), 409)["code"] == "last_owner"
    with world.hana.acting():
        second = make_user(Role.OWNER)
    assert give_role(client, world.hana.owner, "manager").status_code == 200
    error_of(client.get(PEOPLE), 401)  # their own sessions ended too
    assert error_of(give_role(client_of(second), second, "teacher"), 409)["code"] == "last_owner"


def test_a_suspended_owner_does_not_count(world: World) -> None:
    with world.hana.acting():
        second = make_user(Role.OWNER)
    client = client_of(world.hana.owner)
    assert post(client, person(second, "suspend"), {}).status_code == 200
    assert error_of(give_role(client, world.hana.owner, "manager"), 409)["code"] == "last_owner"


# ---------------------------------------------------------------- suspending


def test_suspending_ends_sessions_and_uploads_at_once(world: World) -> None:
    client = client_of(world.hana.teacher)
    with world.hana.acting():
        upload = make_upload(created_by=world.hana.teacher)
    answer = post(client_of(world.hana.owner), person(world.hana.teacher, "suspend"), {})
    assert answer.json()["is_active"] is False
    error_of(client.get(STUDENTS), 401)
    with world.hana.acting():
        assert not Session.objects.filter(user=world.hana.teacher).exists()
        assert Upload.objects.get(pk=upload.pk).state == UploadState.CANCELLED
        assert Upload.objects.get(pk=world.hana.upload.pk).state == UploadState.USED


def test_a_cancelled_upload_is_not_taken(world: World, aws: None) -> None:
    from academy.storage import s3

    with world.hana.acting():
        upload = make_upload(created_by=world.hana.teacher)
        s3.write_object(upload.key, b"\xff\xd8\xff", content_type="image/jpeg")
    for what in ("suspend", "reactivate"):
        post(client_of(world.hana.owner), person(world.hana.teacher, what), {})
    with world.hana.acting():
        back = User.objects.get(pk=world.hana.teacher.pk)
    answer = post(client_of(back), f"/api/v1/exams/{world.hana.exam.pk}/scans", {"upload": upload.pk})
    assert error_of(answer, 409)["code"] == "upload_used"


def test_a_reactivated_person_logs_in_anew(world: World) -> None:
    old = client_of(world.hana.teacher)
    owner = client_of(world.hana.owner)
    post(owner, person(world.hana.teacher, "suspend"), {})
    assert post(owner, person(world.hana.teacher, "reactivate"), {}).json()["is_active"] is True
    error_of(old.get(STUDENTS), 401)
    with world.hana.acting():
        teacher = User.objects.get(pk=world.hana.teacher.pk)
    assert client_of(teacher).get(STUDENTS).status_code == 200


def test_nobody_suspends_themselves_or_whom_they_do_not_manage(world: World) -> None:
    error_of(post(client_of(world.hana.owner), person(world.hana.owner, "suspend"), {}), 403)
    manager = client_of(world.hana.users[Role.MANAGER])
    for role in (Role.OWNER, Role.MANAGER, Role.OPERATOR):
        with world.hana.acting():
            other = make_user(role)
        for action in ("suspend", "reactivate", "invitation"):
            error_of(post(manager, person(other, action), {}), 403)
        error_of(manager.get(person(other, "sessions")), 403)
        error_of(manager.delete(person(other, "sessions")), 403)
        error_of(manager.delete(person(other, "second-factor")), 403)


def test_a_session_begun_while_its_person_was_suspended_is_none(world: World) -> None:
    """A log-in in flight: it read the person before, and writes the session after."""
    with world.hana.acting():
        before = User.objects.get(pk=world.hana.teacher.pk)
    owner = client_of(world.hana.owner)
    post(owner, person(world.hana.teacher, "suspend"), {})
    late = client_of(before)
    error_of(late.get(STUDENTS), 401)
    post(owner, person(world.hana.teacher, "reactivate"), {})
    error_of(late.get(STUDENTS), 401)


def test_what_a_request_wrote_while_its_person_was_suspended_is_undone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.students import services
    from apps.students.models import Student

    create = services.create_student

    def slowly(**values: Any) -> Student:
        student = create(**values)
        User.objects.filter(pk=world.hana.owner.pk).update(session_epoch=99)
        return student

    monkeypatch.setattr(services, "create_student", slowly)
    client = client_of(world.hana.owner)
    error_of(post(client, STUDENTS, {"number": "990001", "name": "최새봄"}), 401)
    with world.hana.acting():
        assert not Student.objects.filter(number="990001").exists()
