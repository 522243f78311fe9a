"""The embedded PostgreSQL: what an operator's server promises, and what a kill -9 leaves behind."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infra.local import postgres as embedded
from infra.local import processes
from infra.local.postgres import Role, RunningPostgres, attach_postgres, binaries, start_postgres
from infra.local.state import ROOT


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPostgres]:
    state = tmp_path_factory.mktemp("state folder with spaces")
    with start_postgres(state, fast=True, dies_with_parent=True) as running:
        yield running


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A folder whose server is stopped afterwards, whoever started it."""
    yield tmp_path
    running = attach_postgres(tmp_path)
    if running is not None:
        running.stop()


def ask(server: RunningPostgres, role: Role, query: sql.SQL, database: str = "academy") -> object:
    with psycopg.connect(server.url(role, database), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        return None if row is None else row[0]


def start_in_another_process(state: Path, *, dies_with_parent: bool) -> "subprocess.Popen[str]":
    program = (
        "import sys, pathlib\n"
        "from infra.local.postgres import start_postgres\n"
        f"start_postgres(pathlib.Path(sys.argv[1]), fast=True, dies_with_parent={dies_with_parent})\n"
        "print('up', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, os.fspath(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    return child


def kill(child: "subprocess.Popen[str]") -> None:
    with child:
        child.kill()


@pytest.mark.parametrize("role", ["academy_app", "academy_dispatcher"])
def test_running_code_owns_nothing_and_bypasses_nothing(server: RunningPostgres, role: Role) -> None:
    query = sql.SQL(
        "SELECT rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication"
        " OR has_schema_privilege('public', 'CREATE') OR has_database_privilege(current_database(), 'CREATE, TEMP')"
        " OR EXISTS (SELECT FROM pg_shdepend WHERE refobjid = pg_roles.oid AND deptype = 'o')"
        " FROM pg_roles WHERE rolname = current_user"
    )
    assert ask(server, role, query) is False
    assert ask(server, role, sql.SQL("SHOW search_path")) == "public"
    assert ask(server, role, sql.SQL("SHOW statement_timeout")) != "0"


def test_owner_creates_schemas_but_is_no_superuser(server: RunningPostgres) -> None:
    with psycopg.connect(server.url("academy_owner"), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA pool")
        connection.execute("CREATE TABLE public.owned (v vector(3))")
        row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
        assert row == (False, False)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE DATABASE another")


def test_a_wrong_password_is_refused(server: RunningPostgres) -> None:
    url = server.url("academy_app").replace(server.passwords["academy_app"], "guessed")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


def test_hangul_sorts_by_syllable_and_upper_case_works(server: RunningPostgres) -> None:
    query = sql.SQL("SELECT string_agg(name, '' ORDER BY name) || upper('é') FROM unnest(ARRAY['하','가','나']) name")
    assert ask(server, "academy_app", query) == "가나하É"


def test_a_copied_database_holds_the_rows_and_the_rights_of_its_template(server: RunningPostgres) -> None:
    server.create_database("original")
    with psycopg.connect(server.url("academy_owner", "original"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        connection.execute("GRANT SELECT ON kept TO academy_app")
    server.create_database("copy", template="original")
    assert ask(server, "academy_app", sql.SQL("SELECT answer FROM kept"), "copy") == 42
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        server.create_database("copy")
    server.drop_database("copy")
    server.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.url("academy_app", "copy"))


def test_roles_script_works_for_an_administrator_who_is_no_superuser(tmp_path: Path) -> None:
    """As on RDS, where the master user may create roles and databases, and owns the first database."""
    with start_postgres(tmp_path, fast=True, dies_with_parent=True) as server:
        with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE academy")
            for role in ("academy_app", "academy_dispatcher", "academy_owner"):
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
            connection.execute("CREATE ROLE master LOGIN CREATEDB CREATEROLE PASSWORD 'master'")
            connection.execute("CREATE DATABASE academy OWNER master")  # vector comes with template1
        admin = f"postgresql://master:master@127.0.0.1:{server.port}/postgres"
        command = [os.fspath(binaries() / "psql"), "-X", "-f", os.fspath(embedded.ROLES_SQL), admin]
        passwords = {"ACADEMY_APP_PASSWORD": server.passwords["academy_app"]}
        for _ in range(2):
            result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **passwords})
            assert (result.returncode, result.stderr) == (0, "")
        assert ask(server, "academy_app", sql.SQL("SELECT current_user")) == "academy_app"
        query = sql.SQL("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'academy'")
        assert ask(server, "postgres", query) == "academy_owner"


def test_roles_script_refuses_a_role_that_passes_row_level_security(server: RunningPostgres) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("ALTER ROLE academy_app BYPASSRLS")
        try:
            with pytest.raises(embedded.PostgresFailed, match="roles with the wrong attributes: academy_app"):
                server.create_database("never_finished")
            connection.execute("ALTER ROLE academy_app NOBYPASSRLS")
            connection.execute("GRANT academy_owner TO academy_app")
            with pytest.raises(embedded.PostgresFailed, match="inherit from another: academy_app in academy_owner"):
                server.create_database("never_finished_either")
        finally:
            connection.execute("ALTER ROLE academy_app NOBYPASSRLS")
            connection.execute("REVOKE academy_owner FROM academy_app")


def test_a_second_start_attaches(server: RunningPostgres) -> None:
    again = start_postgres(server.folder.parent)
    assert not again.is_started_here
    assert (again.pid, again.port) == (server.pid, server.port)


def test_it_dies_with_its_parent_when_asked_and_recovers(state: Path) -> None:
    kill(start_in_another_process(state, dies_with_parent=True))
    left = processes.working_in(state / "postgres" / "data")
    assert processes.wait_until_gone(left, seconds=10)
    assert start_postgres(state, fast=True).is_started_here


def test_it_outlives_its_parent_otherwise(state: Path) -> None:
    kill(start_in_another_process(state, dies_with_parent=False))
    running = attach_postgres(state)
    assert running is not None
    assert ask(running, "academy_app", sql.SQL("SELECT 1")) == 1


def test_data_port_and_passwords_survive_a_kill(state: Path) -> None:
    first = start_postgres(state)
    with psycopg.connect(first.url("academy_owner"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(first.pid, signal.SIGKILL)
    assert processes.wait_until_gone([first.pid], seconds=5)  # a zombie from now on: this process does not reap it
    second = start_postgres(state)
    assert second.is_started_here
    assert second.port == first.port
    assert ask(second, "academy_owner", sql.SQL("SELECT answer FROM kept")) == 42
    processes.reap(first.pid)


def test_a_strangers_process_number_in_the_pid_file_does_not_block_a_start(state: Path) -> None:
    start_postgres(state, fast=True).stop()
    pid_file = state / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{state}\n0\n1\n\n127.0.0.1\n\nready\n")
    assert start_postgres(state, fast=True).is_started_here


def test_another_port_is_taken_when_the_remembered_one_is_busy(state: Path) -> None:
    first = start_postgres(state, fast=True)
    first.stop()
    with socket.create_server(("127.0.0.1", first.port)):
        second = start_postgres(state, fast=True)
        assert second.port != first.port


def test_root_without_user_namespaces_runs_it_as_nobody(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root needs another identity")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "unshare" else which(name))
    processes.unprivileged.cache_clear()
    try:
        running = start_postgres(state, fast=True)
        assert Path(f"/proc/{running.pid}").stat().st_uid == processes.NOBODY_ID
        assert ask(running, "academy_app", sql.SQL("SELECT 1")) == 1
        running.stop()
    finally:
        processes.unprivileged.cache_clear()


def test_a_failed_start_shows_the_end_of_the_log(state: Path) -> None:
    start_postgres(state, fast=True).stop()
    (state / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = on\n")
    with pytest.raises(embedded.PostgresFailed, match="no_such_setting"):
        start_postgres(state, fast=True)
