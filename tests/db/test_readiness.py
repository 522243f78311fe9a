"""What /ready says when the database, its migrations or the queues are not as this version needs them."""

from __future__ import annotations

import logging
import os
from typing import Any

import psycopg
import pytest
from botocore.exceptions import EndpointConnectionError
from django.db import OperationalError, connection
from django.test import Client

from academy.jobs.queues import queue_url, sqs_client
from academy.operations import readiness
from academy.operations.readiness import Known

pytestmark = pytest.mark.usefixtures("aws", "committed")


@pytest.fixture(autouse=True)
def knows_nothing(monkeypatch: pytest.MonkeyPatch) -> Known:
    known = Known()
    monkeypatch.setattr(readiness, "known", known)
    return known


def answer() -> tuple[int, dict[str, Any]]:
    found = Client(SERVER_NAME="any.host.test").get("/ready")
    return found.status_code, found.json()


def test_it_is_ready_with_database_migrations_and_queues(knows_nothing: Known) -> None:
    assert answer() == (200, {"status": "ok"})
    assert knows_nothing.is_migrated
    assert knows_nothing.queues_until > 0


def test_a_version_whose_migrations_have_not_run_is_not_ready(caplog: pytest.LogCaptureFixture) -> None:
    with psycopg.connect(os.environ["MIGRATION_DATABASE_URL"]) as owner:
        owner.execute("DELETE FROM pool.django_migrations WHERE app = 'students' AND name ~ '^0001'")
        owner.commit()
        try:
            with caplog.at_level(logging.ERROR):
                status, found = answer()
        finally:
            owner.execute(
                "INSERT INTO pool.django_migrations (app, name, applied) VALUES ('students', '0001_initial', now())"
            )
    assert (status, found["errors"][0]["code"]) == (503, "migrations_pending")
    assert "pool.students.0001_initial" in caplog.text
    assert answer()[0] == 200


def test_without_its_database_it_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("could not connect to 10.0.0.1")

    monkeypatch.setattr(connection, "cursor", away)
    status, found = answer()
    assert (status, found["errors"][0]["code"]) == (503, "database_unreachable")
    assert "10.0.0.1" not in str(found)


def test_queues_that_do_not_answer_are_asked_again(monkeypatch: pytest.MonkeyPatch, knows_nothing: Known) -> None:
    assert answer()[0] == 200
    asked = []

    def fails(**_: object) -> None:
        asked.append(1)
        raise EndpointConnectionError(endpoint_url="http://sqs")

    monkeypatch.setattr(sqs_client(), "get_queue_attributes", fails)
    assert answer()[0] == 200, "what was known a moment ago holds"
    assert asked == []
    knows_nothing.queues_until = 0.0
    for _ in range(2):
        status, found = answer()
        assert (status, found["errors"][0]["code"]) == (503, "queues_unreachable")
    assert len(asked) == 2


def test_a_queue_that_was_never_made_is_not_ready(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.QUEUE_PREFIX = "nothing"
    queue_url.cache_clear()
    try:
        status, found = answer()
    finally:
        queue_url.cache_clear()
    assert (status, found["errors"][0]["code"]) == (503, "queues_unreachable")
