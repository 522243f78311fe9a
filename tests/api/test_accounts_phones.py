"""Changing one's phone: verified on the new one, told to the old one."""

from __future__ import annotations

from typing import Any

from django.test import Client

from apps.accounts.models import User
from tests.api.answers import error_of, post
from tests.api.conftest import Telephones
from tests.factories import PASSWORD, World, client_of, make_user, stranger_on

ASK = "/api/v1/phone"
VERIFY = "/api/v1/phone/verify"
STUDENTS = "/api/v1/students"
NEW = "010-8765-4321"


def verify(telephones: Telephones, client: Client, code: str) -> Any:
    return telephones.post(client, VERIFY, {"code": code})


def test_the_new_phone_counts_once_it_is_verified(world: World, telephones: Telephones) -> None:
    client, other = client_of(world.hana.teacher), client_of(world.hana.teacher)
    code = telephones.ask(client, NEW, ASK, password=PASSWORD)
    assert telephones.texts[-1].to == "01087654321"
    assert client.get("/api/v1/session").json()["person"]["phone"] == str(world.hana.teacher.phone)
    assert verify(telephones, client, code).status_code == 204
    assert client.get("/api/v1/session").json()["person"]["phone"] == "+821087654321"
    error_of(other.get(STUDENTS), 401)
    assert telephones.texts[-1].to == "0" + str(world.hana.teacher.phone)[3:]
    assert (
        post(stranger_on(world.hana.tenant), "/api/v1/session", {"phone": NEW, "password": PASSWORD}).status_code == 201
    )


def test_the_password_is_asked_for(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.teacher)
    for body in ({"phone": NEW}, {"phone": NEW, "password": "not-the-password"}):
        assert error_of(telephones.post(client, ASK, body), 400)["attr"] == "password"
    assert telephones.texts == []


def test_a_taken_phone_answers_the_same_until_it_is_verified(world: World, telephones: Telephones) -> None:
    with world.hana.acting():
        make_user(phone=NEW)
    client = client_of(world.hana.teacher)
    free = telephones.post(client, ASK, {"phone": "010-1111-1111", "password": PASSWORD})
    taken = telephones.post(client, ASK, {"phone": NEW, "password": PASSWORD})
    assert free.content == taken.content
    assert error_of(verify(telephones, client, telephones.texts[-1].code), 409)["code"] == "phone_taken"
    with world.hana.acting():
        assert User.objects.get(pk=world.hana.teacher.pk).phone == world.hana.teacher.phone


def test_the_phone_of_somebody_elsewhere_is_free(world: World, telephones: Telephones) -> None:
    with world.duri.acting():
        make_user(phone=NEW)
    client = client_of(world.hana.teacher)
    code = telephones.ask(client, NEW, ASK, password=PASSWORD)
    assert verify(telephones, client, code).status_code == 204


def test_the_code_is_good_for_who_asked_only(world: World, telephones: Telephones) -> None:
    client = client_of(world.hana.teacher)
    code = telephones.ask(client, NEW, ASK, password=PASSWORD)
    other = client_of(world.hana.owner)
    other.cookies["code"] = client.cookies["code"].value
    error_of(verify(telephones, other, code), 401)
    stranger = stranger_on(world.hana.tenant)
    stranger.cookies["code"] = client.cookies["code"].value
    error_of(verify(telephones, stranger, code), 401)
    error_of(post(stranger, "/api/v1/session/code/verify", {"code": code}), 401)
