"""The one connection of a process that listens for changed jobs."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

import psycopg

from academy.jobs.changes import BELL

logger = logging.getLogger(__name__)

APPLICATION_NAME: Final = "academy-streams"
CONNECT_SECONDS: Final = 5
# A quiet connection is asked this often whether it still is one.
PROBE_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 5.0


async def listen(url: str, *, ring: Callable[[int], None], ring_all: Callable[[], None]) -> None:
    """Call ``ring`` with the academy of each change, for ever; ``ring_all`` whenever some may have been missed.

    ``url`` leads to PostgreSQL itself: LISTEN does not pass a pooler in transaction mode. What is rung for is read by
    others, so that a forged ring reads a little and shows nothing.
    """
    while True:
        try:
            await _listen_once(url, ring, ring_all)
        except (psycopg.Error, OSError, TimeoutError) as error:
            logger.warning("streams: nobody listens for changes, they are looked for: %s", error)
        await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311  not every process at once


async def _listen_once(url: str, ring: Callable[[int], None], ring_all: Callable[[], None]) -> None:
    connection = await psycopg.AsyncConnection.connect(
        url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name=APPLICATION_NAME
    )
    async with connection:
        await connection.execute(f"LISTEN {BELL}")
        ring_all()
        while True:
            async for notice in connection.notifies(timeout=PROBE_SECONDS):
                if notice.payload.isascii() and notice.payload.isdigit():
                    ring(int(notice.payload))
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.execute("SELECT 1")
