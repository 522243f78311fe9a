"""Where a process sends its spans: to a collector by OTLP, where the settings name one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from academy.traces import spans

if TYPE_CHECKING:
    from academy.traces.recording import OpenTelemetryRecorder

ANSWER_SECONDS: Final = 5.0
"""A collector that takes longer is not waited for; nobody waits but the thread that sends."""
CLOSE_SECONDS: Final = 2.0
"""Of the time between SIGTERM and SIGKILL, after the last job was handed back or the last request answered."""

_opened: OpenTelemetryRecorder | None = None


def start_tracing() -> None:
    """Record this process's spans from now on; nothing where no collector is named.

    After a fork and not before: the thread that sends belongs to one process.
    """
    global _opened
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _opened is not None:
        return
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from academy.traces.recording import OpenTelemetryRecorder, batching

    exporter = OTLPSpanExporter(
        endpoint=f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT.rstrip('/')}/v1/traces",
        timeout=ANSWER_SECONDS,
        compression=Compression.Gzip,
    )
    resource = {
        "service.name": settings.OTEL_SERVICE_NAME,
        "service.version": settings.RELEASE,
        "deployment.environment.name": settings.DEPLOYMENT,
    }
    _opened = OpenTelemetryRecorder(batching(exporter), share=settings.OTEL_TRACES_SAMPLER_ARG, resource=resource)
    spans.record_with(_opened)


def stop_tracing() -> None:
    """Send what waits and record no more. At most ``CLOSE_SECONDS``."""
    global _opened
    spans.record_with(None)
    if _opened is not None:
        _opened.close(CLOSE_SECONDS)
        _opened = None
