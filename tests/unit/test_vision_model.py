"""The client of an OpenAI-compatible vision model, against a server on loopback that answers well and badly."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import urllib3

from apps.documents import vision_model
from apps.documents.vision_model import (
    MAX_FAILURES,
    MAX_LINE_CHARACTERS,
    ModelUnavailable,
    OpenAiCompatible,
    configured_model,
    improve_page,
)
from tests.db.test_documents_read import page_of


class FakeModel(ThreadingHTTPServer):
    """Answers every request with ``status`` and ``body``, and keeps what was asked."""

    status, body, headers = 200, b"{}", dict[str, str]()
    bytes_a_second = 0  # 0: all at once

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.busy_for = 0  # so many requests are answered 429 first
        self.silence = threading.Event()  # cleared: nothing is answered until it is set
        self.silence.set()

    def says(self, text: object) -> None:
        self.body = orjson.dumps({"choices": [{"message": {"content": text}}]})


class _Handler(BaseHTTPRequestHandler):
    server: FakeModel

    def do_POST(self) -> None:
        asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], asked))
        self.server.silence.wait(30)
        is_busy, self.server.busy_for = self.server.busy_for > 0, max(self.server.busy_for - 1, 0)
        self.send_response(429 if is_busy else self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        with suppress(ConnectionError):
            if not self.server.bytes_a_second:
                self.wfile.write(self.server.body)
                return
            for byte in self.server.body:
                self.wfile.write(bytes([byte]))
                time.sleep(1 / self.server.bytes_a_second)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited before asking again; nobody does."""
    waits: list[float] = []
    monkeypatch.setattr(vision_model, "_wait", waits.append)
    return waits


@pytest.fixture
def server() -> Iterator[FakeModel]:
    server = FakeModel()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def model(server: FakeModel) -> Iterator[OpenAiCompatible]:
    pool = urllib3.PoolManager()
    yield OpenAiCompatible(f"http://127.0.0.1:{server.server_port}/v1", "reader", "secret", pool)
    pool.clear()


def test_the_picture_of_one_line_is_sent_and_its_text_comes_back(server: FakeModel, model: OpenAiCompatible) -> None:
    server.says("  이차  함수의\n그래프 ")
    assert model.transcribe(b"jpeg") == "이차 함수의 그래프"
    ((path, authorization, asked),) = server.asked
    assert (path, authorization, asked["model"]) == ("/v1/chat/completions", "Bearer secret", "reader")
    picture = asked["messages"][0]["content"][1]["image_url"]["url"]
    assert base64.b64decode(picture.removeprefix("data:image/jpeg;base64,")) == b"jpeg"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b""),
        (429, b""),
        (401, b"{}"),
        (302, b""),
        (200, b"not json"),
        (200, b"[]"),
        (200, b'{"choices": []}'),
        (200, b'{"choices": [{"message": {"content": null}}]}'),
        (200, b'{"choices": [{"message": {"content": "' + b"x" * 100_000 + b'"}}]}'),
    ],
)
def test_an_answer_that_is_none_is_said_so(
    server: FakeModel, model: OpenAiCompatible, status: int, body: bytes
) -> None:
    server.status, server.body = status, body
    with pytest.raises(ModelUnavailable):
        model.transcribe(b"jpeg")


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("2", 2.0), ("600", 4.0), ("soon", 1.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 1.0), ("-1", 1.0), ("\u00b2", 1.0)],
)
def test_a_busy_model_is_asked_once_more_after_as_long_as_it_says(
    server: FakeModel, model: OpenAiCompatible, waits: list[float], retry_after: str, seconds: float
) -> None:
    server.says("이차 함수")
    server.headers, server.busy_for = {"Retry-After": retry_after}, 1
    assert model.transcribe(b"jpeg") == "이차 함수"
    assert (waits, len(server.asked)) == ([seconds], 2)


@pytest.mark.parametrize(("status", "asked"), [(500, 2), (429, 2), (503, 2), (400, 1), (401, 1), (200, 1)])
def test_only_what_may_pass_is_asked_again_and_only_once(
    server: FakeModel, model: OpenAiCompatible, status: int, asked: int
) -> None:
    server.status = status
    with pytest.raises(ModelUnavailable):
        model.transcribe(b"jpeg")
    assert len(server.asked) == asked


def test_a_model_that_says_nothing_is_not_waited_for(server: FakeModel, model: OpenAiCompatible) -> None:
    server.silence.clear()
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="Timeout"):
        replace(model, timeout=urllib3.Timeout(connect=1.0, read=0.2)).transcribe(b"jpeg")
    assert time.monotonic() - started < 20
    server.silence.set()


def test_a_model_that_drips_is_not_waited_for(server: FakeModel, model: OpenAiCompatible) -> None:
    server.says("이차 함수의 그래프" * 20)
    server.bytes_a_second = 50
    started = time.monotonic()
    with pytest.raises(ModelUnavailable, match="too slow"):
        replace(model, answer_seconds=0.3).transcribe(b"jpeg")
    assert time.monotonic() - started < 3


def test_a_model_that_is_not_there_is_said_so(model: OpenAiCompatible) -> None:
    with pytest.raises(ModelUnavailable):
        replace(model, url="http://127.0.0.1:1/v1").transcribe(b"jpeg")


def test_of_an_endless_answer_no_more_is_read_than_is_looked_at(server: FakeModel, model: OpenAiCompatible) -> None:
    server.body = b"[" * (8 << 20)
    with pytest.raises(ModelUnavailable, match="too long"):
        model.transcribe(b"jpeg")


def test_the_key_is_in_no_message(server: FakeModel, model: OpenAiCompatible) -> None:
    server.status = 401
    with pytest.raises(ModelUnavailable) as refused:
        model.transcribe(b"jpeg")
    assert "secret" not in str(refused.value)
    assert "secret" not in repr(model)


def test_a_long_answer_is_cut(server: FakeModel, model: OpenAiCompatible) -> None:
    server.says("가" * 1000)
    assert len(model.transcribe(b"jpeg")) == MAX_LINE_CHARACTERS


def test_a_model_that_is_down_is_not_asked_for_every_line(server: FakeModel, model: OpenAiCompatible) -> None:
    server.status = 503
    page = page_of("가 나 다", is_weak=True)
    page["lines"] = page["lines"] * 10
    pictures = {str(place): b"jpeg" for place in range(10)}
    assert improve_page(model, page, "text", pictures, on_step=lambda: None) == (page, "text")
    assert len(server.asked) == 2 * MAX_FAILURES


def test_no_model_is_configured_by_default() -> None:
    configured_model.cache_clear()
    assert configured_model() is None
