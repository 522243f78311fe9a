"""Spans by OpenTelemetry, on a provider of our own: what is not made here, no library adds."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final, Unpack

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags

from academy.traces import spans
from academy.traces.spans import ALLOWED, Attributes, Role

MOST_WAITING: Final = 2048
"""Spans that wait to be sent, some 2 MB; the oldest go when there are more."""
BATCH_SPANS: Final = 256
SEND_EVERY_MS: Final = 2000
MAX_CHARACTERS: Final = 120

_TRACEPARENT: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})")
_KINDS: Final = {role: SpanKind[role.name] for role in Role}
_NAMES: Final = {
    "tenant_id": "academy.tenant_id",
    "job_id": "academy.job.id",
    "request_id": "academy.request_id",
    "kind": "academy.job.kind",
    "tier": "academy.job.tier",
    "attempt": "academy.job.attempt",
    "receive_count": "academy.job.receive_count",
    "outcome": "academy.job.outcome",
    "route": "http.route",
    "method": "http.request.method",
    "status": "http.response.status_code",
    "function": "academy.function",
}


def batching(exporter: SpanExporter) -> SpanProcessor:
    """Send by the batch from a thread, and hold no more than so many: a collector that hangs costs some memory only."""
    return BatchSpanProcessor(
        exporter,
        max_queue_size=MOST_WAITING,
        schedule_delay_millis=SEND_EVERY_MS,
        max_export_batch_size=BATCH_SPANS,
    )


class OpenTelemetryRecorder:
    """Records ``share`` of the traces that begin here (0 to 1), and of others what their beginning decided."""

    def __init__(self, processor: SpanProcessor, *, share: float = 1.0, resource: Mapping[str, str]) -> None:
        self._provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(share)),
            resource=Resource(dict(resource)),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("academy")

    def begin(
        self,
        name: str,
        *,
        role: Role,
        follows: str | None,
        links: Sequence[str],
        began: datetime | None,
        attributes: Attributes,
    ) -> _Span:
        linked = [trace.Link(context) for context in map(_parse, links) if context is not None]
        return _Span(
            self._tracer.start_span(
                name,
                context=_context(follows),
                kind=_KINDS[role],
                attributes=_named(attributes),
                links=linked,
                start_time=None if began is None else _nanoseconds(began),
                record_exception=False,  # its message quotes rows
                set_status_on_exception=False,
            )
        )

    def end_at(self, span: spans.Span, ended: datetime) -> None:
        assert isinstance(span, _Span)
        span.otel.end(_nanoseconds(ended))

    def close(self, seconds: float) -> None:
        """Send what waits, within ``seconds``; what is left then is lost."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(seconds)


class _Span:
    def __init__(self, otel: trace.Span) -> None:
        self.otel = otel

    @property
    def traceparent(self) -> str:
        context = self.otel.get_span_context()
        flags = context.trace_flags & TraceFlags.SAMPLED
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"

    @property
    def log_fields(self) -> dict[str, str]:
        context = self.otel.get_span_context()
        if not context.trace_flags.sampled:
            return {}
        return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}

    def note(self, **attributes: Unpack[Attributes]) -> None:
        self.otel.set_attributes(_named(attributes))

    def rename(self, name: str) -> None:
        self.otel.update_name(name)

    def fail(self, kind: type[BaseException] | None = None) -> None:
        self.otel.set_status(StatusCode.ERROR)
        if kind is not None:
            self.otel.set_attribute("error.type", f"{kind.__module__}.{kind.__qualname__}")

    def end(self) -> None:
        self.otel.end()

    def as_current(self) -> AbstractContextManager[object]:
        return trace.use_span(self.otel, record_exception=False, set_status_on_exception=False)


def _named(attributes: Attributes) -> dict[str, str | int]:
    """``attributes`` as OpenTelemetry calls them; left out is what is not on the list, or neither name nor number."""
    return {
        _NAMES[name]: value[:MAX_CHARACTERS] if isinstance(value, str) else value
        for name, value in attributes.items()
        if name in ALLOWED and isinstance(value, (str, int))
    }


def _context(follows: str | None) -> Context | None:
    if follows is None:
        return None  # the span around
    parent = _parse(follows)
    return trace.set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()


def _parse(traceparent: str) -> SpanContext | None:
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return SpanContext(trace_id, span_id, is_remote=True, trace_flags=TraceFlags(flags & TraceFlags.SAMPLED))


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
