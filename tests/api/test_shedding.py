"""Who waited too long for a free process is told so, in words, before anything is asked of the database."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.api.answers import error_of
from tests.factories import World, client_of

SESSION = "/api/v1/session"


def trace(seconds: float) -> str:
    """AWS's load balancer stamps when it received a request, to the second."""
    return f"1-{int(time.time() - seconds):08x}-abcdef012345678912345678"


@pytest.fixture
def client(world: World) -> Client:
    return client_of(world.hana.teacher)


@pytest.mark.parametrize(
    "stamps",
    [
        {"X-Request-Start": f"t={time.time() - 60:.3f}"},
        {"X-Request-Start": "t=1, t=99999999999"},
        {"X-Amzn-Trace-Id": "Root=" + trace(60)},
        {"X-Amzn-Trace-Id": f"Self={trace(60)};Root={trace(-600)}"},
    ],
)
def test_who_waited_too_long_is_refused_before_it_costs_anything(client: Client, stamps: dict[str, str]) -> None:
    with CaptureQueriesContext(connection) as sent:
        answer = client.get(SESSION, headers=stamps)
    assert error_of(answer, 503)["code"] == "overloaded"
    assert "다시" in error_of(answer, 503)["detail"]
    assert answer.headers["Retry-After"] == "2"
    assert len(sent) == 0


@pytest.mark.parametrize(
    "stamps",
    [
        {},
        {"X-Request-Start": "t=99999999999"},
        {"X-Request-Start": "yesterday"},
        {"X-Request-Start": "t=" + "9" * 400},
        {"X-Amzn-Trace-Id": "Root=1-zzzzzzzz-1"},
        {"X-Amzn-Trace-Id": f"Self={trace(-600)};Root={trace(6000)}"},
    ],
)
def test_everybody_else_is_served(client: Client, stamps: dict[str, str]) -> None:
    assert client.get(SESSION, headers=stamps).status_code == 200


def test_the_desk_says_it_on_a_page(client: Client) -> None:
    answer = client.get("/admin/", headers={"X-Request-Start": "t=1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "잠시 후" in answer.content.decode()


def test_who_asks_whether_the_process_lives_is_told(client: Client) -> None:
    assert client.get("/health", headers={"X-Request-Start": "t=1"}).status_code == 200
