"""Behind a real PgBouncer in transaction mode, thousands of requests of two academies each get their own answer."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from academy.tenancy.context import tenant_connection
from infra.local import processes
from tests.factories import Cast, World, client_of, make_student

PROGRAM: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed: make setup, or apt-get install")

REQUESTS: Final = 2_000
THREADS: Final = 8
POOL_SIZE: Final = 3  # fewer than the threads, so that they have to share
START_SECONDS: Final = 10.0
STUDENTS: Final = "/api/v1/students"


@dataclass(frozen=True, slots=True)
class Bouncer:
    host: str
    port: int
    administrator: str

    def transactions(self) -> int:
        """How many transactions have gone through, by its own count."""
        with psycopg.connect(self.administrator, autocommit=True) as console:
            cursor = psycopg.ClientCursor(console)
            cursor.execute("SHOW STATS_TOTALS")
            names = [column.name for column in cursor.description or ()]
            return sum(row[names.index("xact_count")] for row in cursor.fetchall() if row[0] != "pgbouncer")

    def server_connections(self) -> int:
        with psycopg.connect(self.administrator, autocommit=True) as console:
            cursor = psycopg.ClientCursor(console)
            cursor.execute("SHOW SERVERS")
            return len(cursor.fetchall())


@pytest.fixture(scope="module")
def bouncer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bouncer]:
    assert PROGRAM is not None
    server = urlsplit(os.environ["DATABASE_URL"])
    # Not pytest's own folder, which only its user may enter: as root, PgBouncer runs as somebody else.
    folder = tmp_path_factory.mktemp("pgbouncer")
    port = processes.free_port()
    name = server.path.lstrip("/")
    users = folder / "users.txt"
    users.write_text(f'"{server.username}" "{unquote(server.password or "")}"\n')
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        "[databases]\n"
        f"{name} = host={server.hostname} port={server.port} dbname={name}\n"
        "[pgbouncer]\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = plain\nauth_file = {users}\nadmin_users = {server.username}\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOL_SIZE}\nmax_client_conn = 100\n"
        # Hands out the connection that has rested longest: every request meets another one than the last.
        "server_round_robin = 1\nserver_reset_query =\n"
    )
    log = folder / "log"
    processes.give_to_unprivileged(folder)
    command = [*processes.unprivileged(), PROGRAM, str(configuration)]
    pid = processes.spawn_server(command, cwd=folder, environment=dict(os.environ), log=log)
    url = f"postgresql://{server.username}:{server.password}@127.0.0.1:{port}/"
    try:
        _wait_until_ready(pid, url + name, log)
        yield Bouncer("127.0.0.1", port, url + "pgbouncer")
    finally:
        processes.end_process(pid, [(signal.SIGQUIT, 5), (signal.SIGKILL, 5)])
        processes.reap(pid)


def _wait_until_ready(pid: int, url: str, log: Path) -> None:
    waited = threading.Event()
    for _ in range(int(START_SECONDS / 0.05)):
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert processes.is_alive(pid), log.read_text()
            waited.wait(0.05)
        else:
            return
    pytest.fail(f"PgBouncer did not start:\n{log.read_text()}")


@pytest.fixture
def through_bouncer(committed_world: World, bouncer: Bouncer) -> Iterator[World]:
    """The world; connections that threads open from now on lead through PgBouncer."""
    for cast, number in ((committed_world.hana, "770001"), (committed_world.duri, "880001")):
        with cast.acting():
            make_student(number)
    configured: dict[str, Any] = connections.settings["default"]
    before = {name: configured[name] for name in ("HOST", "PORT")}
    configured.update(HOST=bouncer.host, PORT=str(bouncer.port))
    yield committed_world
    configured.update(before)


def wrong_answers(
    world: World, requests: int, *, in_a_row: int = 1, prepare: Callable[[], None] = lambda: None
) -> list[str]:
    """What was answered wrongly when ``THREADS`` threads ask for both academies in turn, ``in_a_row`` of each."""
    casts = (world.hana, world.duri)
    cookies = [str(client_of(cast.owner).cookies[settings.SESSION_COOKIE_NAME].value) for cast in casts]
    expected = [{world.hana.student.number, "770001"}, {world.duri.student.number, "880001"}]
    own = [_own_ids(cast) for cast in casts]
    wrong: list[str] = []
    asked = [0] * THREADS
    begin = threading.Barrier(THREADS)

    def ask(thread: int) -> None:
        prepare()
        clients = [Client(SERVER_NAME=cast.host) for cast in casts]
        for client, cookie in zip(clients, cookies, strict=True):
            client.cookies[settings.SESSION_COOKIE_NAME] = cookie
            client.raise_request_exception = False
        begin.wait()
        try:
            for turn in range(thread, requests + thread - requests % THREADS, THREADS):
                which = (turn // THREADS // in_a_row + thread) % 2
                answer = clients[which].get(STUDENTS)
                asked[thread] += 1
                if answer.status_code != 200:
                    wrong.append(f"{casts[which].tenant.slug}: {answer.status_code}")
                    continue
                rows = answer.json()["results"]
                if {row["number"] for row in rows} != expected[which] or {row["id"] for row in rows} != own[which]:
                    wrong.append(f"{casts[which].tenant.slug}: {rows}")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(asked) == requests
    return wrong


def _own_ids(cast: Cast) -> set[int]:
    from apps.students.models import Student

    with cast.acting():
        return set(Student.objects.values_list("pk", flat=True))


def test_two_thousand_alternating_requests_get_no_wrong_answer(
    through_bouncer: World, bouncer: Bouncer, record_property: Any
) -> None:
    before = bouncer.transactions()
    assert wrong_answers(through_bouncer, REQUESTS) == []
    assert bouncer.transactions() - before >= REQUESTS, "the requests did not go through PgBouncer"
    assert 2 <= bouncer.server_connections() <= POOL_SIZE, "the threads did not share connections"
    record_property("covered", ("alternating requests through PgBouncer, none answered wrongly", REQUESTS))


def test_with_settings_of_the_session_the_same_would_go_wrong(through_bouncer: World) -> None:
    """The control: what was said once per connection is not true of the connection that the next request gets."""

    def bind_to_the_session() -> None:
        tenant_connection().is_session_scoped = True

    wrong = wrong_answers(through_bouncer, 400, in_a_row=5, prepare=bind_to_the_session)
    assert len(wrong) > 40
