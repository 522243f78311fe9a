"""What Sentry is told of a crash in a worker or in the dispatcher: kinds, places and numbers, and no word of it."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import Any

import psycopg
import pytest
from django.db import DataError, connection, transaction

from academy.crashes.reporting import allowed
from academy.http.errors import Refused
from academy.jobs import dispatcher
from academy.jobs.compute import ComputeFailed, ComputeRefused
from academy.jobs.errors import KindNotIncluded, PermanentFailure
from academy.jobs.models import Job
from academy.logs.uncaught import log_uncaught
from tests.collector import collecting
from tests.db.kernel import FakeSandbox, delivery, new_job, use_test_kinds
from tests.factories import make_academy
from tests.sentinels import CODE, COOKIE, NAME, PASSWORD, PHONE, Crashes, found_in

WORDS = f"Key (phone)=({PHONE}) of {NAME}, answered {CODE}, with {COOKIE} and {PASSWORD}"


@pytest.fixture
def job(db: None, monkeypatch: pytest.MonkeyPatch) -> Job:
    use_test_kinds(monkeypatch)
    return new_job(make_academy())


def raising(error: Exception) -> FakeSandbox:
    def answer(*_: object) -> None:
        words = WORDS
        raise error from ValueError(words)

    return FakeSandbox(answer)


def kinds(crashes: Crashes) -> list[list[str]]:
    return [[value["type"] for value in event["exception"]["values"]] for event in crashes.events]


@pytest.mark.parametrize(
    "error", [RuntimeError(WORDS), ComputeFailed(WORDS, f"Traceback: {WORDS}"), psycopg.errors.UniqueViolation(WORDS)]
)
def test_a_crash_in_a_task_is_told_by_kind_place_and_number(job: Job, crashes: Crashes, error: Exception) -> None:
    delivery(job, raising(error)).run()
    assert kinds(crashes) == [["ValueError", type(error).__name__]]
    [event] = crashes.events
    assert event["tags"] == {
        "job_id": str(job.pk),
        "tenant_id": str(job.tenant_id),
        "job_kind": "tests.compute",
        "tier": "basic",
        "service": "api",
    }
    last = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    assert (last["function"], last["in_app"]) == ("answer", True)
    assert found_in(crashes.text) == []


def test_nothing_but_the_list_leaves_the_process(job: Job, crashes: Crashes) -> None:
    delivery(job, raising(RuntimeError(WORDS))).run()
    [event] = crashes.events
    assert set(event) == {
        *("event_id", "timestamp", "platform", "level", "release", "environment", "exception", "tags"),
    }
    for value in event["exception"]["values"]:
        assert set(value) == {"type", "module", "stacktrace"}
        assert set(value["stacktrace"]) == {"frames"}
        for frame in value["stacktrace"]["frames"]:
            assert set(frame) == {"filename", "function", "lineno", "in_app"}


def test_an_error_of_postgresql_that_quotes_a_value_is_told_without_it(db: None, crashes: Crashes) -> None:
    with pytest.raises(DataError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT %s::integer", [NAME])
    assert found_in(str(caught.value)) == [NAME]  # it does quote
    logging.getLogger("apps").error("lost", exc_info=caught.value)
    assert kinds(crashes) == [["InvalidTextRepresentation", "DataError"]]
    assert found_in(crashes.text) == []


@pytest.mark.parametrize(
    "error",
    [
        Refused(WORDS),
        KindNotIncluded(WORDS),
        PermanentFailure("file_lost", WORDS),
        ComputeRefused("UnreadableSheet", "blurred", WORDS),
    ],
)
def test_what_a_person_is_told_is_no_crash(job: Job, crashes: Crashes, error: Exception) -> None:
    delivery(job, raising(error)).run()
    assert crashes.envelopes == []


def test_a_round_of_the_dispatcher_that_breaks_is_told(
    committed: None, crashes: Crashes, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()

    def broken(_: psycopg.Connection) -> int:
        stop.set()
        raise KeyError(WORDS)

    monkeypatch.setattr(dispatcher, "sweep_once", broken)
    dispatcher.run_forever(stop)
    assert kinds(crashes) == [["KeyError"]]
    assert found_in(crashes.text) == []


def test_what_a_thread_does_not_catch_is_told(crashes: Crashes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    log_uncaught()

    def broken() -> None:
        raise ValueError(WORDS)

    thread = threading.Thread(target=broken, name="spot")
    thread.start()
    thread.join()
    assert kinds(crashes) == [["ValueError"]]
    assert crashes.events[0]["level"] == "fatal"
    assert found_in(crashes.text) == []


def test_an_event_that_others_made_is_made_anew() -> None:
    """Whatever an integration would add: ``allowed`` takes what is on the list and copies nothing else."""
    made: Any = {
        "level": "error",
        "message": WORDS,
        "logentry": {"message": WORDS},
        "request": {"url": WORDS, "cookies": COOKIE, "data": {"phone": PHONE}},
        "user": {"username": NAME},
        "extra": {"sys.argv": [WORDS]},
        "breadcrumbs": {"values": [{"message": WORDS}]},
        "contexts": {"trace": {"description": WORDS}},
        "server_name": WORDS,
        "transaction": f"/api/v1/{NAME}",
        "tags": {"tenant_id": 7, "phone": PHONE},
        "exception": {
            "values": [
                {
                    "type": "ValueError",
                    "value": WORDS,
                    "mechanism": {"data": WORDS},
                    "stacktrace": {"frames": [{"function": "f", "lineno": 3, "vars": {"name": NAME}}]},
                }
            ]
        },
    }
    event = allowed(made, {})
    assert event is not None
    assert found_in(str(event)) == []
    assert event["tags"] == {"tenant_id": "7"}
    assert allowed({"message": WORDS}, {}) is None


CRASHING = """
import django
django.setup()
from academy.logs.uncaught import log_uncaught
log_uncaught()
raise RuntimeError({words!r})
"""


def test_a_process_that_dies_tells_before_it_is_gone_and_prints_no_words() -> None:
    with collecting() as collected:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "academy.settings",
            "SENTRY_DSN": collected.dsn,
            "RELEASE": "sha256:abc",
            "DEPLOYMENT": "academy-m",
            "OTEL_SERVICE_NAME": "dispatcher",
            "LOG_FORMAT": "json",
        }
        command = [sys.executable, "-c", CRASHING.format(words=WORDS)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    [envelope] = collected.envelopes
    assert all(part in envelope for part in ("RuntimeError", "sha256:abc", "academy-m", "dispatcher", "fatal"))
    assert found_in(envelope) == []
    assert "builtins.RuntimeError" in done.stderr
    assert found_in(done.stderr) == []


@pytest.mark.parametrize("module", ["academy.wsgi", "academy.asgi", "workers.__main__"])
def test_without_an_address_nothing_of_it_is_loaded(module: str) -> None:
    code = (
        "import os, sys, importlib, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'academy.settings';"
        f" django.setup(); importlib.import_module({module!r});"
        " import academy.jobs.runner, academy.jobs.dispatcher;"
        " print([name for name in ('sentry_sdk', 'opentelemetry') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
