"""Proxies in front of SQS, S3 and PostgreSQL that break what passes through, on demand.

Both run in one thread of their own. A `Rule` says what to break and how often; the test waits until it was met
(`reached`), looks at the world or kills somebody, and lets go (`release`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

WAIT_SECONDS: Final = 30.0
HOST: Final = "127.0.0.1"
CHUNK_BYTES: Final = 1 << 16
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_TARGET = re.compile(rb"\r\nx-amz-target: *\w+\.(\w+)", re.I)

ResultT = TypeVar("ResultT")


class Fault(Enum):
    """What happens to a request that meets a rule."""

    REFUSE = auto()
    """HTTP: 503. PostgreSQL: the connection is cut, nothing arrives."""
    HANG = auto()
    """Nothing arrives and nothing is answered, until the rule is released; then the connection is cut."""
    HOLD_REQUEST = auto()
    """It arrives when the rule is released."""
    HOLD_ANSWER = auto()
    """It arrives; the answer does when the rule is released."""
    LOSE_ANSWER = auto()
    """It arrives; instead of an answer the connection is cut."""
    TWICE = auto()
    """HTTP: it arrives twice, answered once."""
    TRUNCATE = auto()
    """HTTP: the second half of the answer's body is missing."""
    CORRUPT = auto()
    """HTTP: a byte of the answer's body is another one."""


@dataclass(eq=False)
class Rule:
    """Breaks requests whose text `pattern` is found in; on PostgreSQL only after `after` was on the same connection."""

    fault: Fault
    pattern: re.Pattern[bytes]
    after: re.Pattern[bytes] | None = None
    times: int | None = 1
    """How often; None: always."""
    chance: float = 1.0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def await_reached(self, seconds: float = WAIT_SECONDS) -> None:
        assert self.reached.wait(seconds), f"nothing met {self.pattern.pattern!r} within {seconds:g} s"

    def release(self) -> None:
        self.times = 0
        self.released.set()


class Proxy(ABC):
    """A TCP server on loopback before another one. Use as a context manager."""

    def __init__(self, upstream_host: str, upstream_port: int, *, seed: int = 0) -> None:
        self.met: Counter[Fault] = Counter()
        self.requests: Counter[str] = Counter()
        self.port = 0
        self.is_refusing = False
        """Cut every new connection at once, as if nobody listened."""
        self._upstream = (upstream_host, upstream_port)
        self._rules: list[Rule] = []
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Any:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, HOST, 0, limit=1 << 24))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exception: object) -> None:
        for rule in self._rules:
            rule.release()
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_SECONDS)
        self._loop.close()

    def add(
        self, fault: Fault, pattern: str, *, after: str | None = None, times: int | None = 1, chance: float = 1.0
    ) -> Rule:
        """Break what matches the regular expression from now on."""
        rule = Rule(
            fault,
            re.compile(pattern.encode(), re.S),
            re.compile(after.encode(), re.S) if after is not None else None,
            times,
            chance,
        )
        self._rules.append(rule)
        return rule

    def clear(self) -> None:
        """No rule any more; what is held goes on."""
        rules, self._rules = self._rules, []
        for rule in rules:
            rule.release()
        self.is_refusing = False

    def cut(self) -> int:
        """Cut every connection that is open now; how many."""
        return self._call(self._cut())

    def _call(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    async def _cut(self) -> int:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return len(tasks)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream: asyncio.StreamWriter | None = None
        try:
            if not self.is_refusing:
                upstream_reader, upstream = await asyncio.open_connection(*self._upstream, limit=1 << 24)
                await self._serve(reader, writer, upstream_reader, upstream)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # either side is gone, or a test has cut it
        finally:
            self._tasks.discard(task)
            for end in (writer, upstream):
                if end is not None:
                    end.transport.abort()

    @abstractmethod
    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        """Carry requests and answers to and fro until either side ends."""

    def _rule_for(self, text: bytes, seen: set[Rule]) -> Rule | None:
        """The first rule that this request meets; `seen` are those whose `after` was on this connection."""
        for rule in list(self._rules):
            if rule.after is not None and rule not in seen:
                if rule.after.search(text):
                    seen.add(rule)
                continue
            if rule.times == 0 or not rule.pattern.search(text):
                continue
            if rule.chance < 1 and self._random.random() >= rule.chance:
                continue
            if rule.times is not None:
                rule.times -= 1
            self.met[rule.fault] += 1
            if rule.fault not in (Fault.HOLD_ANSWER, Fault.LOSE_ANSWER):  # those: when there is an answer
                rule.reached.set()
            return rule
        return None

    async def _until_released(self, rule: Rule) -> None:
        while not rule.released.is_set():
            await asyncio.sleep(0.01)


class HttpProxy(Proxy):
    """Before S3 and SQS. What rules look at: `SendMessageBatch {"QueueUrl": ...}`, `GET /bucket/key`, ..."""

    def __init__(self, upstream_url: str, *, seed: int = 0) -> None:
        parts = urlsplit(upstream_url)
        assert parts.hostname is not None
        assert parts.port is not None
        super().__init__(parts.hostname, parts.port, seed=seed)
        self.messages: Counter[str] = Counter()
        """"sent" to SQS, duplicates by us included, and "received" from it."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if b"100-continue" in head:
                head = re.sub(rb"\r\nexpect: *100-continue", b"", head, flags=re.I)
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            target = _TARGET.search(head)
            name = target[1] if target else head.split(b" HTTP/", 1)[0]
            self.requests[name.decode() if target else name.split(b" ")[0].decode()] += 1
            rule = self._rule_for(name + b" " + body, set())
            fault = rule.fault if rule else None
            if fault is Fault.REFUSE:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
                await writer.drain()
                continue
            if rule and fault in (Fault.HANG, Fault.HOLD_REQUEST):
                await self._until_released(rule)
                if fault is Fault.HANG:
                    return
            is_head = head.startswith(b"HEAD ")
            for _ in range(2 if fault is Fault.TWICE else 1):
                upstream.write(head + body)
                await upstream.drain()
                answer_head, answer = await _read_answer(upstream_reader, is_head=is_head)
                self.messages["sent"] += body.count(b'"MessageGroupId": ')
                self.messages["received"] += answer.count(b'"ReceiptHandle"') if name == b"ReceiveMessage" else 0
            if rule and fault in (Fault.HOLD_ANSWER, Fault.LOSE_ANSWER):
                rule.reached.set()
            if fault is Fault.LOSE_ANSWER:
                return
            if rule and fault is Fault.HOLD_ANSWER:
                await self._until_released(rule)
            if fault is Fault.CORRUPT and answer:
                answer = answer[:-1] + bytes([answer[-1] ^ 1])
            writer.write(answer_head + (answer[: len(answer) // 2] if fault is Fault.TRUNCATE else answer))
            await writer.drain()
            if fault is Fault.TRUNCATE or b"connection: close" in answer_head.lower():
                # Sent before the connection ends, which an abort would not wait for.
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
                return


async def _read_answer(reader: asyncio.StreamReader, *, is_head: bool) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if is_head or head[9:12] in (b"204", b"304"):
        return head, b""
    if length:
        return head, await reader.readexactly(int(length[1]))
    if b"transfer-encoding: chunked" not in head.lower():
        return head, await reader.read()
    body = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        chunk = await reader.readexactly(int(size.split(b";")[0], 16) + 2)
        body += size + chunk
        if chunk == b"\r\n":
            return head, body


class PostgresProxy(Proxy):
    """Before PostgreSQL. What rules look at: the text of statements."""

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream_reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
    ) -> None:
        may_answer = asyncio.Event()
        may_answer.set()
        answered = asyncio.Event()

        async def answer() -> None:
            while chunk := await upstream_reader.read(CHUNK_BYTES):
                answered.set()
                await may_answer.wait()
                writer.write(chunk)
                await writer.drain()
            writer.transport.abort()

        answering = asyncio.ensure_future(answer())
        seen: set[Rule] = set()
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                rule = self._rule_for(chunk, seen)
                fault = rule.fault if rule else None
                if fault is Fault.REFUSE:
                    return
                if rule and fault in (Fault.HANG, Fault.HOLD_REQUEST):
                    await self._until_released(rule)
                    if fault is Fault.HANG:
                        return
                if fault in (Fault.HOLD_ANSWER, Fault.LOSE_ANSWER):
                    may_answer.clear()
                    answered.clear()
                upstream.write(chunk)
                await upstream.drain()
                if rule and fault in (Fault.HOLD_ANSWER, Fault.LOSE_ANSWER):
                    await answered.wait()
                    rule.reached.set()
                    if fault is Fault.LOSE_ANSWER:
                        return
                    await self._until_released(rule)
                    may_answer.set()
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
