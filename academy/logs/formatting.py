"""A line of log as JSON, without what a person could be known by.

An error's own words may quote a row (PostgreSQL's DETAIL: the phone that exists already) or an argument: of an
exception only its kind and where it happened is written. Phone numbers that reach a message all the same are masked.
"""

from __future__ import annotations

import logging
import re
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from django.http import HttpRequest

from academy.logs.bound import bound_fields
from academy.logs.naming import method_of, route_of

# Korean numbers as people and machines write them, and any other in E.164.
_PHONE: Final = re.compile(r"(?<![\w.])(?:\+\d{9,15}|(?:\+82[- ]?|0)1[016789][- ]?\d{3,4}[- ]?\d{4})(?![\w.])")
# What follows names values: DETAIL: Key (phone)=(...) already exists.
_DETAIL: Final = re.compile(r"\s*(?:DETAIL|CONTEXT|HINT):.*", re.DOTALL)
_COOKIE: Final = re.compile(r"((?:__Host-)?(?:session|csrf|code|passkey)=)[^;\s]+")
MASK: Final = "(masked)"
MAX_FRAMES: Final = 30


def scrubbed(text: str) -> str:
    """``text`` without phone numbers, cookies and a database's details."""
    return _COOKIE.sub(rf"\1{MASK}", _PHONE.sub(MASK, _DETAIL.sub("", text)))


def described(error: BaseException) -> list[dict[str, Any]]:
    """The chain of an exception, the last first: kinds and places, no words."""
    return [{"kind": kind_of(one), "at": [str(place) for place in places_of(one)]} for one in chain_of(error)]


def chain_of(error: BaseException) -> list[BaseException]:
    """``error`` and what led to it, the last first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and not any(one is current for one in chain):
        chain.append(current)
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def kind_of(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code that an exception came through."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.function}"


def places_of(error: BaseException) -> list[Place]:
    """Where ``error`` came through, its origin last."""
    frames = traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
    return [Place(frame.filename, frame.lineno or 0, frame.name) for frame in frames]


def _message(record: logging.LogRecord) -> str:
    """Django's line about an answer names the path, which a stranger makes up: the URL's name stands for it."""
    request, status = getattr(record, "request", None), getattr(record, "status_code", None)
    if request is None or status is None:
        return scrubbed(record.getMessage())
    if not isinstance(request, HttpRequest):
        return f"{status}"
    return f"{status} {method_of(request)} {route_of(request)}"


class JsonFormatter(logging.Formatter):
    """One line for one record: time (UTC), level, logger, message, what is bound, the exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **bound_fields(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = described(record.exc_info[1])
        return orjson.dumps(line).decode()
