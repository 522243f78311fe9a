"""The service of streams in this process, on a port, and a browser's side of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from unittest.mock import patch

import uvicorn
from django.conf import settings
from django.db import connections

from academy.jobs.models import Job, JobState
from academy.streams import rooms
from academy.streams.service import StreamService
from apps.accounts.models import User
from apps.accounts.queries import accounts_of_sessions
from infra.local.processes import free_port
from tests.factories import Cast, client_of

# Nothing takes as long: a test that waits for so long fails.
PATIENCE_SECONDS: Final = 20.0


@dataclass(slots=True)
class Served:
    port: int
    service: StreamService
    readers: list[Reader] = field(default_factory=list)

    def open(self, host: str, cookie: str, **options: Any) -> Reader:
        reader = Reader(self.port, host, cookie, **options)
        self.readers.append(reader)
        return reader

    def open_for(self, user: User, cast: Cast, **options: Any) -> Reader:
        """A new session of this person, and a stream in it."""
        return self.open(cast.host, cookie_of(user), **options)


class Reader:
    """One request and, when it was let in, the events that come."""

    def __init__(
        self,
        port: int,
        host: str,
        cookie: str = "",
        *,
        query: str = "",
        last_event_id: str = "",
        method: str = "GET",
        path: str = "/api/v1/events",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.last_event_id = last_event_id
        self.comments = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        sent = {"Accept": "text/event-stream", **(headers or {})}
        if cookie:
            sent["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={cookie}"
        if last_event_id:
            sent["Last-Event-ID"] = last_event_id
        self._connection.putrequest(method, path + query, skip_host=True)
        self._connection.putheader("Host", host)
        for name, value in sent.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        self.response = self._connection.getresponse()
        self.status = self.response.status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.response.close()
        self._connection.close()

    def body(self) -> bytes:
        return self.response.read()

    def event(self) -> tuple[str, Any] | None:
        """The next event with data; ``None`` at the end. Keeps ``last_event_id`` as browsers do."""
        name, data = "", ""
        until = time.monotonic() + PATIENCE_SECONDS
        while line := self.response.readline():
            assert time.monotonic() < until, "what keeps the stream alive comes, and no event"
            text = line.decode().rstrip("\n")
            key, _, value = text.partition(": ")
            if text.startswith(":"):
                self.comments += 1
            elif key == "event":
                name = value
            elif key == "data":
                data = value
            elif key == "id":
                self.last_event_id = value
            elif not text and data:
                return name, json.loads(data)
        return None

    def job(self, job_id: int, state: str) -> dict[str, Any]:
        """The first event that shows this job in this state; whatever comes before is passed over."""
        while (found := self.event()) is not None:
            name, data = found
            if name == "job" and (data["id"], data["state"]) == (job_id, state):
                return dict(data)
        raise AssertionError("the stream ended first")

    def until_marked(self, position_after: str) -> None:
        """Read on until the position has moved on from this one: all before it was received."""
        while self.last_event_id == position_after:
            line = self.response.readline()
            assert line, "the stream ended first"
            if line.startswith(b"id: "):
                self.last_event_id = line[4:].decode().strip()

    def rest(self) -> list[tuple[str, Any]]:
        """All events until the end."""
        return list(iter(self.event, None))


@contextmanager
def serving() -> Iterator[Served]:
    """The service on a thread of its own; its connections to PostgreSQL are closed after each use.

    A look that is slow because the machine is busy ends no stream: whoever tests that sets ``rooms.BLIND_SECONDS``.
    """
    patient = patch.object(rooms, "BLIND_SECONDS", PATIENCE_SECONDS)
    configured = connections.settings["default"]
    before, configured["CONN_MAX_AGE"] = configured["CONN_MAX_AGE"], 0
    service = StreamService(accounts_of_sessions)
    port = free_port()
    config = uvicorn.Config(
        service,
        host="127.0.0.1",
        port=port,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="serving")
    thread.start()
    served = Served(port, service)
    patient.start()
    try:
        wait_until(lambda: answers(port))
        yield served
    finally:
        patient.stop()
        service.stop()
        for reader in served.readers:
            reader.close()
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
        for worker in threading.enumerate():
            if worker.name.startswith("streams_"):  # a look that is under way has a connection open
                worker.join(PATIENCE_SECONDS)
        configured["CONN_MAX_AGE"] = before


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Any) -> None:
    waited = threading.Event()
    for _ in range(int(PATIENCE_SECONDS / 0.02)):
        if is_so():
            return
        waited.wait(0.02)
    raise AssertionError("it did not come about")


def cookie_of(user: User) -> str:
    return str(client_of(user).cookies[settings.SESSION_COOKIE_NAME].value)


def move(cast: Cast, job: Job, state: JobState, **changes: Any) -> None:
    """Change the job as a worker does, in a transaction of its own."""
    with cast.acting():
        assert Job.objects.filter(pk=job.pk).update(state=state, **changes) == 1
