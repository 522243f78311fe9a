"""The open streams of this process: a room per academy, which looks when it is rung for and every other second.

All of it runs on the event loop's thread; only the looks into the database (``rounds.look``) run on others.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from django.db import Error as DatabaseError

from academy.jobs.changes import Position, position_of
from academy.streams.rounds import Round, look
from academy.streams.seats import AccountsOfSessions, Seat
from academy.tenancy.hosts import forget_hosts

logger = logging.getLogger(__name__)

# A room looks at least this often: for rights, and for changes whose ring was lost with the listening connection.
LOOK_SECONDS: Final = 2.0
# Rings that come closer together than this are answered by one look.
GAP_SECONDS: Final = 0.05
# A look that takes longer ends the streams: who cannot be asked for their rights is shown nothing more.
BLIND_SECONDS: Final = 2.5
# Different jobs that wait for one reader. More than that, and they have to come again.
MAX_PENDING: Final = 2_000

ACCESS_ENDED: Final = "access"
ACADEMY_CLOSED: Final = "academy"
RESTARTING: Final = "restart"
UNAVAILABLE: Final = "unavailable"
TOO_SLOW: Final = "slow"
GONE: Final = "gone"


class Stream:
    """One reader. Of each job only the newest state waits for it, so that a slow one costs a bounded amount."""

    def __init__(self, seat: Seat, position: Position) -> None:
        self.seat = seat
        self.position = position
        self.is_new = True
        self.reason = ""
        self.wake = asyncio.Event()
        self._pending: dict[int, bytes] = {}

    def offer(self, job_id: int, event: bytes) -> None:
        """Hand over a newer state of a job."""
        self._pending.pop(job_id, None)
        self._pending[job_id] = event
        if len(self._pending) > MAX_PENDING:
            self.end(TOO_SLOW)
        self.wake.set()

    def take(self) -> tuple[list[bytes], Position]:
        """What waits, and up to where it was read once all of that is sent."""
        self.wake.clear()
        events, self._pending = list(self._pending.values()), {}
        return events, self.position

    def end(self, reason: str) -> None:
        """Send nothing more but why. The first reason stands."""
        if not self.reason:
            self.reason = reason
            self._pending.clear()
        self.wake.set()


class Room:
    """The streams of one academy."""

    def __init__(self, tenant_id: int, accounts_of: AccountsOfSessions, pool: Executor) -> None:
        self.tenant_id = tenant_id
        self.streams: set[Stream] = set()
        self.bell = asyncio.Event()
        self._accounts_of = accounts_of
        self._pool = pool
        self._position: Position | None = None
        # Job -> the change that was told, for those that the next look will meet again.
        self._told: dict[int, int] = {}

    async def keep(self) -> None:
        """Look until the last stream is gone."""
        while self.streams:
            self.bell.clear()
            try:
                await self._pass()
            except (DatabaseError, TimeoutError) as error:
                logger.warning("academy %d: its streams end, the database does not answer: %s", self.tenant_id, error)
                self.end_all(UNAVAILABLE)
                return
            await asyncio.sleep(GAP_SECONDS)
            try:
                async with asyncio.timeout(LOOK_SECONDS * random.uniform(0.8, 1.0)):  # noqa: S311  not all rooms at once
                    await self.bell.wait()
            except TimeoutError:
                pass

    def end_all(self, reason: str) -> None:
        for stream in self.streams:
            stream.end(reason)

    async def _pass(self) -> None:
        """Read on to the end of what there is, a page at a time, and tell everybody who was here at its beginning."""
        present = {stream for stream in self.streams if not stream.reason}
        if not present:
            return
        known = [stream.position for stream in present if stream.is_new]
        start = min(known if self._position is None else [*known, self._position])
        before, reading_from = self._position, None
        while True:
            found = await self._look(present, start, reading_from)
            if found is None:
                forget_hosts()  # so that nobody comes back by this process's copy of the hosts
                self.end_all(ACADEMY_CLOSED)
                return
            self._tell(present, found, before)
            if not found.changes.is_full:
                break
            reading_from = found.changes.next
            await asyncio.sleep(GAP_SECONDS)
        self._position = found.changes.position
        settled = self._position.transaction
        self._told = {job: changed_in for job, changed_in in self._told.items() if changed_in >= settled}
        for stream in present:
            stream.position, stream.is_new = self._position, False

    async def _look(self, present: set[Stream], start: Position, reading_from: Position | None) -> Round | None:
        seats = [stream.seat for stream in present if not stream.reason]

        def work() -> Round | None:
            return look(self.tenant_id, seats, self._accounts_of, position=start, reading_from=reading_from)

        async with asyncio.timeout(BLIND_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _tell(self, present: set[Stream], found: Round, before: Position | None) -> None:
        for stream in present:
            if stream.seat not in found.admitted:
                stream.end(ACCESS_ENDED)
        for row in found.changes.rows:
            job, at = row["id"], position_of(row)
            is_news = before is not None and at > before and self._told.get(job) != row["changed_in"]
            for stream in present:
                if stream.reason or not (at > stream.position if stream.is_new else is_news):
                    continue
                seat = stream.seat
                seen = found.visible[seat.user_id]
                if (seat.named is None or job in seat.named) and (seen is None or job in seen):
                    stream.offer(job, found.events[job, seat.language])
            self._told[job] = row["changed_in"]


class TooManyStreams(Exception):
    """One more stream is too much: of one person, or of this process (``is_everybody``)."""

    def __init__(self, *, is_everybody: bool) -> None:
        super().__init__("too many streams")
        self.is_everybody = is_everybody


class House:
    """All rooms of this process."""

    def __init__(
        self,
        accounts_of: AccountsOfSessions,
        pool: Executor,
        *,
        per_person: int,
        per_process: int,
    ) -> None:
        self._make_room: Callable[[int], Room] = lambda tenant_id: Room(tenant_id, accounts_of, pool)
        self._per_person = per_person
        self._per_process = per_process
        self._rooms: dict[int, Room] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    @property
    def stream_count(self) -> int:
        return sum(len(room.streams) for room in self._rooms.values())

    def enter(self, seat: Seat, position: Position) -> Stream:
        """A new stream, which is told all that changes after ``position``. Raises ``TooManyStreams``."""
        if self.stream_count >= self._per_process:
            raise TooManyStreams(is_everybody=True)
        room = self._rooms.get(seat.tenant_id)
        if room and sum(stream.seat.user_id == seat.user_id for stream in room.streams) >= self._per_person:
            raise TooManyStreams(is_everybody=False)
        stream = Stream(seat, position)
        if room is None:
            room = self._rooms[seat.tenant_id] = self._make_room(seat.tenant_id)
            room.streams.add(stream)
            keeper = asyncio.create_task(self._keep(room))
            self._keepers.add(keeper)
            keeper.add_done_callback(self._keepers.discard)
        room.streams.add(stream)
        room.bell.set()
        return stream

    def leave(self, stream: Stream) -> None:
        stream.end(GONE)
        room = self._rooms.get(stream.seat.tenant_id)
        if room is not None:
            room.streams.discard(stream)
            room.bell.set()

    def ring(self, tenant_id: int) -> None:
        """A job of this academy changed."""
        room = self._rooms.get(tenant_id)
        if room is not None:
            room.bell.set()

    def ring_all(self) -> None:
        """Something may have been missed."""
        for room in self._rooms.values():
            room.bell.set()

    def end_all(self, reason: str) -> None:
        for room in self._rooms.values():
            room.end_all(reason)

    async def _keep(self, room: Room) -> None:
        try:
            await room.keep()
        finally:
            room.end_all(UNAVAILABLE)  # whatever went wrong: none may go on without anybody who asks for its rights
            if self._rooms.get(room.tenant_id) is room:
                del self._rooms[room.tenant_id]
