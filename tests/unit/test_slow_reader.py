"""What a reader of a stream costs who takes its time: the newest state of each job, up to a bound, and then nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from academy.jobs.changes import Position
from academy.streams import rooms, service
from academy.streams.rooms import Stream
from academy.streams.seats import Seat

SEAT = Seat(1, 1, "k" * 32, (1, "owner", 0, False, False), "ko", None)


def test_of_each_job_only_the_newest_state_waits() -> None:
    stream = Stream(SEAT, Position(1))
    for number in range(10_000):
        stream.offer(number % 3, b"%d" % number)
    assert stream.take()[0] == [b"9997", b"9998", b"9999"]
    assert stream.take()[0] == []


def test_more_jobs_than_the_bound_end_the_stream_and_free_what_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "MAX_PENDING", 5)
    stream = Stream(SEAT, Position(1))
    for number in range(6):
        assert not stream.reason
        stream.offer(number, b"state")
    assert stream.reason == "slow"
    assert stream.take()[0] == []


def test_a_reader_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SEND_SECONDS", 0.01)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) > 1:
            await asyncio.Event().wait()  # for ever

    stream = Stream(SEAT, Position(1))
    stream.offer(1, b"state")
    with pytest.raises(TimeoutError):
        asyncio.run(service._write(stream, b"opening", send))
    assert [message["body"] for message in sent] == [b"opening", b"state"]


def test_many_states_go_out_in_writes_of_a_bounded_size() -> None:
    events = [b"x" * 300 for _ in range(service.EVENTS_PER_WRITE * 2 + 1)]
    parts = list(service._parts(events))
    assert b"".join(parts) == b"".join(events)
    assert max(map(len, parts)) == service.EVENTS_PER_WRITE * 300
