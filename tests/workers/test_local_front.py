"""One origin on one machine: each path goes to its service, and bytes pass as they are."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from infra.local.front import service_of
from infra.local.processes import free_port
from infra.local.state import ROOT
from tests.workers.stream_world import answers, wait_until


@pytest.mark.parametrize(
    ("line", "service"),
    [
        (b"GET /api/v1/events HTTP/1.1\r\n", "streams"),
        (b"GET /api/v1/events?jobs=1 HTTP/1.1\r\n", "streams"),
        (b"POST /api/v1/events HTTP/1.1\r\n", "streams"),
        (b"GET /api/v1/events/ HTTP/1.1\r\n", "web"),
        (b"GET /api/v1/eventsx HTTP/1.1\r\n", "web"),
        (b"GET /api/v1/jobs?x=/api/v1/events HTTP/1.1\r\n", "web"),
        (b"GET http://x/api/v1/events HTTP/1.1\r\n", "web"),
        (b"nonsense\r\n", "web"),
        (b"\r\n", "web"),
    ],
)
def test_the_path_alone_decides(line: bytes, service: str) -> None:
    assert service_of(line, "web", "streams") == service


@pytest.fixture
def front() -> Iterator[tuple[int, int, int]]:
    """Ports of the front, of the web server and of the service of streams; nobody listens at the latter two yet."""
    ports = free_port(), free_port(), free_port()
    names = zip(("FRONT_BIND", "WEB_BIND", "STREAMS_BIND"), ports, strict=True)
    environment = {**os.environ, **{name: f"127.0.0.1:{port}" for name, port in names}}
    with subprocess.Popen([sys.executable, "-m", "infra.local.front"], env=environment, cwd=ROOT) as process:
        wait_until(lambda: answers(ports[0]))
        yield ports
        process.terminate()
        assert process.wait(10) == 0


async def _exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + head + await reader.readexactly(200_000))
    await writer.drain()
    writer.close()


def test_a_request_reaches_its_service_whole_and_its_answer_comes_back_whole(front: tuple[int, int, int]) -> None:
    async def run() -> None:
        request = b"POST /api/v1/exams HTTP/1.1\r\nHost: hana.localhost\r\n\r\n" + b"x" * 200_000
        assert b" 503 " in await _exchange(front[0], request[:60] + b"\r\n\r\n")
        server = await asyncio.start_server(_echo, "127.0.0.1", front[1])
        for _ in range(3):
            answer = await _exchange(front[0], request)
            first, stamp, rest = answer.removeprefix(b"HTTP/1.1 200 OK\r\n\r\n").split(b"\r\n", 2)
            assert first + b"\r\n" + rest == request
            assert abs(float(stamp.removeprefix(b"X-Request-Start: t=")) - time.time()) < 60
        server.close()

    asyncio.run(run())


def test_a_reader_that_leaves_is_seen_to_leave(front: tuple[int, int, int]) -> None:
    async def run() -> None:
        left = asyncio.Event()

        async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n: begun\n\n")
            assert await reader.read() == b""
            left.set()
            writer.close()

        server = await asyncio.start_server(stream, "127.0.0.1", front[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", front[0])
        writer.write(b"GET /api/v1/events HTTP/1.1\r\n\r\n")
        await reader.readuntil(b": begun\n\n")
        writer.close()
        async with asyncio.timeout(20):
            await left.wait()
        server.close()

    asyncio.run(run())
