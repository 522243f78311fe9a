"""Which academy answers: the host alone decides, and a session is worth nothing on another academy's host."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from academy.tenancy.hosts import forget_hosts
from academy.tenancy.models import Domain, Tenant, TenantStatus
from tests.factories import World, client_of

SESSION = "/api/v1/session"
STUDENTS = "/api/v1/students"


def ask(host: str, **headers: str) -> Any:
    return Client(SERVER_NAME="ignored.invalid", HTTP_HOST=host).get(SESSION, **headers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "form", ["{host}", "{HOST}", "{host}.", "{HOST}.", "{host}:8000", "{host}.:8000", "{HOST}.:443"]
)
def test_one_academy_has_one_host_however_it_is_written(full_world: World, form: str) -> None:
    for cast in (full_world.hana, full_world.duri):
        answer = ask(form.format(host=cast.host, HOST=cast.host.upper()))
        assert answer.status_code == 200
        assert answer.json()["academy"]["slug"] == cast.tenant.slug


@pytest.mark.parametrize(
    "host",
    [
        "nobody.academy.test",
        "academy.test",
        "hana",
        "hana.academy.test.evil.test",
        "evil-hana.academy.test",
        "hana.academy.test@evil.test",
        "evil.test/hana.academy.test",
        "hana.academy.test, duri.academy.test",
        "hana.academy.test duri.academy.test",
        "hana.academy.test\tduri.academy.test",
        "127.0.0.1",
        "[::1]",
        "[::1]:8000",
        "%68ana.academy.test",
        "hana.academy.test:abc",
        "hana.academy.test..",
        "ｈana.academy.test",
        ".hana.academy.test",
        "hana.academy.test\x00",
        "x" * 300,
        "",
    ],
)
def test_any_other_host_is_no_academy(full_world: World, host: str) -> None:
    unknown = ask("nobody.academy.test")
    answer = ask(host)
    assert (answer.status_code, answer.content) == (404, unknown.content)
    assert answer.json()["errors"][0]["code"] == "academy_not_found"


def test_every_path_of_an_unknown_host_is_the_same_404(full_world: World) -> None:
    client = Client(SERVER_NAME="nobody.academy.test")
    answers = {client.get(path).content for path in (SESSION, STUDENTS, "/", "/nothing", "/api/v1/exams/1")}
    assert len(answers) == 1


def test_a_suspended_academy_answers_like_an_unknown_one(full_world: World) -> None:
    owner = client_of(full_world.duri.owner)
    Tenant.objects.filter(pk=full_world.duri.tenant.pk).update(status=TenantStatus.SUSPENDED)
    forget_hosts()
    answer = owner.get(STUDENTS)
    assert answer.status_code == 404
    assert answer.content == ask("nobody.academy.test").content
    assert ask(full_world.hana.host).status_code == 200


def test_a_host_of_its_own_leads_to_the_same_academy(full_world: World) -> None:
    Domain.objects.create(tenant=full_world.duri.tenant, domain="duri-english.test", is_primary=False)
    forget_hosts()
    assert ask("duri-english.test").json()["academy"]["slug"] == "duri"


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "X-Original-Host", "Forwarded"])
def test_no_header_but_host_names_an_academy(full_world: World, header: str) -> None:
    value = f"host={full_world.duri.host}" if header == "Forwarded" else full_world.duri.host
    answer = Client(SERVER_NAME=full_world.hana.host, headers={header: value}).get(SESSION)
    assert answer.json()["academy"]["slug"] == "hana"


def test_an_absolute_url_in_the_request_line_names_no_academy(full_world: World) -> None:
    client = Client(SERVER_NAME=full_world.hana.host)
    answer = client.get(f"http://{full_world.duri.host}{SESSION}")
    assert answer.json()["academy"]["slug"] == "hana"


def test_a_session_of_another_academy_is_nobodys_here(full_world: World) -> None:
    here, there = full_world.hana, full_world.duri
    thief = Client(SERVER_NAME=here.host)
    thief.cookies[settings.SESSION_COOKIE_NAME] = client_of(there.owner).cookies[settings.SESSION_COOKIE_NAME].value
    answer = thief.get(SESSION).json()
    assert answer["academy"]["slug"] == "hana"
    assert answer["person"] is None
    assert thief.get(STUDENTS).status_code == 401


def test_the_forged_id_of_a_look_alike_is_not_enough(full_world: World) -> None:
    """A session row of this academy that names a person of the other one: written here, below every check."""
    from academy.tenancy.context import acting_for
    from apps.accounts.sessions import SessionStore

    here, there = full_world.hana, full_world.duri
    signed_in = client_of(there.owner)
    with acting_for(there.tenant):
        data = SessionStore(signed_in.cookies[settings.SESSION_COOKIE_NAME].value).load()
    with acting_for(here.tenant):
        store = SessionStore()
        row = store.get_model_class()(
            session_key="f" * 32, session_data=store.encode(data), expire_date=store.get_expiry_date(), user=here.owner
        )
        row.save()
    forged = Client(SERVER_NAME=here.host)
    forged.cookies[settings.SESSION_COOKIE_NAME] = "f" * 32
    assert forged.get(SESSION).json()["person"] is None
