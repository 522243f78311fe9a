"""A person who must not be recognised, and everything by which processes speak of what they do: log, crashes, spans."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from academy.crashes.reporting import CrashHandler
from academy.logs.formatting import JsonFormatter
from academy.traces.recording import OpenTelemetryRecorder
from academy.traces.spans import record_with

PHONE: Final = "010-7733-5511"
PASSWORD: Final = "sentinel-password-4417"
NAME: Final = "표지인물"
CODE: Final = "918273"
COOKIE: Final = "sentinel-cookie-5520"
# Each in every way in which it may be written.
SENTINELS: Final = (
    PHONE,
    "01077335511",
    "1077335511",
    "7733-5511",
    PASSWORD,
    NAME,
    CODE,
    COOKIE,
    r"\ud45c",
    "%ED%91%9C",
)


def found_in(text: str) -> list[str]:
    return [sentinel for sentinel in SENTINELS if sentinel in text]


@contextmanager
def listening(handler: logging.Handler) -> Iterator[None]:
    """``handler`` gets all that any logger of this process says, down to DEBUG."""
    root = logging.getLogger()
    quiet = [logging.getLogger(name) for name in ("botocore", "boto3", "django.request", "django.security")]
    before = [(one, one.level) for one in (root, *quiet)]
    for one, _ in before:
        one.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield
    root.removeHandler(handler)
    for one, level in before:
        one.setLevel(level)


@contextmanager
def written_log() -> Iterator[io.StringIO]:
    """The log as production writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    with listening(handler):
        yield written


class Crashes(Transport):
    """In the place of Sentry: keeps what would be sent, byte by byte."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[bytes] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope.serialize())

    @property
    def text(self) -> str:
        return "\n".join(envelope.decode() for envelope in self.envelopes)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Header and item header come first in an envelope, a line each."""
        return [json.loads(envelope.split(b"\n")[2]) for envelope in self.envelopes]


@contextmanager
def reported_crashes() -> Iterator[Crashes]:
    crashes = Crashes()
    handler = CrashHandler(
        dsn="https://key@sentry.example/1",
        release="sha256:abc",
        environment="academy-m",
        service="api",
        transport=crashes,
    )
    with listening(handler):
        yield crashes
    handler.close()


class Spans:
    """All spans that have ended, in the order of their ends."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    @property
    def text(self) -> str:
        return "\n".join(span.to_json(indent=None) for span in self.all)

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.all if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        [span] = self.named(name)
        return span


@contextmanager
def recorded_spans(*, share: float = 1.0) -> Iterator[Spans]:
    exporter = InMemorySpanExporter()
    recorder = OpenTelemetryRecorder(SimpleSpanProcessor(exporter), share=share, resource={"service.name": "test"})
    record_with(recorder)
    yield Spans(exporter)
    record_with(None)
    recorder.close(5.0)
