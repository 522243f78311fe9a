"""The ASGI application that keeps streams of events open.

A stream is opened by Django's own stack on a thread: the same middleware, walls and view as behind gunicorn, in a
transaction that ends before the first byte is sent. From then on this module writes, and a room looks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse, HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext

from academy.http.errors import error_response
from academy.streams import framing
from academy.streams.listener import listen
from academy.streams.rooms import RESTARTING, House, Stream, TooManyStreams
from academy.streams.seats import AccountsOfSessions, EventStream

logger = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

EVENTS_PATH: Final = "/api/v1/events"
# Everything this service answers; any other path is missing, whatever the rest of the product has there.
PATHS: Final = frozenset({EVENTS_PATH, "/health", "/ready"})

THREADS: Final = 4
# Requests that wait for a thread. A flood is refused before it costs the database anything.
MAX_OPENING: Final = 64
KEEP_ALIVE_SECONDS: Final = 15.0
# How long one write may wait for a reader that takes nothing.
SEND_SECONDS: Final = 20.0
EVENTS_PER_WRITE: Final = 100
RETRY_AFTER_SECONDS: Final = {429: 30, 503: 5}


class _Handler(BaseHandler):
    """Django's stack, synchronous, on a thread of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.load_middleware()

    def answer(self, scope: Scope) -> HttpResponseBase:
        signals.request_started.send(sender=type(self), scope=scope)
        try:
            request = ASGIRequest(scope, BytesIO())
        except UnicodeDecodeError:
            return error_response(400, "bad_request", gettext("The request could not be understood."))
        response = self.get_response(request)
        response.close()  # its transaction has ended; closing gives the connection back
        return response


class StreamService:
    """The application. ``stop`` is for whoever receives the signal to end."""

    def __init__(self, accounts_of: AccountsOfSessions) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="streams")
        self._handler = _Handler()
        self._opening = 0
        self._is_stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.house = House(
            accounts_of,
            self._pool,
            per_person=settings.STREAMS_PER_PERSON,
            per_process=settings.STREAMS_PER_PROCESS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            raise ValueError(f"no protocol of this service: {scope['type']}")

    def stop(self) -> None:
        """End every stream and open no more; from any thread, also from a signal's handler."""
        self._is_stopping = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.house.end_all, RESTARTING)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._loop = asyncio.get_running_loop()
        listening = asyncio.create_task(
            listen(settings.LISTEN_DATABASE_URL, ring=self.house.ring, ring_all=self.house.ring_all)
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.stop()
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        self._pool.shutdown(wait=False, cancel_futures=True)
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._response_to(scope)
        if not isinstance(response, EventStream):
            return await _send_response(response, send)
        try:
            stream = self.house.enter(response.seat, response.position)
        except TooManyStreams as error:
            status = 503 if error.is_everybody else 429
            with translation.override(response.seat.language):
                text = gettext("This is open in too many windows. Close one and try again.")
            return await _send_response(_refusal(status, "too_many_streams", text), send)
        watching = asyncio.create_task(_watch(stream, receive))
        try:
            await _start(response, send)
            await _write(stream, response.content, send)
        except TimeoutError:
            logger.info("a stream of academy %d ends: its reader takes nothing", stream.seat.tenant_id)
        finally:
            watching.cancel()
            self.house.leave(stream)
        return None

    async def _response_to(self, scope: Scope) -> HttpResponseBase:
        if scope["path"] not in PATHS:
            return error_response(404, "not_found", gettext("Not found."))
        if self._is_stopping or self._opening >= MAX_OPENING:
            return _refusal(503, "busy", gettext("This is not possible just now. Try again in a moment."))
        self._opening += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._handler.answer, scope)
        finally:
            self._opening -= 1


def _refusal(status: int, code: str, message: str) -> HttpResponse:
    response = error_response(status, code, message)
    response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS[status])
    return response


async def _watch(stream: Stream, receive: Receive) -> None:
    """End the stream when its reader goes, or sends anything after its request."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("body") and not message.get("more_body"):
        await receive()
    stream.end("gone")


async def _write(stream: Stream, opening: bytes, send: Send) -> None:
    await _send_part(opening, send)
    while not stream.reason:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                await stream.wake.wait()
        except TimeoutError:
            pass
        events, position = stream.take()
        for part in _parts(events):
            await _send_part(part, send)
        if not stream.reason:
            await _send_part((b"" if events else framing.KEEP_ALIVE) + framing.position_mark(position), send)
    await _send_part(framing.end(stream.reason), send, is_last=True)


def _parts(events: list[bytes]) -> Iterator[bytes]:
    """Joined, as many as go in one write."""
    for start in range(0, len(events), EVENTS_PER_WRITE):
        yield b"".join(events[start : start + EVENTS_PER_WRITE])


async def _send_part(body: bytes, send: Send, *, is_last: bool = False) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": not is_last})


async def _start(response: HttpResponseBase, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in response.items()]
    headers += [(b"set-cookie", cookie.output(header="").strip().encode()) for cookie in response.cookies.values()]
    # One request per connection: what stands in front may send the next one to another service.
    headers.append((b"connection", b"close"))
    started = [item for item in headers if not (isinstance(response, EventStream) and item[0] == b"content-length")]
    await send({"type": "http.response.start", "status": response.status_code, "headers": started})


async def _send_response(response: HttpResponseBase, send: Send) -> None:
    assert isinstance(response, HttpResponse)  # of the paths of this service none answers with a file
    await _start(response, send)
    await _send_part(response.content, send, is_last=True)
