"""Requests at random moments, whether or not earlier ones were answered, each timed from when it was due.

An open model: people do not wait for each other, so that a service that stalls is sent as much as before (a closed loop
would send less, and hide the stall; latency from the sending would hide what waited for the sender).
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.load.academies import MIX, Asker, Kind, body_of, url_of

GIVES_UP_SECONDS = 40.0
"""More than any proxy waits: whatever takes longer was not answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` 0: none. Seconds are the clock's (``due``) and those from then to the last byte."""

    kind: str
    status: int
    due: float
    seconds: float


@dataclass(slots=True)
class Traffic:
    """What was sent and how it was answered."""

    answers: list[Answer] = field(default_factory=list)

    def quantile(self, share: float, *, since: float = 0.0, until: float = float("inf")) -> float:
        """Of the seconds of what was served; NaN where nothing was."""
        taken = sorted(one.seconds for one in self.answers if since <= one.due < until and 200 <= one.status < 400)
        return taken[min(len(taken) - 1, int(share * len(taken)))] if taken else float("nan")

    @property
    def served(self) -> int:
        return sum(200 <= one.status < 400 for one in self.answers)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(one.status for one in self.answers)

    def mean(self, kind: str) -> float:
        return statistics.fmean(one.seconds for one in self.answers if one.kind == kind)


class Crowd:
    """The people of all academies."""

    def __init__(self, port: int, askers: Sequence[Asker], *, seed: int) -> None:
        self._port = port
        self._askers = {role: [one for one in askers if one.role == role] for role in {one.role for one in askers}}
        self._random = random.Random(seed)

    async def send(self, rate: float, seconds: float) -> Traffic:
        """``rate`` requests a second on average, each after an exponentially distributed pause, and their answers."""
        traffic = Traffic()
        waiting: set[asyncio.Task[None]] = set()
        begun = due = time.perf_counter()
        while (due := due + self._random.expovariate(rate)) < begun + seconds:
            pause = due - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            kind = self._random.choices(MIX, [one.weight for one in MIX])[0]
            task = asyncio.create_task(self.ask(kind, traffic, due))
            waiting.add(task)
            task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
        return traffic

    async def ask(self, kind: Kind, traffic: Traffic, due: float) -> None:
        """Send one request, by somebody whose it is, and note the answer."""
        asker = self._random.choice(self._askers[kind.role])
        try:
            async with asyncio.timeout(GIVES_UP_SECONDS):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                try:
                    writer.write(self._bytes(kind, asker))
                    answer = await reader.read()
                finally:
                    writer.close()
            status = int(answer[9:12])
        except (OSError, TimeoutError, ValueError):
            status = 0
        traffic.answers.append(Answer(kind.name, status, due, time.perf_counter() - due))

    def _bytes(self, kind: Kind, asker: Asker) -> bytes:
        body = b"" if kind.body is None else body_of(kind, asker)
        lines = [
            f"{'GET' if kind.body is None else 'POST'} {url_of(kind, asker)} HTTP/1.1",
            f"Host: {asker.host}:{self._port}",
            f"Cookie: {asker.cookies}",
            f"X-CSRFToken: {asker.token}",
            "Accept: application/json, text/html",
            "Connection: close",
        ]
        if body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
            lines.append(f"Idempotency-Key: {self._random.getrandbits(128):032x}")
        return "\r\n".join([*lines, "", ""]).encode() + body
