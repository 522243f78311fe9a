"""The app at the root of an academy's host: its page, its manifest, and what it must not answer for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from academy.frontend.files import add_headers, is_immutable
from academy.frontend.middleware import is_page_of_the_app
from academy.tenancy.models import Tenant, TenantStatus
from tests.factories import World

PAGE = "<!doctype html><title></title>"


@pytest.fixture
def client(world: World, settings: Any, tmp_path: Path) -> Client:
    """A browser at the first academy, where the app was built."""
    settings.FRONTEND_INDEX = tmp_path / "index.html"
    settings.FRONTEND_INDEX.write_text(PAGE)
    settings.WHITENOISE_ROOT = None  # the files of a build that may lie here are not this test's
    return Client(SERVER_NAME=world.hana.host)


@pytest.mark.parametrize("path", ["/", "/log-in", "/results/12", "/account/sessions"])
def test_every_page_of_the_app_is_its_one_page(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content.decode()) == (200, PAGE)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_may_run_nothing_inline_and_nothing_foreign(client: Client) -> None:
    policy = dict(
        directive.split(" ", 1) for directive in client.get("/").headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["worker-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    sources = " ".join(policy.values())
    assert "unsafe" not in sources
    assert "*" not in sources


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api", "/assets/gone-12345678.js", "/sw.js", "/health/x"])
def test_what_is_no_page_stays_missing(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_page_takes_no_other_method(client: Client) -> None:
    assert client.post("/results").status_code == 404
    assert client.head("/results").status_code == 200


def test_health_is_told_on_any_host(client: Client) -> None:
    assert client.get("/health", headers={"host": "10.0.0.7"}).status_code == 200


def test_the_manifest_names_the_academy(world: World, client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    assert answer.json()["name"] == world.hana.tenant.name
    other = Client(SERVER_NAME=world.duri.host).get("/manifest.webmanifest")
    assert other.json()["name"] == world.duri.tenant.name


def test_an_unknown_host_and_a_suspended_academy_have_no_app(world: World, client: Client) -> None:
    unknown = client.get("/", headers={"host": "nobody.localhost"})
    Tenant.objects.filter(pk=world.hana.tenant.pk).update(status=TenantStatus.SUSPENDED)
    suspended = client.get("/")
    assert unknown.status_code == suspended.status_code == 404
    assert unknown.content == suspended.content


def test_where_nothing_was_built_there_is_only_the_api(world: World, settings: Any, tmp_path: Path) -> None:
    settings.FRONTEND_INDEX = tmp_path / "index.html"
    assert Client(SERVER_NAME=world.hana.host).get("/").status_code == 404


@pytest.mark.parametrize("path", ["/api/", "/admin", "/admin/", "/static/x", "/dev/outbox", "/ready", "/favicon.ico"])
def test_addresses_of_the_server_are_no_pages(path: str) -> None:
    assert not is_page_of_the_app(path)


def test_only_files_named_by_their_content_are_kept_for_ever() -> None:
    assert is_immutable("", "/assets/index-CJQLu3xG.js")
    assert is_immutable("", "/static/rest_framework/css/x.0123456789ab.css")
    assert not is_immutable("", "/sw.js")
    assert not is_immutable("", "/icons/192.png")
    headers: dict[str, str] = {}
    add_headers(headers, "", "/sw.js")
    assert headers["Cache-Control"] == "no-cache"
    assert "connect-src 'self'" in headers["Content-Security-Policy"].split("; "), "it fetches the files that it keeps"
    headers.clear()
    add_headers(headers, "", "/icons/192.png")
    assert headers == {}
