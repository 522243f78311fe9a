"""Spans: what the product marks of its work. Nothing is recorded, and nothing of OpenTelemetry imported, until a
process says where to (``academy.traces.exporting``).

What a span may say is the list below and nothing else: no path, no statement, no words of an error, nobody's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from enum import Enum
from typing import Final, Protocol, TypedDict, Unpack

from academy.logs.bound import bound


class Attributes(TypedDict, total=False):
    """Numbers of rows and requests, and names that the code gives. mypy refuses any other; so does the recorder."""

    tenant_id: int
    job_id: int
    request_id: str
    kind: str
    """Of the job."""
    tier: str
    attempt: int
    receive_count: int
    outcome: str
    """What an attempt left its job in."""
    route: str
    method: str
    status: int
    function: str
    """What the sandbox runs."""


ALLOWED: Final = frozenset(Attributes.__annotations__)


class Role(Enum):
    """What a span is to others: OpenTelemetry's kinds."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """A span that has begun."""

    @property
    def traceparent(self) -> str:
        """Its place in its trace as W3C writes it; "" where nothing is recorded."""
        ...

    @property
    def log_fields(self) -> dict[str, str]:
        """What lines of log name while it lasts; nothing for one that is not sampled."""
        ...

    def note(self, **attributes: Unpack[Attributes]) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, kind: type[BaseException] | None = None) -> None:
        """Say that it went wrong, and by which kind of error."""
        ...

    def end(self) -> None: ...

    def as_current(self) -> AbstractContextManager[object]:
        """What begins inside follows from it."""
        ...


class Recorder(Protocol):
    """Where spans go."""

    def begin(
        self,
        name: str,
        *,
        role: Role,
        follows: str | None,
        links: Sequence[str],
        began: datetime | None,
        attributes: Attributes,
    ) -> Span: ...

    def end_at(self, span: Span, ended: datetime) -> None: ...


class _Unrecorded:
    traceparent = ""

    @property
    def log_fields(self) -> dict[str, str]:
        return {}

    def note(self, **attributes: Unpack[Attributes]) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, kind: type[BaseException] | None = None) -> None: ...

    def end(self) -> None: ...

    def as_current(self) -> AbstractContextManager[object]:
        return nullcontext()


UNRECORDED: Final[Span] = _Unrecorded()
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Every span of this process goes to ``recorder`` from now on; ``None``: nowhere."""
    global _recorder
    _recorder = recorder


def is_recording() -> bool:
    return _recorder is not None


def begin(
    name: str,
    *,
    role: Role = Role.INTERNAL,
    follows: str | None = None,
    links: Sequence[str] = (),
    **attributes: Unpack[Attributes],
) -> Span:
    """A span that its caller ends, for several at a time. See :func:`span`."""
    if _recorder is None:
        return UNRECORDED
    return _recorder.begin(name, role=role, follows=follows, links=links, began=None, attributes=attributes)


@contextmanager
def span(
    name: str,
    *,
    role: Role = Role.INTERNAL,
    follows: str | None = None,
    links: Sequence[str] = (),
    **attributes: Unpack[Attributes],
) -> Iterator[Span]:
    """A span round the block; what begins inside follows from it, and what is logged inside names it.

    ``follows``: the traceparent that it follows from, "" or anything that is none for a trace of its own; ``None``:
    the span around it. ``links``: traceparents that it has to do with besides.
    """
    if _recorder is None:
        yield UNRECORDED
        return
    opened = begin(name, role=role, follows=follows, links=links, **attributes)
    try:
        with bound(**opened.log_fields), opened.as_current():
            yield opened
    except BaseException as error:
        opened.fail(type(error))
        raise
    finally:
        opened.end()


def record(name: str, *, began: datetime, ended: datetime, **attributes: Unpack[Attributes]) -> None:
    """Something that is over, inside the span around it."""
    if _recorder is not None:
        opened = _recorder.begin(name, role=Role.INTERNAL, follows=None, links=(), began=began, attributes=attributes)
        _recorder.end_at(opened, ended)
