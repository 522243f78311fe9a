"""Sessions: listed and ended by their person and by administrators; noted as used at most once a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import Session
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import PASSWORD, World, client_of, stranger_on

OWN = "/api/v1/me/sessions"
LOG_IN = "/api/v1/session"
STUDENTS = "/api/v1/students"


def test_the_list_shows_browser_and_neighbourhood(world: World) -> None:
    client = stranger_on(world.hana.tenant)
    body = {"phone": str(world.hana.teacher.phone), "password": PASSWORD}
    client.post(
        LOG_IN,
        body,
        content_type="application/json",
        headers={"User-Agent": "Mozilla/5.0 " + "x" * 300},
        REMOTE_ADDR="203.0.113.77",
    )
    other = client_of(world.hana.teacher)
    shown = client.get(OWN).json()
    assert len(shown) == 2
    [mine] = [session for session in shown if session["is_current"]]
    assert set(mine) == {"id", "user_agent", "address", "created_at", "last_seen_at", "is_current"}
    assert mine["user_agent"].startswith("Mozilla/5.0 x")
    assert len(mine["user_agent"]) == 200
    assert mine["address"] == "203.0.113.0/24"
    assert client.cookies["session"].value not in str(shown)
    assert other.get(OWN).json()[0]["id"] in {session["id"] for session in shown}


def test_ending_one_session_leaves_the_others(world: World) -> None:
    here, there = client_of(world.hana.teacher), client_of(world.hana.teacher)
    [handle] = [session["id"] for session in there.get(OWN).json() if session["is_current"]]
    assert here.delete(f"{OWN}/{handle}").status_code == 204
    error_of(there.get(STUDENTS), 401)
    assert here.get(STUDENTS).status_code == 200
    error_of(here.delete(f"{OWN}/{handle}"), 404)


def test_ending_the_others_leaves_this_one(world: World) -> None:
    here, there = client_of(world.hana.teacher), client_of(world.hana.teacher)
    assert here.delete(OWN).status_code == 204
    error_of(there.get(STUDENTS), 401)
    assert here.get(STUDENTS).status_code == 200


def test_nobody_ends_the_session_of_somebody_else_as_their_own(world: World) -> None:
    teacher, owner = client_of(world.hana.teacher), client_of(world.hana.owner)
    [handle] = [session["id"] for session in teacher.get(OWN).json()]
    error_of(owner.delete(f"{OWN}/{handle}"), 404)
    assert teacher.get(STUDENTS).status_code == 200


def test_administrators_list_and_end_sessions(world: World) -> None:
    teacher, manager = client_of(world.hana.teacher), client_of(world.hana.users[Role.MANAGER])
    again = client_of(world.hana.teacher)
    url = f"/api/v1/people/{world.hana.teacher.pk}/sessions"
    shown = manager.get(url).json()
    assert len(shown) == 2
    assert not any(session["is_current"] for session in shown)
    assert manager.delete(f"{url}/{shown[0]['id']}").status_code == 204
    assert len(manager.get(url).json()) == 1
    assert manager.delete(url).status_code == 204
    error_of(teacher.get(STUDENTS), 401)
    error_of(again.get(STUDENTS), 401)
    assert manager.get(url).json() == []


def test_a_session_is_noted_as_used_once_a_minute(world: World) -> None:
    client = client_of(world.hana.teacher)
    client.get(STUDENTS)
    began = timezone.now()
    with time_machine.travel(began + timedelta(seconds=50)), CaptureQueriesContext(connection) as queries:
        client.get(STUDENTS)
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]
    with time_machine.travel(began + timedelta(seconds=70)), CaptureQueriesContext(connection) as queries:
        client.get(STUDENTS)
    assert len([query for query in queries if query["sql"].startswith("UPDATE")]) == 1


def test_saving_a_session_keeps_what_its_row_says(world: World) -> None:
    client = client_of(world.hana.teacher)
    [before] = client.get(OWN).json()
    with world.hana.acting():
        session = client.session
        session["something"] = 1
        session.save()
    assert client.get(OWN).json() == [before]


def test_a_session_that_was_ended_is_not_written_back(world: World) -> None:
    client = client_of(world.hana.teacher)
    with world.hana.acting():
        session = client.session
        session["something"] = 1
        Session.objects.all().delete()
        with pytest.raises(UpdateError):
            session.save()
        assert not Session.objects.exists()


def test_expired_sessions_are_deleted_by_later_log_ins(world: World) -> None:
    client_of(world.hana.teacher)
    body = {"phone": str(world.hana.owner.phone), "password": PASSWORD}
    with time_machine.travel(timezone.now() + timedelta(days=15)):
        post(stranger_on(world.hana.tenant), LOG_IN, body)
    with world.hana.acting():
        assert [session.user_id for session in Session.objects.all()] == [world.hana.owner.pk]
