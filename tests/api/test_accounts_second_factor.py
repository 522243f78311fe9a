"""The second factor: an authenticator app, recovery codes, and academies that require one of their staff."""

from __future__ import annotations

from base64 import b32decode
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.test import Client
from django.utils import timezone

from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from apps.accounts.models import Authenticator, RecoveryCode, User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import PASSWORD, World, client_of, stranger_on

FACTOR = "/api/v1/me/second-factor"
CONFIRM = "/api/v1/me/second-factor/confirm"
RENEW = "/api/v1/me/recovery-codes"
SHOW = "/api/v1/session/second-factor"
SESSION = "/api/v1/session"
STUDENTS = "/api/v1/students"


class Phone:
    """An authenticator app, and the clock it goes by."""

    def __init__(self, secret: str, clock: time_machine.Traveller) -> None:
        self._totp = TOTP(b32decode(secret), 6, SHA1(), 30)
        self._clock = clock

    def code(self) -> str:
        """A code that was not shown before: half a minute later."""
        self._clock.shift(timedelta(seconds=30))
        return self._totp.generate(int(timezone.now().timestamp())).decode()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


def set_up(client: Client, clock: time_machine.Traveller) -> tuple[Phone, list[str]]:
    begun = post(client, FACTOR, {})
    assert begun.status_code == 201
    assert begun.json()["address"].startswith("otpauth://totp/")
    phone = Phone(begun.json()["secret"], clock)
    confirmed = post(client, CONFIRM, {"code": phone.code()})
    assert confirmed.status_code == 201, confirmed.content
    return phone, confirmed.json()["recovery_codes"]


def log_in(world: World, user: User) -> Client:
    client = stranger_on(world.hana.tenant)
    assert post(client, SESSION, {"phone": str(user.phone), "password": PASSWORD}).status_code == 201
    return client


def person(client: Client) -> Any:
    return client.get(SESSION).json()["person"]


def test_a_log_in_is_complete_with_the_second_factor(world: World, clock: time_machine.Traveller) -> None:
    phone, _ = set_up(client_of(world.hana.teacher), clock)
    client = log_in(world, world.hana.teacher)
    assert person(client)["second_factor_due"] == "show"
    assert person(client)["permissions"] == []
    assert error_of(client.get(STUDENTS), 403)["code"] == "second_factor_due"
    before = client.cookies["session"].value
    shown = post(client, SHOW, {"code": phone.code()})
    assert shown.status_code == 200
    assert shown.json()["person"]["second_factor_due"] is None
    assert client.cookies["session"].value != before
    assert client.get(STUDENTS).status_code == 200


def test_an_incomplete_session_reaches_nothing_of_the_person(world: World, clock: time_machine.Traveller) -> None:
    set_up(client_of(world.hana.owner), clock)
    client = log_in(world, world.hana.owner)
    for method, url, body in (
        ("get", "/api/v1/me/sessions", None),
        ("delete", "/api/v1/me/sessions", None),
        ("post", "/api/v1/password", {"old_password": PASSWORD, "password": "a-completely-new-one"}),
        ("post", "/api/v1/phone", {"phone": "010-1111-1111", "password": PASSWORD}),
        ("post", RENEW, {"password": PASSWORD}),
        ("delete", FACTOR, {"password": PASSWORD}),
        ("get", "/api/v1/people", None),
    ):
        answer = getattr(client, method)(url, body, content_type="application/json")
        assert error_of(answer, 403)["code"] == "second_factor_due", url
    error_of(post(client, FACTOR, {}), 403)  # and no other authenticator is set up over the first
    error_of(post(client, CONFIRM, {"code": "123456"}), 403)
    assert client.delete(SESSION).status_code == 204


def test_a_code_of_the_app_is_good_once(world: World, clock: time_machine.Traveller) -> None:
    phone, _ = set_up(client_of(world.hana.teacher), clock)
    code = phone.code()
    assert post(log_in(world, world.hana.teacher), SHOW, {"code": code}).status_code == 200
    assert error_of(post(log_in(world, world.hana.teacher), SHOW, {"code": code}), 401)["code"] == "wrong_code"


def test_a_code_is_good_a_step_around_its_time(world: World, clock: time_machine.Traveller) -> None:
    phone, _ = set_up(client_of(world.hana.teacher), clock)
    code = phone.code()
    clock.shift(timedelta(seconds=61))
    error_of(post(log_in(world, world.hana.teacher), SHOW, {"code": code}), 401)
    code = phone.code()
    clock.shift(timedelta(seconds=29))
    assert post(log_in(world, world.hana.teacher), SHOW, {"code": code}).status_code == 200


def test_a_recovery_code_is_good_once(world: World, clock: time_machine.Traveller) -> None:
    _, codes = set_up(client_of(world.hana.teacher), clock)
    assert len(set(codes)) == 10
    client = log_in(world, world.hana.teacher)
    assert post(client, SHOW, {"code": codes[3].lower()}).status_code == 200
    assert client.get(FACTOR).json() == {"has_second_factor": True, "recovery_codes_left": 9}
    error_of(post(log_in(world, world.hana.teacher), SHOW, {"code": codes[3]}), 401)


def test_guessing_is_limited_per_person(world: World, clock: time_machine.Traveller) -> None:
    phone, _ = set_up(client_of(world.hana.teacher), clock)
    for _ in range(3):
        client = log_in(world, world.hana.teacher)
        for _ in range(3):
            error_of(post(client, SHOW, {"code": "not it"}), 401)
    error_of(post(client, SHOW, {"code": phone.code()}), 429)


def test_setting_up_ends_the_other_sessions(world: World, clock: time_machine.Traveller) -> None:
    here, there = client_of(world.hana.teacher), client_of(world.hana.teacher)
    set_up(here, clock)
    error_of(there.get(STUDENTS), 401)
    assert here.get(STUDENTS).status_code == 200


def test_nothing_is_kept_in_clear(world: World, clock: time_machine.Traveller) -> None:
    client = client_of(world.hana.teacher)
    secret = post(client, FACTOR, {}).json()["secret"]
    phone = Phone(secret, clock)
    codes = post(client, CONFIRM, {"code": phone.code()}).json()["recovery_codes"]
    with world.hana.acting():
        authenticator = Authenticator.objects.get(user=world.hana.teacher)
        hashes = list(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert secret not in authenticator.encrypted_secret
    assert b32decode(secret).hex() not in authenticator.encrypted_secret
    assert not any(code.replace("-", "") in "".join(hashes) for code in codes)


def test_the_secret_survives_a_change_of_keys(world: World, clock: time_machine.Traveller, settings: Any) -> None:
    phone, _ = set_up(client_of(world.hana.teacher), clock)
    settings.ENCRYPTION_KEYS = ["a-newer-key-of-more-than-32-characters", *settings.ENCRYPTION_KEYS]
    assert post(log_in(world, world.hana.teacher), SHOW, {"code": phone.code()}).status_code == 200


def test_giving_it_up_needs_the_password(world: World, clock: time_machine.Traveller) -> None:
    client = client_of(world.hana.teacher)
    set_up(client, clock)
    wrong = client.delete(FACTOR, {"password": "not-the-password"}, content_type="application/json")
    assert error_of(wrong, 400)["attr"] == "password"
    assert client.delete(FACTOR, {"password": PASSWORD}, content_type="application/json").status_code == 204
    assert log_in(world, world.hana.teacher).get(STUDENTS).status_code == 200


def test_new_recovery_codes_replace_the_old_ones(world: World, clock: time_machine.Traveller) -> None:
    client = client_of(world.hana.teacher)
    _, old = set_up(client, clock)
    new = post(client, RENEW, {"password": PASSWORD}).json()["recovery_codes"]
    assert not set(old) & set(new)
    error_of(post(log_in(world, world.hana.teacher), SHOW, {"code": old[0]}), 401)
    assert post(log_in(world, world.hana.teacher), SHOW, {"code": new[0]}).status_code == 200


def test_an_administrator_removes_a_lost_one(world: World, clock: time_machine.Traveller) -> None:
    client = client_of(world.hana.teacher)
    set_up(client, clock)
    url = f"/api/v1/people/{world.hana.teacher.pk}/second-factor"
    assert client_of(world.hana.users[Role.MANAGER]).delete(url).status_code == 204
    error_of(client.get(STUDENTS), 401)
    assert person(log_in(world, world.hana.teacher))["second_factor_due"] is None


def test_students_and_guardians_are_offered_none(world: World) -> None:
    for role in (Role.STUDENT, Role.GUARDIAN):
        error_of(post(client_of(world.hana.users[role]), FACTOR, {}), 403)


# ---------------------------------------------------------------- required by the academy


@pytest.fixture
def required(world: World) -> None:
    Tenant.objects.filter(pk=world.hana.tenant.pk).update(mfa_required_for_staff=True)
    forget_hosts()


def test_staff_without_one_can_only_set_one_up(world: World, required: None, clock: time_machine.Traveller) -> None:
    client = log_in(world, world.hana.teacher)
    assert person(client)["second_factor_due"] == "set_up"
    assert error_of(client.get(STUDENTS), 403)["code"] == "second_factor_due"
    set_up(client, clock)
    assert client.get(STUDENTS).status_code == 200
    answer = client.delete(FACTOR, {"password": PASSWORD}, content_type="application/json")
    error_of(answer, 403)


def test_families_and_other_academies_are_not_asked(world: World, required: None) -> None:
    assert person(client_of(world.hana.users[Role.GUARDIAN]))["second_factor_due"] is None
    assert client_of(world.duri.teacher).get(STUDENTS).status_code == 200


def test_an_owner_requires_it_and_nobody_else(world: World) -> None:
    body, url = {"mfa_required_for_staff": True}, "/api/v1/academy"
    for role in set(Role) - {Role.OWNER}:
        error_of(client_of(world.hana.users[role]).patch(url, body, content_type="application/json"), 403)
    answer = client_of(world.hana.owner).patch(url, body, content_type="application/json")
    assert answer.json() == {**body, "trail_months": 24}
    assert person(client_of(world.hana.teacher))["second_factor_due"] == "set_up"
    assert person(client_of(world.duri.teacher))["second_factor_due"] is None


def test_the_codes_are_those_of_the_standard() -> None:
    """RFC 6238, appendix B, cut to six digits."""
    totp = TOTP(b"12345678901234567890", 6, SHA1(), 30)
    for moment, code in ((59, b"287082"), (1111111109, b"081804"), (20000000000, b"353130")):
        assert totp.generate(moment) == code
    assert datetime.fromtimestamp(59, tz=timezone.get_default_timezone()).year == 1970
