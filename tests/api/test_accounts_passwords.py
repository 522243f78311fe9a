"""Passwords: set, changed, reset by a code. What the old one opened is closed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from academy.storage.models import Upload, UploadState
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.api.conftest import Telephones
from tests.factories import PASSWORD, World, client_of, make_upload, make_user, stranger_on

CHANGE = "/api/v1/password"
ASK = "/api/v1/password/reset/code"
RESET = "/api/v1/password/reset"
LOG_IN = "/api/v1/session"
STUDENTS = "/api/v1/students"
NEW = "a-completely-new-one"


def change(client: Client, password: str = NEW, old: str = PASSWORD) -> Any:
    return post(client, CHANGE, {"old_password": old, "password": password})


def log_in(world: World, user: User, password: str) -> int:
    client = stranger_on(world.hana.tenant)
    status: int = post(client, LOG_IN, {"phone": str(user.phone), "password": password}).status_code
    return status


def test_a_new_password_replaces_the_old_one(world: World) -> None:
    assert change(client_of(world.hana.teacher)).status_code == 204
    assert log_in(world, world.hana.teacher, PASSWORD) == 401
    assert log_in(world, world.hana.teacher, NEW) == 201


def test_a_new_password_ends_all_but_this_session_and_every_upload(world: World) -> None:
    here, there = client_of(world.hana.teacher), client_of(world.hana.teacher)
    with world.hana.acting():
        upload = make_upload(created_by=world.hana.teacher)
    stolen = here.cookies["session"].value
    change(here)
    error_of(there.get(STUDENTS), 401)
    assert here.get(STUDENTS).status_code == 200
    there.cookies["session"] = stolen
    error_of(there.get(STUDENTS), 401)
    with world.hana.acting():
        assert Upload.objects.get(pk=upload.pk).state == UploadState.CANCELLED


def test_the_old_password_is_asked_for_and_limited(world: World) -> None:
    client = client_of(world.hana.teacher)
    assert error_of(change(client, old="not-the-old-one"), 400)["attr"] == "old_password"
    error_of(post(client, CHANGE, {"password": NEW}), 400)
    for _ in range(8):
        change(client, old="not-the-old-one")
    error_of(change(client), 429)
    assert log_in(world, world.hana.teacher, PASSWORD) == 429


@pytest.mark.parametrize("weak", ["short", "1234567890", "password123", ""])
def test_a_weak_password_is_refused(world: World, weak: str) -> None:
    client = client_of(world.hana.teacher)
    assert error_of(change(client, weak), 400)["attr"] == "password"
    assert log_in(world, world.hana.teacher, PASSWORD) == 201


def test_who_came_by_a_code_sets_a_first_password(world: World) -> None:
    with world.hana.acting():
        user = make_user(Role.STUDENT)
    client = client_of(user)
    assert client.get(LOG_IN).json()["person"]["has_password"] is False
    assert post(client, CHANGE, {"password": NEW}).status_code == 204
    assert client.get(LOG_IN).json()["person"]["has_password"] is True
    assert log_in(world, user, NEW) == 201


def test_a_forgotten_password_is_reset_by_a_code(world: World, telephones: Telephones) -> None:
    signed_in = client_of(world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    assert post(client, RESET, {"code": code, "password": NEW}).status_code == 204
    error_of(signed_in.get(STUDENTS), 401)
    assert client.get(LOG_IN).json()["person"] is None
    assert log_in(world, world.hana.teacher, NEW) == 201
    assert log_in(world, world.hana.teacher, PASSWORD) == 401


def test_a_weak_password_uses_up_no_try(world: World, telephones: Telephones) -> None:
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    for _ in range(6):
        assert error_of(post(client, RESET, {"code": code, "password": "short"}), 400)["attr"] == "password"
    assert post(client, RESET, {"code": code, "password": NEW}).status_code == 204


def test_a_wrong_code_resets_nothing(world: World, telephones: Telephones) -> None:
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    error_of(post(client, RESET, {"code": wrong, "password": NEW}), 401)
    assert log_in(world, world.hana.teacher, PASSWORD) == 201


def test_a_reset_in_one_academy_changes_no_other(world: World, telephones: Telephones) -> None:
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    post(client, RESET, {"code": code, "password": NEW})
    there = stranger_on(world.duri.tenant)
    body = {"phone": str(world.duri.teacher.phone), "password": PASSWORD}
    assert post(there, LOG_IN, body).status_code == 201


def test_who_is_signed_in_resets_their_own_password_too(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.teacher)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    assert post(client, RESET, {"code": code, "password": NEW}).status_code == 204
    assert client.get(LOG_IN).json()["person"] is None
    assert log_in(world, world.hana.teacher, NEW) == 201


def test_who_is_signed_in_may_reset_somebody_elses_by_their_code(world: World, telephones: Telephones) -> None:
    """Two people, one browser, e.g. a family's tablet."""
    client = client_of(world.hana.owner)
    code = telephones.ask(client, str(world.hana.teacher.phone), ASK)
    assert post(client, RESET, {"code": code, "password": NEW}).status_code == 204
    assert client.get(LOG_IN).json()["person"]["id"] == world.hana.owner.pk
