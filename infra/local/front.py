"""What the load balancer does in production, on one machine: one origin, and each path to the service that has it.

python -m infra.local.front, with FRONT_BIND, WEB_BIND and STREAMS_BIND in the environment. It reads the first line of
a connection, says when that was, and passes on bytes from then on. Both services close a connection after one answer,
so the next request comes on a connection of its own, and nothing has to be understood of it but where it goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import Final

STREAMED_PATH: Final = b"/api/v1/events"
LONGEST_LINE: Final = 16 * 1024
LINE_SECONDS: Final = 30.0
CHUNK: Final = 64 * 1024

# Since when the request waits, before whatever a caller says of it: the first of two values counts.
STAMP: Final = b"X-Request-Start: t=%.3f\r\n"

UNAVAILABLE: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)
BODY: Final = (
    b'{"type":"server_error","errors":[{"code":"starting","detail":"The service is not up yet.","attr":null}]}'
)


def service_of(first_line: bytes, web: str, streams: str) -> str:
    """The address of the service that has the path of this request."""
    parts = first_line.split(b" ")
    path = parts[1].partition(b"?")[0] if len(parts) > 1 else b""
    return streams if path == STREAMED_PATH else web


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, web: str, streams: str) -> None:
    there: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(LINE_SECONDS):
            first_line = await reader.readline()
        if not first_line:
            return
        host, _, port = service_of(first_line, web, streams).rpartition(":")
        try:
            from_there, there = await asyncio.open_connection(host, int(port), limit=CHUNK)
        except OSError:
            writer.write(UNAVAILABLE % (len(BODY), BODY))
            await writer.drain()
            return
        there.write(first_line + STAMP % time.time())
        onward = asyncio.create_task(_pass_on(reader, there))
        try:
            await _pass_on(from_there, writer)
        finally:
            onward.cancel()
    except (OSError, TimeoutError, ValueError):  # ValueError: a first line longer than any
        pass
    finally:
        for end in (writer, there):
            if end is not None:
                end.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()


async def serve(bind: str, *, web: str, streams: str) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host, _, port = bind.rpartition(":")

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _relay(reader, writer, web=web, streams=streams)

    server = await asyncio.start_server(relay, host, int(port), limit=LONGEST_LINE)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(os.environ["FRONT_BIND"], web=os.environ["WEB_BIND"], streams=os.environ["STREAMS_BIND"]))
