"""The session: shown to anybody, ended by its person, by time and by suspension."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from django.utils import timezone

from apps.accounts.models import User
from tests.api.answers import error_of
from tests.factories import World, browser_sessions, client_of, stranger_on

URL = "/api/v1/session"
STUDENTS = "/api/v1/students"


def test_a_stranger_learns_the_academy_and_gets_a_token(world: World) -> None:
    answer = stranger_on(world.hana.tenant).get(URL)
    assert answer.status_code == 200
    assert answer.json()["academy"] == {"slug": "hana", "name": "하나수학", "colour": "", "logo": ""}
    assert answer.json()["person"] is None
    assert answer.json()["csrf_token"]
    assert "csrf" in answer.cookies


def test_looking_makes_no_session(world: World) -> None:
    stranger_on(world.hana.tenant).get(URL)
    with world.hana.acting():
        assert not browser_sessions().exists()


def test_logging_out_ends_the_session_for_good(world: World) -> None:
    client = client_of(world.hana.teacher)
    key = client.cookies["session"].value
    assert client.delete(URL).status_code == 204
    client.cookies["session"] = key
    assert client.get(URL).json()["person"] is None
    error_of(client.get(STUDENTS), 401)
    with world.hana.acting():
        assert not browser_sessions().exists()


def test_logging_out_needs_the_csrf_token(world: World) -> None:
    client = client_of(world.hana.teacher, checks_csrf=True)
    del client.defaults["HTTP_X_CSRFTOKEN"]
    error_of(client.delete(URL), 403)
    assert client.get(URL).json()["person"]["id"] == world.hana.teacher.pk


def test_logging_out_leaves_the_other_sessions(world: World) -> None:
    here, there = client_of(world.hana.teacher), client_of(world.hana.teacher)
    here.delete(URL)
    assert there.get(URL).json()["person"]["id"] == world.hana.teacher.pk


def test_a_stranger_cannot_log_out(world: World) -> None:
    assert error_of(stranger_on(world.hana.tenant).delete(URL), 401)["code"] == "not_authenticated"


def test_a_suspended_person_is_signed_out_at_once(world: World) -> None:
    client = client_of(world.hana.teacher)
    with world.hana.acting():
        User.objects.filter(pk=world.hana.teacher.pk).update(is_active=False)
    error_of(client.get(STUDENTS), 401)
    assert client.get(URL).json()["person"] is None


def test_a_new_password_ends_the_sessions_of_the_old_one(world: World) -> None:
    client = client_of(world.hana.teacher)
    with world.hana.acting():
        teacher = User.objects.get(pk=world.hana.teacher.pk)
        teacher.set_password("a-completely-new-one")
        teacher.save(update_fields=["password"])
    error_of(client.get(STUDENTS), 401)


def test_a_session_ends_after_two_weeks(world: World) -> None:
    client = client_of(world.hana.teacher)
    with time_machine.travel(timezone.now() + timedelta(days=13, hours=23)):
        assert client.get(STUDENTS).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=14, seconds=1)):
        error_of(client.get(STUDENTS), 401)


def test_a_session_row_names_its_person(world: World) -> None:
    client_of(world.hana.teacher)
    with world.hana.acting():
        assert [row.user_id for row in browser_sessions()] == [world.hana.teacher.pk]
    with world.duri.acting():
        assert not browser_sessions().exists()


def test_a_forged_session_key_is_a_stranger(world: World) -> None:
    client = stranger_on(world.hana.tenant)
    for forged in (
        "x",
        "x" * 32,
        "../../etc/passwd",
        '"\\000abcdefgh\\000"',
        "a" * 5000,
        "세션".encode().decode("latin-1"),
    ):
        client.cookies.clear()
        answer = client.get(URL, HTTP_COOKIE=f"session={forged}")
        assert answer.status_code == 200, forged
        assert answer.json()["person"] is None


def test_a_role_that_changed_counts_from_the_next_request(world: World) -> None:
    client = client_of(world.hana.owner)
    with world.hana.acting():
        User.objects.filter(pk=world.hana.owner.pk).update(role="student")
    assert error_of(client.get(STUDENTS), 403)["code"] == "permission_denied"
