"""Log in by a code: one browser, five minutes, five tries, once; and nothing tells whether the phone is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Challenge, User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.api.conftest import Telephones
from tests.factories import PASSWORD, World, browser_sessions, make_user, stranger_on

ASK = "/api/v1/session/code"
VERIFY = "/api/v1/session/code/verify"
SESSION = "/api/v1/session"
PHONE = "010-1234-5678"
UNKNOWN = "010-9999-9999"


@pytest.fixture
def student(world: World) -> User:
    """Invited: without a password."""
    with world.hana.acting():
        return make_user(Role.STUDENT, phone=PHONE, name="이하늘")


@pytest.fixture
def client(world: World) -> Client:
    return stranger_on(world.hana.tenant)


def verify(client: Client, code: str) -> Any:
    return post(client, VERIFY, {"code": code})


def test_the_first_log_in_is_by_code(client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    answer = verify(client, code)
    assert answer.status_code == 201
    assert answer.json()["person"]["id"] == student.pk
    assert answer.json()["person"]["has_password"] is False
    assert client.get(SESSION).json()["person"]["id"] == student.pk


def test_the_text_names_the_academy_and_fits_one_message(client: Client, student: User, telephones: Telephones) -> None:
    telephones.ask(client, PHONE)
    text = telephones.texts[-1]
    assert text.to == "01012345678"
    assert text.body.startswith("[하나수학]")
    assert len(text.body.encode("euc-kr")) <= 90


def test_nothing_of_the_code_is_kept_in_clear(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    code = telephones.ask(client, PHONE)
    cookie = client.cookies["code"].value
    with world.hana.acting():
        row = Challenge.objects.order_by("-pk").values().first()
    assert row is not None
    assert code not in str({name: value for name, value in row.items() if not name.endswith("_at")})
    assert cookie not in str(row)


@pytest.mark.parametrize("path", [ASK, "/api/v1/password/reset/code"])
def test_asking_answers_and_costs_the_same_for_a_stranger(
    world: World, client: Client, student: User, telephones: Telephones, path: str
) -> None:
    with world.hana.acting():
        make_user(phone="010-1111-2222")
        User.objects.filter(phone="+821011112222").update(is_active=False)
    client.get(SESSION)  # the first request to a host looks up its academy
    answers, statements, headers = [], [], []
    for phone in (PHONE, UNKNOWN, "010-1111-2222"):
        with CaptureQueriesContext(connection) as queries:
            answers.append(telephones.post(client, path, {"phone": phone}))
        # The savepoint of a test's transaction has a random name.
        statements.append([query["sql"].split(" ")[0] for query in queries.captured_queries])
        own = {"Set-Cookie", "X-Request-ID"}  # random, whoever asks
        headers.append({name: value for name, value in answers[-1].headers.items() if name not in own})
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert headers[0] == headers[1] == headers[2]
    assert statements[0] == statements[1] == statements[2]
    assert [text.to for text in telephones.texts] == ["01012345678"]
    assert {len(answer.cookies["code"].value) for answer in answers} == {43}


def test_a_wrong_code_answers_the_same_whoever_has_the_phone(
    client: Client, student: User, telephones: Telephones
) -> None:
    right = telephones.ask(client, PHONE)
    wrong = "000000" if right != "000000" else "000001"
    known = verify(client, wrong)
    telephones.post(client, ASK, {"phone": UNKNOWN})
    unknown = verify(client, wrong)
    client.cookies.clear()
    unasked = verify(client, wrong)
    assert error_of(known, 401)["code"] == "wrong_code"
    assert known.content == unknown.content == unasked.content


def test_a_code_is_good_once(world: World, client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    cookie = client.cookies["code"].value
    assert verify(client, code).status_code == 201
    assert client.cookies["code"].value == ""
    again = stranger_on(world.hana.tenant)
    again.cookies["code"] = cookie
    error_of(verify(again, code), 401)


def test_a_code_is_good_for_five_minutes(client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)):
        error_of(verify(client, code), 401)
    with time_machine.travel(timezone.now() + timedelta(minutes=4, seconds=50)):
        assert verify(client, code).status_code == 201


def test_a_code_takes_five_tries(client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    refused = [verify(client, wrong) for _ in range(5)]
    sixth = verify(client, code)
    assert error_of(sixth, 401)["code"] == "wrong_code"
    assert {answer.content for answer in [*refused, sixth]} == {sixth.content}


def test_the_fifth_try_still_counts(client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    for _ in range(4):
        verify(client, f"{(int(code) + 1) % 1_000_000:06d}")
    assert verify(client, code).status_code == 201


def test_a_code_is_bound_to_the_browser_that_asked(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    code = telephones.ask(client, PHONE)
    error_of(verify(stranger_on(world.hana.tenant), code), 401)
    other = stranger_on(world.hana.tenant)
    telephones.ask(other, PHONE)
    if telephones.texts[-1].code != code:
        error_of(verify(other, code), 401)
    assert verify(client, code).status_code == 201


def test_a_code_of_one_academy_opens_nothing_in_another(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    with world.duri.acting():
        make_user(Role.OWNER, phone=PHONE)
    code = telephones.ask(client, PHONE)
    there = stranger_on(world.duri.tenant)
    there.cookies["code"] = client.cookies["code"].value
    error_of(verify(there, code), 401)


def test_a_code_to_log_in_resets_no_password(client: Client, student: User, telephones: Telephones) -> None:
    code = telephones.ask(client, PHONE)
    body = {"code": code, "password": "a-completely-new-one"}
    assert error_of(post(client, "/api/v1/password/reset", body), 401)["code"] == "wrong_code"


def test_who_was_suspended_meanwhile_stays_out(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    code = telephones.ask(client, PHONE)
    with world.hana.acting():
        User.objects.filter(pk=student.pk).update(is_active=False)
    assert error_of(verify(client, code), 401)["code"] == "wrong_code"


def test_the_session_gets_a_new_key_and_keeps_nothing(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    with world.hana.acting():
        make_user(Role.OWNER, phone="010-5555-5555", password=PASSWORD)
    post(client, SESSION, {"phone": "010-5555-5555", "password": PASSWORD})
    planted = client.cookies["session"].value
    assert verify(client, telephones.ask(client, PHONE)).status_code == 201
    assert client.cookies["session"].value != planted
    with world.hana.acting():
        assert [session.user_id for session in browser_sessions()] == [student.pk]


def test_a_text_that_cannot_be_sent_changes_no_answer(
    client: Client, student: User, telephones: Telephones, caplog: pytest.LogCaptureFixture
) -> None:
    telephones.carrier.status = 402
    answer = telephones.post(client, ASK, {"phone": PHONE})
    assert answer.status_code == 202
    assert telephones.texts == []
    assert "a text was not sent" in caplog.text
    assert "01012345678" not in caplog.text


@pytest.mark.parametrize("phone", ["", "12", "no phone", "010-1234-567890123", None, ["010"]])
def test_what_is_no_phone_is_invalid(client: Client, student: User, phone: object) -> None:
    assert error_of(post(client, ASK, {"phone": phone}), 400)["attr"] == "phone"


@pytest.mark.parametrize("code", ["", "x" * 17, None, ["123456"], "１２３４５６", "\ud800", "123 456"])
def test_what_is_no_code_opens_nothing(client: Client, student: User, telephones: Telephones, code: object) -> None:
    telephones.ask(client, PHONE)
    if isinstance(code, str) and "\ud800" in code:
        answer = client.post(VERIFY, '{"code": "\\ud800"}', content_type="application/json")
    else:
        answer = post(client, VERIFY, {"code": code})
    assert answer.status_code in {400, 401}


def test_asking_needs_the_csrf_token(world: World, student: User) -> None:
    client = stranger_on(world.hana.tenant, checks_csrf=True)
    error_of(post(client, ASK, {"phone": PHONE}), 403)
    error_of(post(client, VERIFY, {"code": "123456"}), 403)


def test_old_codes_are_deleted_by_later_askings(
    world: World, client: Client, student: User, telephones: Telephones
) -> None:
    telephones.ask(client, PHONE)
    with world.hana.acting():
        Challenge.objects.update(expires_at=timezone.now() - timedelta(days=1, seconds=1))
    telephones.ask(client, PHONE)
    with world.hana.acting():
        assert Challenge.objects.count() == 1
