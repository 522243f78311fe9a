"""What is logged, reported and traced of people: their request, their academy; no phone, name, code, password."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.test import Client

from academy.jobs.disposition import Disposition
from academy.logs.bound import bound, bound_fields
from academy.logs.formatting import scrubbed
from academy.trail.models import TrailEntry
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.answers import post
from tests.db.kernel import FakeSandbox, delivery, new_job, use_test_kinds
from tests.factories import World, client_of, make_user, stranger_on
from tests.sentinels import (
    CODE,
    COOKIE,
    NAME,
    PASSWORD,
    PHONE,
    Crashes,
    Spans,
    found_in,
    written_log,
)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with written_log() as written:
        yield written


@pytest.fixture
def person(world: World, monkeypatch: pytest.MonkeyPatch) -> User:
    monkeypatch.setattr("academy.sms.delivery.configured_sms", lambda: _Silent())  # not the console of developers
    with world.hana.acting():
        return make_user(Role.OWNER, phone=PHONE, name=NAME, password=PASSWORD)


class _Silent:
    def send(self, to: str, text: str) -> None:
        pass


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def found(log: io.StringIO) -> list[str]:
    return found_in(log.getvalue())


def test_no_main_flow_says_who_somebody_is(
    world: World, person: User, log: io.StringIO, crashes: Crashes, spans: Spans
) -> None:
    client = stranger_on(world.hana.tenant)
    client.cookies["session"] = COOKIE
    post(client, "/api/v1/session", {"phone": PHONE, "password": "wrong-" + PASSWORD})
    post(client, "/api/v1/session/code", {"phone": PHONE})
    post(client, "/api/v1/session/code/verify", {"phone": PHONE, "code": CODE})
    assert post(client, "/api/v1/session", {"phone": PHONE, "password": PASSWORD}).status_code == 201
    owner = client_of(person)
    people = {"phone": PHONE, "name": NAME, "role": "teacher"}
    assert post(owner, "/api/v1/people", people).status_code >= 400  # the phone is taken, and is not named
    post(owner, "/api/v1/students", {"number": "770077", "name": NAME, "phone": PHONE})
    assert owner.get("/api/v1/students", {"search": NAME}).status_code == 200
    assert owner.get(f"/api/v1/people/{person.pk}").status_code == 200
    owner.patch(f"/api/v1/people/{person.pk}", {"name": NAME + NAME}, content_type="application/json")
    post(client, "/api/v1/password/reset/code", {"phone": PHONE})
    owner.get(f"/api/v1/{NAME}/{PHONE}", headers={"traceparent": CODE, "baggage": f"name={CODE}"})
    logging.getLogger("test").info("the handler listens")
    assert "the handler listens" in log.getvalue()
    assert found(log) == []
    assert {span.name for span in spans.all} >= {"POST session", "POST people", "GET (none)"}
    assert found_in(spans.text) == []
    assert crashes.envelopes == []  # refusals are no crashes


def test_an_error_is_told_by_its_kind_and_place_and_not_by_its_words(
    world: World,
    person: User,
    log: io.StringIO,
    crashes: Crashes,
    spans: Spans,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        phone, name = PHONE, NAME  # local variables, which the SDK could send
        assert phone != name
        raise IntegrityError(f"duplicate key\nDETAIL:  Key (phone)=({PHONE}) of {NAME} already exists.")

    monkeypatch.setattr("apps.accounts.api.people.PeopleView.get", broken)
    client: Client = client_of(person)
    client.raise_request_exception = False
    client.cookies["other"] = COOKIE
    answer = client.get("/api/v1/people", {"search": NAME}, headers={"User-Agent": PASSWORD})
    assert answer.status_code == 500
    [line] = [one for one in lines(log) if one["level"] == "ERROR" and "exception" in one]
    exception = line["exception"]
    assert isinstance(exception, list)
    assert exception[0]["kind"] == "django.db.utils.IntegrityError"
    assert exception[0]["at"][-1].endswith(" broken")
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["tenant_id"] == world.hana.tenant.pk
    assert found(log) == []
    [event] = crashes.events
    assert event["exception"]["values"][-1]["type"] == "IntegrityError"
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "broken"
    assert event["tags"] == {
        "request_id": answer.headers["X-Request-ID"],
        "tenant_id": str(world.hana.tenant.pk),
        "route": "people",
        "service": "api",
        "trace_id": line["trace_id"],
    }
    assert (event["release"], event["environment"]) == ("sha256:abc", "academy-m")
    assert found_in(crashes.text) == []
    traced = spans.one("GET people")
    assert not traced.status.is_ok
    assert traced.status.description is None
    assert found_in(spans.text) == []


def test_the_answer_the_log_and_the_trail_name_one_request(world: World, person: User) -> None:
    other = world.hana.users[Role.TEACHER]
    answer = client_of(person).get(f"/api/v1/people/{other.pk}", headers={"X-Request-ID": "of-the-client"})
    number = UUID(answer.headers["X-Request-ID"])
    with world.hana.acting():
        assert TrailEntry.objects.filter(request_id=number).exists()


def test_a_job_is_named_in_all_that_its_task_logs(
    db: None, world: World, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_test_kinds(monkeypatch)
    seen: list[dict[str, str | int]] = []

    def compute(_: object, value: int) -> int:
        seen.append(dict(bound_fields()))
        return value

    job = new_job(world.hana.tenant, "tests.compute", 7)
    assert delivery(job, FakeSandbox(compute)).run() == Disposition.delete()
    named = {"job_id": job.pk, "tenant_id": world.hana.tenant.pk, "job_kind": "tests.compute", "tier": "basic"}
    assert seen == [named]
    assert bound_fields() == {}


def test_what_is_bound_ends_with_its_block() -> None:
    with bound(a=1):
        with bound(b=2):
            assert bound_fields() == {"a": 1, "b": 2}
        assert bound_fields() == {"a": 1}
    assert bound_fields() == {}


@pytest.mark.parametrize(
    "text",
    [
        "010-7733-5511",
        "+821077335511",
        "phone=01077335511,",
        "Key (phone)=(+821077335511) exists",
        "failed\nDETAIL:  Failing row contains (1, 표지인물)",
        "Cookie: __Host-session=abcdef; x",
    ],
)
def test_what_slips_into_a_message_is_masked(text: str) -> None:
    masked = scrubbed(text)
    assert not any(part in masked for part in ("7733", "표지인물", "abcdef"))


@pytest.mark.parametrize("text", ["job 1012345678901 failed", "attempt 3 took 12.5 s", "a1077335511b"])
def test_numbers_that_are_no_phones_stay(text: str) -> None:
    assert scrubbed(text) == text
