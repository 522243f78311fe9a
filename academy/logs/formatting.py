"""A line of log as JSON, without what a person could be known by.

An error's own words may quote a row (PostgreSQL's DETAIL: the phone that exists already) or an argument: of an
exception only its kind and where it happened is written. Phone numbers that reach a message all the same are masked.
"""

from __future__ import annotations

import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import orjson

from academy.logs.bound import bound_fields

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
    chain: list[dict[str, Any]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        kind = f"{type(current).__module__}.{type(current).__qualname__}"
        chain.append({"kind": kind, "at": _places(current.__traceback__)})
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _message(record: logging.LogRecord) -> str:
    """Django's line about an answer names the path, which a stranger makes up: the URL's name stands for it."""
    request, status = getattr(record, "request", None), getattr(record, "status_code", None)
    if request is None or status is None:
        return scrubbed(record.getMessage())
    match = getattr(request, "resolver_match", None)
    return f"{status} {getattr(request, 'method', '')} {match.view_name if match else '(none)'}"


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
