"""Two academies of our own, asked over HTTP for each other's things, as a stranger would try it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
import urllib3
from django.conf import settings
from django.db import models, transaction
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from academy.tenancy.audit import Check
from academy.tenancy.checks import tenant_models
from academy.tenancy.context import acting_for
from academy.tenancy.models import Domain, Tenant

MISSING_ID: Final = 2**40
TIMEOUT_SECONDS: Final = 20.0
# What differs between two equal answers.
_PASSING_HEADERS: Final = frozenset({"date", "connection", "keep-alive", "transfer-encoding", "server", "x-request-id"})
_ID_ARGUMENT: Final = re.compile(r"<int:(\w+)_id>")


class CanaryUnreachable(Exception):
    """A canary could not be asked, or let nobody in; says which and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that shows one thing, named by the id of a row of ``model``."""

    route: str
    model: type[models.Model]

    def path(self, pk: int) -> str:
        return "/" + _ID_ARGUMENT.sub(str(pk), self.route)


def targets() -> list[Target]:
    """Every URL with GET and one argument that is the id of a tenant table: ``<int:exam_id>`` names the model Exam."""
    by_name = {model._meta.model_name: model for model in tenant_models()}
    found = []
    for route, view in _routes(get_resolver().url_patterns):
        arguments = _ID_ARGUMENT.findall(route)
        model = by_name.get(arguments[0]) if len(arguments) == 1 and route.count("<") == 1 else None
        if model is not None and hasattr(view, "get"):
            found.append(Target(route, model))
    return found


def _routes(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, object]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        else:
            yield route, getattr(pattern.callback, "cls", None)


class Visitor:
    """A browser on one academy's host. ``base_url`` may hold ``{host}``; without it, it is where all hosts answer."""

    def __init__(self, base_url: str, host: str) -> None:
        self.host = host
        self._base = base_url.replace("{host}", host).rstrip("/")
        self._pool = urllib3.PoolManager(timeout=TIMEOUT_SECONDS, retries=False)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        headers = {"Host": self.host, "X-Forwarded-Proto": "https", "Accept": "application/json"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method != "GET":
            headers["X-CSRFToken"] = self.cookies.get(settings.CSRF_COOKIE_NAME, "")
            headers["Origin"] = f"{'https' if settings.IS_TLS else urlsplit(self._base).scheme}://{self.host}"
            headers["Referer"] = headers["Origin"] + "/"
        data = None
        if body is not None:
            headers["Content-Type"], data = "application/json", orjson.dumps(body)
        try:
            response = self._pool.request(method, self._base + path, headers=headers, body=data, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise CanaryUnreachable(f"{self.host}: {error}") from error
        for line in response.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        kept = sorted((name.lower(), value) for name, value in response.headers.items())
        return Answer(
            response.status,
            tuple((name, value) for name, value in kept if name not in _PASSING_HEADERS | {"set-cookie"}),
            response.data,
        )

    def log_in(self, phone: str, password: str) -> None:
        session = reverse("session")
        self.ask("GET", session)
        answer = self.ask("POST", session, {"phone": phone, "password": password})
        if answer.status != 201:
            raise CanaryUnreachable(f"{self.host}: no log-in with the canary's phone and password: {answer.status}")

    def log_out(self) -> None:
        self.ask("DELETE", reverse("session"))


def check_canaries(*, base_url: str, slugs: tuple[str, str], phone: str, password: str) -> Check:
    """On each canary's host, the other's things get the very answer of things that are not there.

    Examined: requests. Its own things must come, or the probe would prove nothing.
    """
    check = Check("canaries")
    tenants = [Tenant.objects.filter(slug=slug).first() for slug in slugs]
    if any(tenant is None for tenant in tenants):
        check.add(f"there are not both of the canary academies {', '.join(slugs)}: manage.py create_canaries")
        return check
    first, second = (tenant for tenant in tenants if tenant is not None)
    try:
        for own, other in ((first, second), (second, first)):
            _probe(check, base_url, own, other, phone, password)
    except CanaryUnreachable as error:
        check.add(str(error))
    return check


def _probe(check: Check, base_url: str, own: Tenant, other: Tenant, phone: str, password: str) -> None:
    visitor = Visitor(base_url, _host(own))
    visitor.log_in(phone, password)
    try:
        for target in targets():
            mine, theirs = _row_of(own, target.model), _row_of(other, target.model)
            if mine is None or theirs is None:
                check.notes.append(f"{own.slug}: {target.route} not probed, a canary has no {target.model.__name__}")
                continue
            answers = [visitor.ask("GET", target.path(pk)) for pk in (mine, theirs, MISSING_ID)]
            check.examined += len(answers)
            shown, foreign, missing = answers
            if shown == foreign == missing and shown.status == 403:
                check.notes.append(f"{own.slug}: {target.route} not probed, it is not for the canary's role")
                continue
            if shown.status != 200:
                check.add(f"{own.slug}: {target.route} answers {shown.status} for its own {target.model.__name__}")
            if missing.status != 404:
                check.add(f"{own.slug}: {target.route} answers {missing.status} for what is not there")
            if foreign != missing:
                check.add(
                    f"{own.slug}: {target.route} answers {foreign.status} for {target.model.__name__} {theirs}"
                    f" of {other.slug}, not what it answers for one that is not there"
                )
        if not check.examined:
            check.add(f"{own.slug}: nothing could be probed")
        abroad = Visitor(base_url, _host(other))
        abroad.cookies = dict(visitor.cookies)
        body: Any = orjson.loads(abroad.ask("GET", reverse("session")).body)
        check.examined += 1
        if body.get("person") is not None:
            check.add(f"a session of {own.slug} is signed in on the host of {other.slug}")
    finally:
        visitor.log_out()


def _host(tenant: Tenant) -> str:
    return Domain.objects.values_list("domain", flat=True).get(tenant=tenant, is_primary=True)


def _row_of(tenant: Tenant, model: type[models.Model]) -> int | None:
    with acting_for(tenant), transaction.atomic():
        pk: int | None = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        return pk
