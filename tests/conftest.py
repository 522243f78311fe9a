"""Fixtures of every test: the database as the application's role, an AWS on loopback, the world of two academies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from academy.jobs.queues import create_queues, dead_letter_url, polling_sqs_client, queue_url, sqs_client
from academy.limits.limiter import forget_everything
from academy.storage.s3 import create_bucket, s3_client
from academy.tenancy.checks import tenant_models
from academy.tenancy.hosts import forget_hosts
from academy.tenancy.statements import StatementGuard
from tests.bucket import forget_objects
from tests.factories import World, make_world
from tests.sentinels import Crashes, Spans, recorded_spans, reported_crashes


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database is ready: tests.environment made it."""


@pytest.fixture(scope="session", autouse=True)
def _no_built_app() -> Iterator[None]:
    """Whether the app was built on this machine changes nothing: tests of its pages bring a page of their own."""
    with override_settings(FRONTEND_INDEX=os.devnull, WHITENOISE_ROOT=None):
        yield


@pytest.fixture(scope="session", autouse=True)
def _fast_hashing() -> Iterator[None]:
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_hosts()
    yield
    forget_hosts()
    forget_everything()


@pytest.fixture(scope="session", autouse=True)
def _statements_are_guarded() -> Iterator[StatementGuard]:
    """Judges every statement on every connection of this process, whichever thread opens it."""
    guard = StatementGuard(frozenset(model._meta.db_table for model in tenant_models()))

    def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
        if guard not in connection.execute_wrappers:
            connection.execute_wrappers.append(guard)

    connection_created.connect(watch)
    for opened in connections.all(initialized_only=True):
        watch(opened)
    yield guard
    connection_created.disconnect(watch)


@pytest.fixture(autouse=True)
def statement_guard(_statements_are_guarded: StatementGuard) -> Iterator[StatementGuard]:
    """Fails the test that sent a statement without its tenant, also when the error was answered on its way."""
    _statements_are_guarded.found.clear()
    yield _statements_are_guarded
    found = list(_statements_are_guarded.found)
    _statements_are_guarded.found.clear()
    assert not found, "statements on tenant tables that do not name the tenant:\n" + "\n".join(found)


@pytest.fixture
def world(db: None) -> World:
    """Two academies with look-alike rows, in a transaction that is rolled back. ``make_world`` makes it elsewhere."""
    return make_world()


@pytest.fixture(scope="session")
def aws() -> Iterator[None]:
    """S3 and SQS by moto's server in this process, with the bucket and the queues made."""
    from moto.server import ThreadedMotoServer

    port = urlsplit(os.environ["AWS_ENDPOINT_URL"]).port
    assert port is not None
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    create_queues()
    create_bucket()
    yield
    server.stop()
    for client in (sqs_client, polling_sqs_client, s3_client, queue_url, dead_letter_url):
        client.cache_clear()


@pytest.fixture
def empty_bucket(aws: None) -> Iterator[None]:
    """Before and after: what lies there is of academies that are gone, and moto opens each large object anew, and
    keeps it open, whenever versions are listed."""
    forget_objects()
    yield
    forget_objects()


@pytest.fixture
def crashes() -> Iterator[Crashes]:
    """What Sentry would be sent."""
    with reported_crashes() as collected:
        yield collected


@pytest.fixture
def spans() -> Iterator[Spans]:
    """Every span of this process; make clients after it, since middleware looks whether spans are recorded."""
    with recorded_spans() as collected:
        yield collected


@pytest.fixture
def committed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """For tests that need real commits, e.g. for other processes or roles. Every row is deleted afterwards."""
    assert settings.ENVIRONMENT == "test"
    with django_db_blocker.unblock():
        yield
        connections.close_all()
    # Not TRUNCATE: it gives each of a hundred tables and their indexes new files, about a second a test.
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as superuser:
        superuser.execute("""
            DO $$
            DECLARE name text;
            BEGIN
                SET LOCAL session_replication_role = replica;  -- neither triggers nor references
                FOR name IN
                    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
                    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT IN
                        ('django_migrations', 'django_content_type', 'auth_permission', 'tenancy_plan')
                LOOP
                    EXECUTE 'DELETE FROM ' || name;
                END LOOP;
            END $$
        """)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the walks covered (``record_property("covered", ...)``), also when workers ran them."""
    covered: dict[str, int] = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in getattr(report, "user_properties", ()):
            if name == "covered":
                what, count = value
                covered[what] = covered.get(what, 0) + count
    for what, count in sorted(covered.items()):
        terminalreporter.write_line(f"covered: {count:,} {what}")


@pytest.fixture
def committed_world(committed: None) -> World:
    """The world, committed: for tests that other processes, roles or connections look at."""
    with transaction.atomic():
        return make_world()
