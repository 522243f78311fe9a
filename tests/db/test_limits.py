"""Rate limits: counted once for all processes, kept through a rollback, refusing when they cannot be asked."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.db import transaction

from academy.limits import limiter
from academy.limits.limiter import Limit, LimitsUnreachable, TooMany, forget, take

FIVE = Limit("test.five", 5, 3600)
PHONE = "+821012345678"
PROCESSES = 4

COUNT_FROM_A_PROCESS = """
import sys
import django
django.setup()
from academy.limits.limiter import Limit, TooMany, take
limit, passed = Limit("test.many", 100, 3600), 0
sys.stdin.readline()
for _ in range(100):
    try:
        take(limit, "the same")
        passed += 1
    except TooMany:
        pass
print(passed)
"""


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    limiter.close_connection()
    limiter.take(FIVE, "opens the connection, so that what was counted is forgotten")


def rows() -> list[tuple[Any, ...]]:
    with psycopg.connect(configured.LIMITS_DATABASE_URL) as connection:
        return connection.execute("SELECT key, name, count FROM public.limits_counter").fetchall()


def expire(name: str) -> None:
    with psycopg.connect(configured.LIMITS_DATABASE_URL) as connection:
        connection.execute("UPDATE public.limits_counter SET resets_at = now() WHERE name = %s", [name])


def test_what_is_over_the_limit_is_refused() -> None:
    for _ in range(5):
        take(FIVE, PHONE)
    with pytest.raises(TooMany) as refused:
        take(FIVE, PHONE)
    assert 3590 <= refused.value.retry_after_seconds <= 3600
    take(FIVE, "+821087654321")


def test_the_next_window_begins_anew() -> None:
    for _ in range(5):
        take(FIVE, PHONE)
    expire("test.five")
    for _ in range(5):
        take(FIVE, PHONE)
    with pytest.raises(TooMany):
        take(FIVE, PHONE)


def test_no_phone_is_kept_in_clear() -> None:
    take(FIVE, PHONE)
    assert len(rows()) == 1
    assert "1012345678" not in str(rows())


def test_a_rollback_erases_no_count(db: None) -> None:
    for _ in range(5):
        with transaction.atomic():
            take(FIVE, PHONE)
            transaction.set_rollback(True)
    with pytest.raises(TooMany):
        take(FIVE, PHONE)


def test_four_processes_share_one_count() -> None:
    command = [sys.executable, "-c", COUNT_FROM_A_PROCESS]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(PROCESSES)
    ]
    passed = [int(process.communicate("go\n", timeout=120)[0]) for process in started]
    assert sum(passed) == 100
    assert [count for _, name, count in rows() if name == "test.many"] == [400]


def test_what_costs_nothing_is_refused_where_one_more_would_be() -> None:
    for _ in range(5):
        take(FIVE, PHONE, cost=0)
    for _ in range(5):
        take(FIVE, PHONE)
    with pytest.raises(TooMany):
        take(FIVE, PHONE, cost=0)


def test_several_at_once_are_refused_when_they_do_not_fit() -> None:
    take(FIVE, PHONE, cost=4)
    with pytest.raises(TooMany):
        take(FIVE, PHONE, cost=2)


def test_the_right_password_begins_anew() -> None:
    for _ in range(5):
        take(FIVE, PHONE)
    forget(FIVE, PHONE)
    take(FIVE, PHONE)


def test_limits_that_cannot_be_asked_refuse(settings: Any) -> None:
    limiter.close_connection()
    working = settings.LIMITS_DATABASE_URL
    settings.LIMITS_DATABASE_URL = "postgresql://nobody@127.0.0.1:1/nothing"
    with pytest.raises(LimitsUnreachable):
        take(FIVE, PHONE)
    settings.LIMITS_DATABASE_URL = working
    take(FIVE, PHONE)


def test_a_connection_that_was_cut_is_opened_anew() -> None:
    take(FIVE, PHONE)
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as administrator:
        cut = administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'academy-limits' AND datname = current_database()"
        )
        assert cut.fetchall()
    take(FIVE, PHONE)


def test_what_ran_out_is_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    take(FIVE, PHONE)
    expire("test.five")
    monkeypatch.setattr(limiter, "SWEEP_ONE_IN", 1)
    take(Limit("test.other", 1, 60), PHONE)
    assert [name for _, name, _ in rows()] == ["test.other"]


@pytest.mark.parametrize(("name", "count", "seconds"), [("a", 0, 60), ("a", -1, 60), ("a", 1, 0), ("", 1, 60)])
def test_there_is_no_limit_that_limits_nothing(name: str, count: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        Limit(name, count, seconds)
