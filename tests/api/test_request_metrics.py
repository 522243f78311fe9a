"""Requests are counted by the name of their URL; nothing that a stranger or an academy names becomes a label."""

from __future__ import annotations

import pytest
from django.test import Client
from prometheus_client import REGISTRY, generate_latest

from tests.factories import World, client_of


def count(endpoint: str, method: str, status: int) -> float:
    labels = {"endpoint": endpoint, "method": method, "status": str(status)}
    return REGISTRY.get_sample_value("academy_http_requests_total", labels) or 0.0


def test_a_request_is_counted_by_name_method_and_status(world: World) -> None:
    client = client_of(world.hana.teacher)
    before = count("job", "GET", 200), count("job", "GET", 404)
    seconds_before = REGISTRY.get_sample_value("academy_http_request_seconds_count", {"endpoint": "job"}) or 0.0
    client.get(f"/api/v1/jobs/{world.hana.job.pk}")
    client.get(f"/api/v1/jobs/{world.duri.job.pk}")
    assert (count("job", "GET", 200), count("job", "GET", 404)) == (before[0] + 1, before[1] + 1)
    after = REGISTRY.get_sample_value("academy_http_request_seconds_count", {"endpoint": "job"})
    assert after == seconds_before + 2


@pytest.mark.parametrize("host", ["hana.academy.test", "nobody.example"])
def test_paths_and_hosts_that_strangers_make_up_are_one_label(world: World, host: str) -> None:
    before = count("(none)", "GET", 404)
    for number in range(3):
        Client(SERVER_NAME=host).get(f"/made-up-{number}")
    assert count("(none)", "GET", 404) == before + 3
    assert b"made-up" not in generate_latest()


def test_a_method_that_strangers_make_up_is_no_label(world: World) -> None:
    client_of(world.hana.teacher).generic("BREW", "/api/v1/exams")
    assert b"BREW" not in generate_latest()


def test_no_label_names_an_academy(world: World) -> None:
    client_of(world.hana.teacher).get("/api/v1/exams")
    text = generate_latest().decode()
    assert "academy_http_requests_total" in text
    for secret in ("hana", "하나", str(world.hana.teacher.phone)):
        assert secret not in text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/api/v1/metrics"])
def test_an_academys_host_shows_no_metrics(world: World, path: str) -> None:
    for client in (client_of(world.hana.owner), Client(SERVER_NAME="localhost")):
        assert client.get(path).status_code == 404
