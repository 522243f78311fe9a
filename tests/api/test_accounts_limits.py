"""Log-in and texts are limited: 429 in the envelope, with the time to wait."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from academy.limits import limiter
from academy.limits.limiter import Limit
from apps.accounts import limits
from tests.api.answers import error_of, post
from tests.api.conftest import Telephones
from tests.factories import PASSWORD, World, make_user, stranger_on

LOG_IN = "/api/v1/session"
ASK = "/api/v1/session/code"
PHONE = "010-1234-5678"


def log_in(client: Client, phone: str = PHONE, password: str = "the-wrong-password", **extra: Any) -> Any:
    return client.post(LOG_IN, {"phone": phone, "password": password}, content_type="application/json", **extra)


def small(monkeypatch: pytest.MonkeyPatch, name: str, count: int) -> None:
    limit: Limit = getattr(limits, name)
    monkeypatch.setattr(limits, name, Limit(limit.name, count, limit.seconds))


def test_passwords_of_one_phone_are_tried_ten_times(world: World) -> None:
    with world.hana.acting():
        make_user(phone=PHONE, password=PASSWORD)
    client = stranger_on(world.hana.tenant)
    for written in ("010-1234-5678", "01012345678", "+82 10 1234 5678", "+821012345678", "010 1234 5678") * 2:
        error_of(log_in(client, written), 401)
    refused = log_in(client, password=PASSWORD)
    assert error_of(refused, 429)["code"] == "too_many_requests"
    assert 0 < int(refused["Retry-After"]) <= 15 * 60
    error_of(log_in(stranger_on(world.duri.tenant)), 401)


def test_a_phone_nobody_has_is_limited_the_same(world: World) -> None:
    client = stranger_on(world.hana.tenant)
    answers = [log_in(client, "010-9999-9999").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]


def test_the_right_password_forgives_the_wrong_ones(world: World) -> None:
    with world.hana.acting():
        make_user(phone=PHONE, password=PASSWORD)
    client = stranger_on(world.hana.tenant)
    for _ in range(3):
        for _ in range(9):
            error_of(log_in(client), 401)
        assert log_in(client, password=PASSWORD).status_code == 201


@pytest.mark.parametrize("name", ["LOG_INS_PER_ADDRESS", "LOG_INS_PER_ACADEMY", "LOG_INS"])
def test_many_phones_from_one_place_are_limited(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    small(monkeypatch, name, 3)
    client = stranger_on(world.hana.tenant)
    answers = [log_in(client, f"010-9999-000{index}").status_code for index in range(4)]
    assert answers == [401, 401, 401, 429]
    elsewhere = log_in(client, "010-9999-0009", REMOTE_ADDR="198.51.100.7").status_code
    assert elsewhere == (401 if name == "LOG_INS_PER_ADDRESS" else 429)
    other_academy = log_in(stranger_on(world.duri.tenant), "010-9999-0008", REMOTE_ADDR="198.51.100.8").status_code
    assert other_academy == (429 if name == "LOG_INS" else 401)


def test_the_address_is_what_trusted_proxies_say(world: World, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    small(monkeypatch, "LOG_INS_PER_ADDRESS", 1)
    client = stranger_on(world.hana.tenant)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.1"), 401)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.2"), 429)  # nobody is trusted: the header says nothing
    settings.TRUSTED_PROXY_COUNT = 1
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.3"), 401)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.99, 203.0.113.3"), 429)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.3, 203.0.113.4"), 401)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="2001:db8:1:2::1"), 401)
    error_of(log_in(client, HTTP_X_FORWARDED_FOR="2001:db8:1:2:ffff::9"), 429)


def test_a_phone_gets_five_texts_an_hour_known_or_not(world: World, telephones: Telephones) -> None:
    with world.hana.acting():
        make_user(phone=PHONE)
    client = stranger_on(world.hana.tenant)
    for phone in (PHONE, "010-9999-9999"):
        answers = [telephones.post(client, ASK, {"phone": phone}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [202] * 5 + [429]
        assert error_of(answers[-1], 429)["code"] == "too_many_requests"
    assert len(telephones.texts) == 5


def test_asking_in_vain_uses_up_no_academys_texts(
    world: World, telephones: Telephones, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch, "TEXTS_PER_ACADEMY", 2)
    with world.hana.acting():
        for index in range(3):
            make_user(phone=f"010-1234-000{index}")
    client = stranger_on(world.hana.tenant)
    for index in range(5):
        assert telephones.post(client, ASK, {"phone": f"010-9999-000{index}"}).status_code == 202
    answers = [telephones.post(client, ASK, {"phone": f"010-1234-000{index}"}).status_code for index in range(3)]
    assert answers == [202, 202, 429]
    error_of(telephones.post(client, ASK, {"phone": "010-9999-0009"}), 429)


def test_without_its_limits_nobody_logs_in(world: World, settings: Any) -> None:
    with world.hana.acting():
        make_user(phone=PHONE, password=PASSWORD)
    limiter.close_connection()
    working = settings.LIMITS_DATABASE_URL
    settings.LIMITS_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/nothing"
    client = stranger_on(world.hana.tenant)
    client.raise_request_exception = False
    assert error_of(log_in(client, password=PASSWORD), 503)["code"] == "limits_unreachable"
    error_of(post(client, ASK, {"phone": PHONE}), 503)
    settings.LIMITS_DATABASE_URL = working
    assert log_in(client, password=PASSWORD).status_code == 201
