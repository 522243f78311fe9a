"""The client of an OpenAI-compatible vision model, against a server on loopback that answers well and badly."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
import urllib3

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

    status, body = 200, b"{}"

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def says(self, text: object) -> None:
        self.body = orjson.dumps({"choices": [{"message": {"content": text}}]})


class _Handler(BaseHTTPRequestHandler):
    server: FakeModel

    def do_POST(self) -> None:
        asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], asked))
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        return


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


def test_a_long_answer_is_cut(server: FakeModel, model: OpenAiCompatible) -> None:
    server.says("가" * 1000)
    assert len(model.transcribe(b"jpeg")) == MAX_LINE_CHARACTERS


def test_a_model_that_is_down_is_not_asked_for_every_line(server: FakeModel, model: OpenAiCompatible) -> None:
    server.status = 503
    page = page_of("가 나 다", is_weak=True)
    page["lines"] = page["lines"] * 10
    pictures = {str(place): b"jpeg" for place in range(10)}
    assert improve_page(model, page, "text", pictures, on_step=lambda: None) == (page, "text")
    assert len(server.asked) == MAX_FAILURES


def test_no_model_is_configured_by_default() -> None:
    configured_model.cache_clear()
    assert configured_model() is None
