"""What the tests run on: a real PostgreSQL as the application's role, and an AWS of their own on loopback.

Loaded as a plugin before Django's settings are read (``-p tests.environment``). The server is started once and kept
in ``build/``; its template database is migrated once per state of the migrations; every test process gets a copy.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
from filelock import FileLock

from infra.local.postgres import RunningPostgres, start_postgres

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "build" / "test-stack"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _template_name() -> str:
    """Changes whenever something does that shapes the database."""
    sources = sorted(
        path
        for folder in ("academy", "apps")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" in path.parts or "tenancy" in path.parts
    )
    sources.append(ROOT / "infra" / "postgres" / "roles.sql")
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.read_bytes())
    return f"template_{digest.hexdigest()[:16]}"


def _databases(connection: psycopg.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}


def _migrated_template(server: RunningPostgres) -> str:
    name = _template_name()
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        known = _databases(connection)
        if name in known:
            return name
        for old in known:
            if old.startswith(("template_", "building_")):
                server.drop_database(old)
        building = name.replace("template_", "building_")
        server.create_database(building)
        environment = {**os.environ, "DATABASE_URL": server.url("academy_owner", building)}
        command = [sys.executable, str(ROOT / "manage.py"), "migrate_academies", "--verbosity", "0"]
        subprocess.run(command, env=environment, check=True, cwd=ROOT)
        connection.execute(f"ALTER DATABASE {building} RENAME TO {name}")
    return name


def _drop_orphans(server: RunningPostgres) -> None:
    """Drop the databases of test processes that ended without doing so."""
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
        for name in _databases(connection):
            if name.startswith("test_") and not Path(f"/proc/{name.rsplit('_', 1)[-1]}").exists():
                server.drop_database(name)


def prepare() -> None:
    STATE.mkdir(parents=True, exist_ok=True)
    server = start_postgres(STATE, fast=True)
    # The process in the name: two runs at once, e.g. of two people on one tree, must not drop each other's.
    database = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    os.environ.update(
        ACADEMY_ENV="test",
        SECRET_KEY="test-only-" + "0123456789abcdef" * 4,
        BASE_DOMAIN="academy.test",
        PLATFORM_HOST="platform.academy.test",
        AWS_REGION="ap-northeast-2",
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{_free_port()}",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        MEDIA_BUCKET="test-media",
        LOG_LEVEL="WARNING",
        DATABASE_URL=server.url("academy_app", database),
        MIGRATION_DATABASE_URL=server.url("academy_owner", database),
        DISPATCHER_DATABASE_URL=server.url("academy_dispatcher", database),
        ADMIN_DATABASE_URL=server.url("postgres", database),
    )
    (ROOT / "build" / "static").mkdir(exist_ok=True)  # WhiteNoise warns, and warnings are errors here
    with FileLock(STATE / "template.lock"):
        template = _migrated_template(server)
        if "PYTEST_XDIST_WORKER" in os.environ or not _is_controller():
            _drop_orphans(server)
            server.create_database(database, template=template)
            atexit.register(server.drop_database, database)


def _is_controller() -> bool:
    """Whether this process only hands out tests to others (``-n``)."""
    return any(argument == "-n" or argument.startswith(("-n", "--numprocesses")) for argument in sys.argv[1:])


prepare()
