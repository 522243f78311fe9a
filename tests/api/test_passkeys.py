"""Passkeys: real ceremonies with a software authenticator, and every way of forging one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import cbor2
import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from academy.limits.limiter import Limit, forget_everything
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Tenant
from apps.accounts import limits
from apps.accounts.models import Passkey, PasskeyChallenge, User
from apps.accounts.roles import Role
from apps.accounts.services.access import CONFIRMED_KEY
from tests.api.answers import error_of, post
from tests.authenticator import SoftAuthenticator, b64, unb64
from tests.factories import PASSWORD, Cast, World, client_of, stranger_on

SESSION = "/api/v1/session"
LOG_IN = "/api/v1/session/passkey"
ASK_LOG_IN = "/api/v1/session/passkey/options"
SHOW = "/api/v1/session/second-factor/passkey"
ASK_SHOW = "/api/v1/session/second-factor/passkey/options"
SHOW_CODE = "/api/v1/session/second-factor"
PASSKEYS = "/api/v1/me/passkeys"
ASK_ADD = "/api/v1/me/passkeys/options"
FACTOR = "/api/v1/me/second-factor"
STUDENTS = "/api/v1/students"
CHILDREN = "/api/v1/me/children"


def log_in(cast: Cast, user: User) -> Client:
    client = stranger_on(cast.tenant)
    assert post(client, SESSION, {"phone": str(user.phone), "password": PASSWORD}).status_code == 201
    return client


def device(cast: Cast) -> SoftAuthenticator:
    return SoftAuthenticator(rp_id=cast.host, origin=f"http://{cast.host}")


def add(client: Client, key: SoftAuthenticator, name: str = "열쇠") -> Any:
    asked = post(client, ASK_ADD, {})
    assert asked.status_code == 200, asked.content
    return post(client, PASSKEYS, {"name": name, "credential": key.create(asked.json())})


def with_passkey(cast: Cast, user: User) -> tuple[Client, SoftAuthenticator, Any]:
    """A browser of ``user``, signed in, the key that they have added there, and what that was answered."""
    client, key = log_in(cast, user), device(cast)
    added = add(client, key)
    assert added.status_code == 201, added.content
    return client, key, added.json()


def sign_in(client: Client, key: SoftAuthenticator) -> Any:
    return post(client, LOG_IN, key.get(post(client, ASK_LOG_IN, {}).json()))


def person(client: Client) -> Any:
    return client.get(SESSION).json()["person"]


def require_second_factor(world: World) -> None:
    Tenant.objects.filter(pk=world.hana.tenant.pk).update(mfa_required_for_staff=True)
    forget_hosts()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


# ---------------------------------------------------------------- what they are for


def test_a_passkey_is_a_whole_log_in(world: World) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    asked = post(client, ASK_LOG_IN, {}).json()
    assert (asked["allowCredentials"], asked["userVerification"], asked["rpId"]) == ([], "required", world.hana.host)
    answer = post(client, LOG_IN, key.get(asked))
    assert answer.status_code == 201, answer.content
    assert answer.json()["person"]["id"] == world.hana.teacher.pk
    assert answer.json()["person"]["second_factor_due"] is None
    assert client.get(STUDENTS).status_code == 200
    with world.hana.acting():
        row = Passkey.objects.get(credential_id=b64(key.credential_id))
    assert row.last_used_at is not None
    assert row.sign_count == key.count


def test_the_passkey_of_a_guardian_is_a_convenience_and_no_second_factor(world: World) -> None:
    guardian = world.hana.users[Role.GUARDIAN]
    _, key, added = with_passkey(world.hana, guardian)
    assert added["recovery_codes"] == []
    client = stranger_on(world.hana.tenant)
    assert sign_in(client, key).status_code == 201
    assert [child["id"] for child in client.get(CHILDREN).json()] == [world.hana.student.pk]
    assert person(log_in(world.hana, guardian))["second_factor_due"] is None


def test_staff_show_it_after_the_password(world: World) -> None:
    _, key, added = with_passkey(world.hana, world.hana.teacher)
    assert len(added["recovery_codes"]) == 10
    client = log_in(world.hana, world.hana.teacher)
    assert error_of(client.get(STUDENTS), 403)["code"] == "second_factor_due"
    asked = post(client, ASK_SHOW, {}).json()
    assert b64(key.credential_id) in {one["id"] for one in asked["allowCredentials"]}
    before = client.cookies["session"].value
    shown = post(client, SHOW, key.get(asked))
    assert shown.status_code == 200, shown.content
    assert shown.json()["person"]["second_factor_due"] is None
    assert client.cookies["session"].value != before
    assert client.get(STUDENTS).status_code == 200


def test_a_recovery_code_stands_in_for_a_lost_passkey(world: World) -> None:
    _, _, added = with_passkey(world.hana, world.hana.teacher)
    client = log_in(world.hana, world.hana.teacher)
    assert post(client, SHOW_CODE, {"code": added["recovery_codes"][0]}).status_code == 200
    assert client.get(STUDENTS).status_code == 200


def test_a_password_alone_sets_up_nothing_past_a_passkey(world: World) -> None:
    with_passkey(world.hana, world.hana.teacher)
    thief = log_in(world.hana, world.hana.teacher)
    error_of(post(thief, FACTOR, {}), 403)
    error_of(post(thief, FACTOR + "/confirm", {"code": "123456"}), 403)
    error_of(post(thief, ASK_ADD, {"password": PASSWORD}), 403)
    error_of(thief.get(PASSKEYS), 403)


def test_staff_who_must_have_one_may_set_up_a_passkey(world: World) -> None:
    require_second_factor(world)
    client, key = log_in(world.hana, world.hana.teacher), device(world.hana)
    assert person(client)["second_factor_due"] == "set_up"
    assert len(add(client, key).json()["recovery_codes"]) == 10
    assert person(client)["second_factor_due"] is None
    assert client.get(STUDENTS).status_code == 200


def test_the_first_one_ends_sessions_elsewhere_and_a_further_one_does_not(world: World) -> None:
    other = client_of(world.hana.teacher)
    client, _, _ = with_passkey(world.hana, world.hana.teacher)
    assert person(other) is None
    again = stranger_on(world.hana.tenant)
    second = device(world.hana)
    assert add(client, second).json()["recovery_codes"] == []
    assert sign_in(again, second).status_code == 201
    assert person(client)["id"] == world.hana.teacher.pk


def test_names_are_random_and_the_same_for_all_passkeys_of_a_person(world: World) -> None:
    client, key, _ = with_passkey(world.hana, world.hana.owner)
    second = device(world.hana)
    add(client, second)
    assert second.user_handle == key.user_handle
    assert len(key.user_handle) == 16
    _, other, _ = with_passkey(world.duri, world.duri.owner)
    assert other.user_handle != key.user_handle
    asked = post(client, ASK_ADD, {}).json()
    excluded = {one["id"] for one in asked["excludeCredentials"]}
    assert {b64(key.credential_id), b64(second.credential_id)} <= excluded


# ---------------------------------------------------------------- list, name, remove


def test_passkeys_are_listed_named_and_removed(world: World) -> None:
    client, key, added = with_passkey(world.hana, world.hana.owner)
    url = f"{PASSKEYS}/{added['passkey']['id']}"
    assert set(added["passkey"]) == {"id", "name", "host", "created_at", "last_used_at", "is_backed_up"}
    assert client.patch(url, {"name": "회사 노트북"}, "application/json").json()["name"] == "회사 노트북"
    assert [one["name"] for one in client.get(PASSKEYS).json()] == ["회사 노트북", "내 휴대폰"]
    elsewhere = stranger_on(world.hana.tenant)
    assert sign_in(elsewhere, key).status_code == 201
    assert client.delete(url, {}, "application/json").status_code == 204
    assert person(elsewhere) is None, "what a lost passkey has opened is open still"
    assert person(client) is not None
    error_of(sign_in(elsewhere, key), 401)
    error_of(client.delete(url, {}, "application/json"), 404)


def test_somebody_elses_is_missing_here_and_in_the_other_academy(world: World) -> None:
    client = log_in(world.hana, world.hana.owner)
    with world.hana.acting():
        colleague = Passkey.objects.filter(user=world.hana.teacher).get().pk
    with world.duri.acting():
        foreign = Passkey.objects.filter(user=world.duri.owner).get().pk
    for method in ("patch", "delete"):
        answers = [
            getattr(client, method)(f"{PASSKEYS}/{pk}", {"name": "x"}, "application/json")
            for pk in (colleague, foreign, 2**40)
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1


def test_the_last_second_factor_stays_where_the_academy_requires_one(world: World) -> None:
    client, key, added = with_passkey(world.hana, world.hana.teacher)
    with world.hana.acting():
        Passkey.objects.exclude(pk=added["passkey"]["id"]).delete()
    require_second_factor(world)
    error_of(client.delete(f"{PASSKEYS}/{added['passkey']['id']}", {}, "application/json"), 403)
    second = add(client, device(world.hana)).json()["passkey"]["id"]
    assert client.delete(f"{PASSKEYS}/{added['passkey']['id']}", {}, "application/json").status_code == 204
    error_of(client.delete(f"{PASSKEYS}/{second}", {}, "application/json"), 403)
    error_of(sign_in(stranger_on(world.hana.tenant), key), 401)


def test_without_the_last_one_nothing_is_due_and_no_recovery_code_is_left(world: World) -> None:
    client, _, _ = with_passkey(world.hana, world.hana.teacher)
    for one in client.get(PASSKEYS).json():
        assert client.delete(f"{PASSKEYS}/{one['id']}", {}, "application/json").status_code == 204
    assert client.get(FACTOR).json() == {"has_second_factor": False, "recovery_codes_left": 0}
    assert person(log_in(world.hana, world.hana.teacher))["second_factor_due"] is None


def test_a_manager_who_resets_the_second_factor_ends_passkeys_too(world: World) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    reset = client_of(world.hana.owner).delete(f"/api/v1/people/{world.hana.teacher.pk}/second-factor")
    assert reset.status_code == 204
    error_of(sign_in(stranger_on(world.hana.tenant), key), 401)


def test_twenty_are_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.accounts.services.passkeys.MAX_PASSKEYS", 2)
    client, _, _ = with_passkey(world.hana, world.hana.teacher)
    error_of(post(client, ASK_ADD, {}), 403)


def test_adding_and_removing_need_a_proof_of_the_last_ten_minutes(world: World, clock: time_machine.Traveller) -> None:
    client, key, added = with_passkey(world.hana, world.hana.teacher)
    url = f"{PASSKEYS}/{added['passkey']['id']}"
    clock.shift(timedelta(minutes=10, seconds=1))
    assert error_of(post(client, ASK_ADD, {}), 403)["code"] == "confirmation_due"
    assert error_of(client.delete(url, {}, "application/json"), 403)["code"] == "confirmation_due"
    error_of(post(client, ASK_ADD, {"password": "the-wrong-password"}), 400)
    assert post(client, ASK_ADD, {"password": PASSWORD}).status_code == 200
    clock.shift(timedelta(minutes=11))
    error_of(post(client, ASK_ADD, {}), 403)
    assert post(client, SHOW, key.get(post(client, ASK_SHOW, {}).json())).status_code == 200
    assert post(client, ASK_ADD, {}).status_code == 200


def test_who_has_no_password_is_not_let_through_for_that(world: World) -> None:
    with world.hana.acting():
        user = world.hana.users[Role.GUARDIAN]
        user.set_unusable_password()
        user.save(update_fields=["password"])
    client = client_of(user)
    assert error_of(post(client, ASK_ADD, {"password": ""}), 403)["code"] == "confirmation_due"
    with world.hana.acting():
        session = client.session
        session[CONFIRMED_KEY] = int(timezone.now().timestamp())
        session.save()
    assert post(client, ASK_ADD, {}).status_code == 200


# ---------------------------------------------------------------- forged log-ins

Forge = Callable[[SoftAuthenticator, World], None]


def _set(**changes: Any) -> Forge:
    def forge(key: SoftAuthenticator, world: World) -> None:
        for name, value in changes.items():
            setattr(key, name, value(key, world) if callable(value) else value)

    return forge


FORGERIES: Mapping[str, Forge] = {
    "another origin": _set(origin="http://evil.example"),
    "the origin of the other academy": _set(origin=lambda _, world: f"http://{world.duri.host}"),
    "another scheme": _set(origin=lambda _, world: f"https://{world.hana.host}"),
    "another port": _set(origin=lambda _, world: f"http://{world.hana.host}:8000"),
    "the parent domain's origin": _set(origin="http://academy.test"),
    "the other academy's relying party": _set(rp_id=lambda _, world: world.duri.host),
    "the parent domain": _set(rp_id="academy.test"),
    "no user verification": _set(flags=0x01),
    "no user presence": _set(flags=0x04),
    "another key": _set(key=lambda *_: SoftAuthenticator("", "").key),
    "a counter that goes back": _set(count=0),
    "a counter that is gone": _set(count=0, counts=False),
    "an unknown credential": _set(credential_id=b"x" * 32),
    "another person's handle": _set(user_handle=b"y" * 16),
    "no handle": _set(user_handle=b""),
}


@pytest.fixture
def refusal(world: World) -> bytes:
    """What a passkey that nobody has is answered."""
    client = stranger_on(world.hana.tenant)
    answer = sign_in(client, device(world.hana))
    assert error_of(answer, 401)["code"] == "wrong_passkey"
    return bytes(answer.content)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_log_in_is_refused_like_an_unknown_one(name: str, world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    assert sign_in(client, key).status_code == 201  # before the forgery it is a good one
    client = stranger_on(world.hana.tenant)
    FORGERIES[name](key, world)
    answer = sign_in(client, key)
    assert (answer.status_code, answer.content) == (401, refusal)
    assert person(client) is None


@pytest.mark.parametrize("name", [name for name in FORGERIES if "handle" not in name])
def test_a_forged_second_factor_is_refused_the_same(name: str, world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = log_in(world.hana, world.hana.teacher)
    asked = post(client, ASK_SHOW, {}).json()
    FORGERIES[name](key, world)
    answer = post(client, SHOW, key.get(asked))
    assert (answer.status_code, answer.content) == (401, refusal)
    assert person(client)["second_factor_due"] == "show"


@pytest.mark.parametrize("part", ["signature", "authenticatorData", "clientDataJSON"])
def test_one_bit_is_enough_to_be_refused(part: str, world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    for place in (0, -1, 20):
        good = key.get(post(client, ASK_LOG_IN, {}).json())
        raw = bytearray(unb64(good["response"][part]))
        raw[place] ^= 1
        good["response"][part] = b64(bytes(raw))
        answer = post(client, LOG_IN, good)
        assert (answer.status_code, answer.content) == (401, refusal)


def test_a_challenge_is_good_once_for_its_browser_and_ceremony(world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client, other = stranger_on(world.hana.tenant), stranger_on(world.hana.tenant)
    asked = post(client, ASK_LOG_IN, {}).json()
    cookie = client.cookies["passkey"].value
    post(other, ASK_LOG_IN, {})
    assert post(other, LOG_IN, key.get(asked)).content == refusal, "another browser's challenge"
    signed = key.get(asked)
    assert post(client, LOG_IN, signed).status_code == 201
    for credential in (signed, key.get(asked)):
        again = stranger_on(world.hana.tenant)
        again.cookies["passkey"] = cookie
        assert post(again, LOG_IN, credential).content == refusal, "used before"
    without = stranger_on(world.hana.tenant)
    assert post(without, LOG_IN, key.get(asked)).content == refusal, "without the cookie"
    staff = log_in(world.hana, world.hana.teacher)
    shown = key.get(post(staff, ASK_SHOW, {}).json())
    assert post(staff, LOG_IN, shown).content == refusal, "asked for another ceremony"
    assert post(staff, SHOW, key.get(post(staff, ASK_LOG_IN, {}).json())).content == refusal


def test_a_refused_attempt_uses_up_the_challenge(world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    asked = post(client, ASK_LOG_IN, {}).json()
    cookie = client.cookies["passkey"].value
    assert post(client, LOG_IN, device(world.hana).get(asked)).content == refusal
    client.cookies["passkey"] = cookie
    assert post(client, LOG_IN, key.get(asked)).content == refusal


def test_a_challenge_ends_after_five_minutes(world: World, clock: time_machine.Traveller, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    asked = post(client, ASK_LOG_IN, {}).json()
    assert client.cookies["passkey"]["max-age"] == 300
    cookie = client.cookies["passkey"].value
    clock.shift(timedelta(minutes=5, seconds=1))
    client.cookies["passkey"] = cookie
    assert post(client, LOG_IN, key.get(asked)).content == refusal
    client = stranger_on(world.hana.tenant)
    asked = post(client, ASK_LOG_IN, {}).json()
    clock.shift(timedelta(minutes=4, seconds=59))
    assert post(client, LOG_IN, key.get(asked)).status_code == 201


def test_another_persons_challenge_is_not_mine(world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    mine, theirs = log_in(world.hana, world.hana.teacher), log_in(world.hana, world.hana.owner)
    asked = post(theirs, ASK_SHOW, {}).json()
    mine.cookies["passkey"] = theirs.cookies["passkey"].value
    assert post(mine, SHOW, key.get(asked)).content == refusal
    mine.cookies["passkey"] = theirs.cookies["passkey"].value
    asked = post(theirs, ASK_ADD, {}).json()
    new = device(world.hana)
    mine.cookies["passkey"] = theirs.cookies["passkey"].value
    added = post(mine, PASSKEYS, {"name": "x", "credential": new.create(asked)})
    assert added.status_code in (401, 403)
    error_of(sign_in(stranger_on(world.hana.tenant), new), 401)


def test_another_persons_passkey_is_no_second_factor_of_mine(world: World, refusal: bytes) -> None:
    _, of_owner, _ = with_passkey(world.hana, world.hana.owner)
    with_passkey(world.hana, world.hana.teacher)
    client = log_in(world.hana, world.hana.teacher)
    assert post(client, SHOW, of_owner.get(post(client, ASK_SHOW, {}).json())).content == refusal


def test_a_passkey_is_worthless_at_the_other_academy(world: World, refusal: bytes) -> None:
    """Also one that answers with the other academy's host and origin: its row is behind the wall."""
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.duri.tenant)
    assert sign_in(client, key).content == refusal
    key.rp_id, key.origin = world.duri.host, f"http://{world.duri.host}"
    assert sign_in(client, key).content == refusal
    asked = post(stranger_on(world.hana.tenant), ASK_LOG_IN, {}).json()
    key.rp_id, key.origin = world.hana.host, f"http://{world.hana.host}"
    assert post(client, LOG_IN, key.get(asked)).content == refusal


def test_a_passkey_is_good_on_the_host_that_it_was_made_on_only(world: World, refusal: bytes) -> None:
    world.hana.tenant.domains.create(domain="math.example", is_primary=False)
    client, key, _ = with_passkey(world.hana, world.hana.teacher)
    other = Client(SERVER_NAME="math.example")
    asked = post(other, ASK_LOG_IN, {}).json()
    assert asked["rpId"] == "math.example"
    assert post(other, LOG_IN, key.get(asked)).content == refusal
    assert post(client, ASK_SHOW, {}).json()["allowCredentials"] != []
    elsewhere = Client(SERVER_NAME="math.example")
    post(elsewhere, SESSION, {"phone": str(world.hana.teacher.phone), "password": PASSWORD})
    assert post(elsewhere, ASK_SHOW, {}).json()["allowCredentials"] == []


def test_the_port_that_browsers_see_is_part_of_the_origin(world: World, settings: Any) -> None:
    settings.PUBLIC_PORT = 8443
    key = device(world.hana)
    key.origin = f"http://{world.hana.host}:8443"
    client = log_in(world.hana, world.hana.teacher)
    assert add(client, key).status_code == 201
    settings.IS_TLS, settings.PUBLIC_PORT = True, 443
    key.origin = f"https://{world.hana.host}"
    assert sign_in(stranger_on(world.hana.tenant), key).status_code == 201


def test_a_counter_that_goes_back_is_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    _, key, added = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    with caplog.at_level(logging.WARNING, logger="apps.accounts"):
        key.count = 50
        assert sign_in(client, key).status_code == 201
        assert not [record for record in caplog.records if record.name.startswith("apps.accounts")]
        key.count = 49 - 1
        error_of(sign_in(stranger_on(world.hana.tenant), key), 401)
    [record] = [record for record in caplog.records if record.name.startswith("apps.accounts")]
    assert f"passkey {added['passkey']['id']} of user {world.hana.teacher.pk}" in record.getMessage()


def test_a_synced_passkey_never_counts(world: World) -> None:
    client, key = log_in(world.hana, world.hana.teacher), device(world.hana)
    key.counts = False
    assert add(client, key).status_code == 201
    for _ in range(2):
        assert sign_in(stranger_on(world.hana.tenant), key).status_code == 201


def test_a_suspended_person_is_refused_like_an_unknown_one(world: World, refusal: bytes) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = stranger_on(world.hana.tenant)
    assert sign_in(client, key).status_code == 201
    asked = post(stranger_on(world.hana.tenant), ASK_LOG_IN, {})
    assert asked.status_code == 200
    owner = client_of(world.hana.owner)
    assert owner.post(f"/api/v1/people/{world.hana.teacher.pk}/suspend").status_code == 200
    assert person(client) is None
    assert sign_in(stranger_on(world.hana.tenant), key).content == refusal
    with world.hana.acting():
        assert not PasskeyChallenge.objects.filter(user=world.hana.teacher).exists()


# ---------------------------------------------------------------- forged registrations


@pytest.mark.parametrize("name", [name for name in FORGERIES if "counter" not in name and "handle" not in name][:9])
def test_a_forged_registration_is_refused(name: str, world: World) -> None:
    client, key = log_in(world.hana, world.hana.teacher), device(world.hana)
    FORGERIES[name](key, world)
    assert error_of(add(client, key), 401)["code"] == "wrong_passkey"
    assert person(client)["has_second_factor"] is False


def test_a_credential_is_kept_once(world: World) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    handle = key.user_handle
    assert error_of(add(log_in(world.hana, world.hana.owner), key), 401)["code"] == "wrong_passkey"
    key.user_handle = handle
    assert sign_in(stranger_on(world.hana.tenant), key).json()["person"]["id"] == world.hana.teacher.pk


COSE: Mapping[str, bytes] = {
    "a point beside the curve": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x02" * 32}),
    "no map": cbor2.dumps([1, 2]),
    "an empty map": cbor2.dumps({}),
    "another curve": cbor2.dumps({1: 2, 3: -7, -1: 99, -2: b"\x01" * 32, -3: b"\x02" * 32}),
    "numbers for bytes": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: 5, -3: 7}),
    "empty bytes": cbor2.dumps({1: 2, 3: -7, -1: 1, -2: b"", -3: b""}),
    "an algorithm that nobody asked for": cbor2.dumps({1: 3, 3: -65535, -1: b"\x01" * 256, -2: b"\x01\x00\x01"}),
    "an enormous RSA key": cbor2.dumps({1: 3, 3: -257, -1: b"\xff" * 8000, -2: b"\x01\x00\x01"}),
    "cut off": b"\xa5\x01\x02",
    "nested": b"\x81" * 5000,
    "a length of exabytes": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "bytes after the key": SoftAuthenticator("", "").cose_key + b"\x00",
}


@pytest.mark.parametrize("name", COSE)
def test_a_malformed_key_is_refused(name: str, world: World) -> None:
    client, key = log_in(world.hana, world.hana.teacher), device(world.hana)
    asked = post(client, ASK_ADD, {}).json()
    answer = post(client, PASSKEYS, {"name": "x", "credential": key.create(asked, cose_key=COSE[name])})
    assert error_of(answer, 401)["code"] == "wrong_passkey"


def test_what_is_no_credential_is_a_bad_request(world: World) -> None:
    client, key = log_in(world.hana, world.hana.teacher), device(world.hana)
    made = key.create(post(client, ASK_ADD, {}).json())
    for path, value in [
        (("id",), "a" * 2000),
        (("id",), "not base64!"),
        (("id",), None),
        (("type",), "password"),
        (("response",), "x"),
        (("response", "attestationObject"), "A" * 40_000),
        (("response", "clientDataJSON"), ["A"]),
        (("response", "transports"), ["usb"] * 11),
    ]:
        changed: dict[str, Any] = {**made, "response": dict(made["response"])}
        inner = changed["response"] if len(path) > 1 else changed
        inner[path[-1]] = value
        error_of(post(client, PASSKEYS, {"name": "x", "credential": changed}), 400)
    bodies: list[Any] = [{}, [], {"name": "x", "credential": None}, {"name": "", "credential": made}]
    for body in bodies:
        error_of(post(client, PASSKEYS, body), 400)


@pytest.fixture
def registering(world: World) -> tuple[Client, SoftAuthenticator]:
    return log_in(world.hana, world.hana.teacher), device(world.hana)


@given(data=st.data())
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
def test_whatever_is_sent_is_answered(data: st.DataObject, registering: tuple[Client, SoftAuthenticator]) -> None:
    """A good registration with bytes of it changed, cut or added to: 401, never a 500; a change may do no harm."""
    client, key = registering
    forget_everything()
    made = key.create(post(client, ASK_ADD, {}).json())
    part = data.draw(st.sampled_from(["attestationObject", "clientDataJSON"]))
    raw = bytearray(unb64(made["response"][part]))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place : place + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=8))
    made["response"][part] = b64(bytes(raw))
    assert post(client, PASSKEYS, {"name": "x", "credential": made}).status_code in (201, 401, 403)


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize("name", ["PASSKEYS_PER_ADDRESS", "PASSKEYS_PER_ACADEMY", "PASSKEYS"])
def test_log_ins_by_passkey_are_limited(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    limit: Limit = getattr(limits, name)
    monkeypatch.setattr(limits, name, Limit(limit.name, 4, limit.seconds))
    client, key = stranger_on(world.hana.tenant), device(world.hana)
    for _ in range(2):
        error_of(sign_in(client, key), 401)
    assert error_of(post(client, ASK_LOG_IN, {}), 429)["code"] == "too_many_requests"
    elsewhere = stranger_on(world.duri.tenant)
    refused = elsewhere.post(ASK_LOG_IN, {}, "application/json", REMOTE_ADDR="198.51.100.7").status_code
    assert refused == (429 if name == "PASSKEYS" else 200)


def test_second_factors_of_one_person_are_tried_ten_times(world: World) -> None:
    _, key, _ = with_passkey(world.hana, world.hana.teacher)
    client = log_in(world.hana, world.hana.teacher)
    for _ in range(10):
        error_of(post(client, SHOW, device(world.hana).get(post(client, ASK_SHOW, {}).json())), 401)
    refused = post(client, SHOW, key.get(post(client, ASK_SHOW, {}).json()))
    assert error_of(refused, 429)["code"] == "too_many_requests"
