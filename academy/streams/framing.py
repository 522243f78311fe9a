"""Events as the HTML standard writes them ("Server-sent events", section 9.2)."""

from __future__ import annotations

from typing import Final

import orjson

from academy.jobs.changes import JobRow, Position, shown

KEEP_ALIVE: Final = b": keep-alive\n"


def event(name: str, data: object) -> bytes:
    """One event; ``data`` becomes JSON, which has no line breaks."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps(data))


def job_event(row: JobRow) -> bytes:
    """The state of a job, in the active language."""
    return event("job", shown(row))


def position_mark(position: Position) -> bytes:
    """What a browser sends back as ``Last-Event-ID``: all before it was received. It has no data, so nobody is told."""
    return b"id: %s\n\n" % str(position).encode()


def hello(*, retry_milliseconds: int, is_resumed: bool) -> bytes:
    """The first event. What is not resumed begins with what is not over, and whoever shows more asks for it anew."""
    data = {"retry_seconds": retry_milliseconds / 1000, "is_resumed": is_resumed}
    return b"retry: %d\n" % retry_milliseconds + event("hello", data)


def end(reason: str) -> bytes:
    """The last event: why it ends."""
    return event("end", {"reason": reason})
