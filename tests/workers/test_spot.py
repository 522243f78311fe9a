"""The end of a spot machine is noticed once, by the metadata service's protocol; no other answer is a notice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workers.spot import SpotNotice

WAIT_SECONDS = 20.0
PATH = "/latest/meta-data/spot/instance-action"
NOTICE = b'{"action": "terminate", "time": "2027-03-01T00:00:00Z"}'


class Metadata(ThreadingHTTPServer):
    """EC2's metadata service on loopback; ``answers`` are given in turn, the last one ever after."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, bytes]] = [(404, b"")]
        self.token_status = 200
        self.asked = threading.Condition()
        self.count = 0
        self.tokens: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{PATH}"

    def await_asked(self, count: int) -> None:
        with self.asked:
            assert self.asked.wait_for(lambda: self.count >= count, WAIT_SECONDS), f"asked {self.count} times"


class _Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_PUT(self) -> None:
        is_token = self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        if self.server.token_status != 200:
            self._count()
        self._answer(self.server.token_status if is_token else 400, b"the-token")

    def do_GET(self) -> None:
        assert self.path == PATH
        self.server.tokens.append(self.headers["X-aws-ec2-metadata-token"])
        answers = self.server.answers
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self._count()
        self._answer(status, body)

    def _count(self) -> None:
        with self.server.asked:
            self.server.count += 1
            self.server.asked.notify_all()

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    server = Metadata()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_notice_is_told_once(metadata: Metadata) -> None:
    metadata.answers = [(404, b""), (404, b""), (200, NOTICE)]
    told: list[int] = []
    noticed = threading.Event()

    def tell() -> None:
        told.append(1)
        noticed.set()

    notice = SpotNotice(metadata.url, tell, ask_seconds=0.01)
    assert noticed.wait(WAIT_SECONDS)
    notice.close()
    assert (told, metadata.count) == ([1], 3)
    assert set(metadata.tokens) == {"the-token"}


@pytest.mark.parametrize(
    "answer",
    [
        (500, NOTICE),
        (301, NOTICE),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"[" * 4000),
        (200, b'{"action": "rebalance"}'),
        (200, b'{"action": ["terminate"]}'),
        (200, NOTICE + b" " * 10_000),
    ],
)
def test_what_is_no_notice_stops_nobody_and_the_next_one_is_heard(
    metadata: Metadata, answer: tuple[int, bytes]
) -> None:
    metadata.answers = [answer]
    noticed = threading.Event()
    notice = SpotNotice(metadata.url, noticed.set, ask_seconds=0.01)
    metadata.await_asked(2)
    assert not noticed.is_set()
    metadata.answers = [(200, NOTICE)]
    assert noticed.wait(WAIT_SECONDS)
    notice.close()


def test_a_service_that_gives_no_token_is_asked_again(metadata: Metadata) -> None:
    metadata.token_status, metadata.answers = 403, [(200, NOTICE)]
    noticed = threading.Event()
    notice = SpotNotice(metadata.url, noticed.set, ask_seconds=0.01)
    metadata.await_asked(2)
    assert not noticed.is_set()
    metadata.token_status = 200
    assert noticed.wait(WAIT_SECONDS)
    notice.close()


def test_a_service_that_is_not_there_stops_nobody(metadata: Metadata) -> None:
    noticed = threading.Event()
    notice = SpotNotice("http://127.0.0.1:1" + PATH, noticed.set, ask_seconds=0.01)
    notice.close()
    assert not noticed.is_set()


def test_a_worker_drains_at_the_notice(metadata: Metadata) -> None:
    from tests.workers.consumer_world import World

    world = World(["basic"])
    consumer = world.consumer(1)
    thread = threading.Thread(target=consumer.run)
    thread.start()
    metadata.answers = [(200, NOTICE)]
    notice = SpotNotice(metadata.url, consumer.stop, ask_seconds=0.01)
    thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    notice.close()
