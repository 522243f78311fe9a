"""The log of production: a statement without its tenant is sent, logged and counted; no request waits for the judge."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from academy.tenancy import statement_log
from academy.tenancy.checks import tenant_models
from academy.tenancy.statement_log import ALL, SAMPLE, StatementLog
from academy.tenancy.statements import StatementGuard
from apps.exams.models import Exam
from tests.factories import World

FORGOTTEN = "SELECT count(*) FROM exams_exam"


@pytest.fixture
def opened(world: World, statement_guard: StatementGuard) -> Iterator[World]:
    """An academy acts, and the judge of the tests lets everything pass."""
    with world.hana.acting(), statement_guard.suspended():
        yield world


@contextmanager
def watching(mode: str) -> Iterator[StatementLog]:
    log = StatementLog(frozenset(model._meta.db_table for model in tenant_models()), mode=mode)
    with connection.execute_wrapper(log):
        yield log
    log.stop()


def ask(times: int) -> None:
    with connection.cursor() as cursor:
        for _ in range(times):
            cursor.execute(FORGOTTEN)
            assert cursor.fetchone() == (1,)


def test_a_sampled_statement_is_sent_logged_once_and_counted(opened: World, caplog: pytest.LogCaptureFixture) -> None:
    with watching(SAMPLE) as log, caplog.at_level(logging.ERROR, "academy.statements"):
        ask(1)
        log.wait()
        ask(4)
        assert list(Exam.objects.all()) == [opened.hana.exam]
        log.wait()
        assert log.unguarded == 5
    assert [record.name for record in caplog.records] == ["academy.statements"]
    assert "exams_exam AS exams_exam: no predicate on tenant_id" in caplog.text
    assert FORGOTTEN in caplog.text


def test_every_statement_is_logged_where_that_is_asked(opened: World, caplog: pytest.LogCaptureFixture) -> None:
    with watching(ALL) as log, caplog.at_level(logging.ERROR, "academy.statements"):
        ask(3)
        assert log.unguarded == 3
    assert "(times 3)" in caplog.text
    assert len(caplog.records) == 3


def test_a_request_does_not_wait_for_the_judge(opened: World, monkeypatch: pytest.MonkeyPatch) -> None:
    may_judge, judging = threading.Event(), threading.Event()

    def slow(text: str, tables: frozenset[str]) -> tuple[str, ...]:
        judging.set()
        assert may_judge.wait(30)
        return ()

    monkeypatch.setattr(statement_log, "problems_of", slow)
    monkeypatch.setattr(statement_log, "MAX_WAITING", 2)
    with watching(SAMPLE) as log:
        ask(1)
        assert judging.wait(30)
        with connection.cursor() as cursor:
            for number in range(10):  # more than may wait
                cursor.execute(f"SELECT {number}")
        may_judge.set()
        log.wait()


def test_texts_without_end_do_not_grow_the_process(opened: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statement_log, "CACHED_STATEMENTS", 5)
    with watching(SAMPLE) as log, connection.cursor() as cursor:
        for number in range(30):
            cursor.execute(f"SELECT {number}")
        assert len(log._seen) <= 5


def test_parameters_are_never_logged(opened: World, caplog: pytest.LogCaptureFixture) -> None:
    with watching(ALL), caplog.at_level(logging.ERROR, "academy.statements"), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM students_student WHERE name = %s", ["홍길동"])
    assert "students_student" in caplog.text
    assert "홍길동" not in caplog.text
