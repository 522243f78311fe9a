"""Log in with phone and password: one answer for every reason that it fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import PASSWORD, World, browser_sessions, client_of, make_user, stranger_on

URL = "/api/v1/session"
PHONE = "010-1234-5678"


@pytest.fixture
def teacher(world: World) -> User:
    with world.hana.acting():
        return make_user(Role.TEACHER, phone=PHONE, name="김하나", password=PASSWORD)


def log_in(client: Client, phone: object = PHONE, password: object = PASSWORD) -> Any:
    return post(client, URL, {"phone": phone, "password": password})


def test_the_phone_may_be_written_as_people_do(world: World, teacher: User, subtests: pytest.Subtests) -> None:
    cases: list[str] = [PHONE, "01012345678", "+82 10-1234-5678", "+821012345678", " 010 1234 5678 "]
    for written in cases:
        with subtests.test(written=written):
            answer = log_in(stranger_on(world.hana.tenant), written)
            assert answer.status_code == 201
            assert answer.json()["person"]["id"] == teacher.pk
            assert answer.json()["person"]["phone"] == "+821012345678"


def test_the_answer_says_who_where_and_what_they_may_do(world: World, teacher: User) -> None:
    body = log_in(stranger_on(world.hana.tenant)).json()
    assert set(body) == {"academy", "person", "csrf_token"}
    assert body["academy"] == {"slug": "hana", "name": "하나수학", "colour": "", "logo": ""}
    assert set(body["person"]) == {
        *("id", "name", "phone", "role", "permissions"),
        *("has_password", "has_second_factor", "second_factor_due"),
    }
    assert (body["person"]["name"], body["person"]["role"]) == ("김하나", "teacher")
    assert "exams.manage" in body["person"]["permissions"]
    assert "students.manage" not in body["person"]["permissions"]
    assert PASSWORD not in str(body)


def test_the_session_is_kept_by_a_cookie_that_scripts_cannot_read(world: World, teacher: User) -> None:
    client = stranger_on(world.hana.tenant)
    log_in(client)
    cookie = client.cookies["session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.get(URL).json()["person"]["id"] == teacher.pk


def test_every_reason_to_refuse_has_the_same_answer(world: World, teacher: User) -> None:
    with world.hana.acting():
        make_user(phone="010-1111-2222", password=PASSWORD)
        User.objects.filter(phone="+821011112222").update(is_active=False)
        make_user(phone="010-3333-4444")  # has no password yet
    client = stranger_on(world.hana.tenant)
    refused = [
        log_in(client, PHONE, "the-wrong-password"),
        log_in(client, "010-9999-9999", PASSWORD),
        log_in(client, "no phone at all", PASSWORD),
        log_in(client, "010-1111-2222", PASSWORD),
        log_in(client, "010-3333-4444", PASSWORD),
    ]
    assert error_of(refused[0], 401)["code"] == "wrong_credentials"
    assert {answer.content for answer in refused} == {refused[0].content}
    assert {answer.status_code for answer in refused} == {401}
    assert all("session" not in answer.cookies for answer in refused)
    with world.hana.acting():
        assert not browser_sessions().exists()


def test_every_reason_to_refuse_hashes_one_password(
    world: World, teacher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher

    with world.hana.acting():
        make_user(phone="010-3333-4444")  # has no password yet
    hashed: list[str] = []
    encode = MD5PasswordHasher.encode

    def counting(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashed.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    client = stranger_on(world.hana.tenant)
    counts = []
    for phone in (PHONE, "010-9999-9999", "no phone at all", "010-3333-4444"):
        hashed.clear()
        log_in(client, phone, "the-wrong-password")
        counts.append(len(hashed))
    assert counts == [1, 1, 1, 1]


def test_the_same_phone_elsewhere_is_somebody_else(world: World, teacher: User) -> None:
    with world.duri.acting():
        other = make_user(Role.OWNER, phone=PHONE, name="김두리", password="another-long-password")
    at_hana, at_duri = stranger_on(world.hana.tenant), stranger_on(world.duri.tenant)
    assert error_of(log_in(at_duri, PHONE, PASSWORD), 401)["code"] == "wrong_credentials"
    assert error_of(log_in(at_hana, PHONE, "another-long-password"), 401)["code"] == "wrong_credentials"
    assert log_in(at_hana).json()["person"]["id"] == teacher.pk
    assert log_in(at_duri, PHONE, "another-long-password").json()["person"]["id"] == other.pk


def test_a_session_of_one_academy_is_nobody_in_another(world: World, teacher: User) -> None:
    client = stranger_on(world.hana.tenant)
    log_in(client)
    answer = client.get(URL, SERVER_NAME=world.duri.host)
    assert answer.json()["person"] is None
    assert answer.json()["academy"]["slug"] == "duri"
    error_of(client.get("/api/v1/students", SERVER_NAME=world.duri.host), 401)


def test_logging_in_needs_the_csrf_token(world: World, teacher: User) -> None:
    client = stranger_on(world.hana.tenant, checks_csrf=True)
    assert error_of(log_in(client), 403)["code"] == "permission_denied"
    token = client.get(URL).json()["csrf_token"]
    answer = client.post(
        URL, {"phone": PHONE, "password": PASSWORD}, content_type="application/json", HTTP_X_CSRFTOKEN=token
    )
    assert answer.status_code == 201


def test_the_token_of_the_answer_is_good_for_the_next_request(world: World, teacher: User) -> None:
    client = stranger_on(world.hana.tenant, checks_csrf=True)
    before = client.get(URL).json()["csrf_token"]
    started = client.post(
        URL, {"phone": PHONE, "password": PASSWORD}, content_type="application/json", HTTP_X_CSRFTOKEN=before
    )
    exam = {"title": "단원평가", "question_count": 5}
    url = "/api/v1/exams"
    error_of(client.post(url, exam, content_type="application/json", HTTP_X_CSRFTOKEN=before), 403)
    after = started.json()["csrf_token"]
    assert client.post(url, exam, content_type="application/json", HTTP_X_CSRFTOKEN=after).status_code == 201


def test_logging_in_over_another_persons_session_ends_that_one(world: World, teacher: User) -> None:
    client = client_of(world.hana.owner)
    planted = client.cookies["session"].value
    log_in(client)
    assert client.cookies["session"].value != planted
    client.cookies["session"] = planted
    assert client.get(URL).json()["person"] is None


def test_what_is_no_phone_and_password_is_invalid(world: World, teacher: User, subtests: pytest.Subtests) -> None:
    cases: list[tuple[object, object, str]] = [
        ("", PASSWORD, "phone"),
        (None, PASSWORD, "phone"),
        ([PHONE], PASSWORD, "phone"),
        ({"a": 1}, PASSWORD, "phone"),
        ("0" * 33, PASSWORD, "phone"),
        (PHONE, "", "password"),
        (PHONE, None, "password"),
        (PHONE, "x" * 129, "password"),
        ("010\x001234", PASSWORD, "phone"),
        (PHONE, "a\x00b", "password"),
    ]
    for phone, password, attr in cases:
        with subtests.test(phone=phone, password=password, attr=attr):
            assert error_of(log_in(stranger_on(world.hana.tenant), phone, password), 400)["attr"] == attr


def test_a_password_keeps_its_spaces(world: World) -> None:
    with world.hana.acting():
        make_user(phone=PHONE, password="  spaces around it  ")
    client = stranger_on(world.hana.tenant)
    error_of(log_in(client, PHONE, "spaces around it"), 401)
    assert log_in(client, PHONE, "  spaces around it  ").status_code == 201
