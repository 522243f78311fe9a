"""What traces cost a request: `make bench-traces`.

CPU time of this process, all threads of it, for a list of exams by Django's own handler: without traces, with the share
of requests recorded that is the default, and with all of them. Spans are encoded as they are for a collector and then
dropped, so that no collector's time is counted. Blocks of the three take turns. Writes build/bench/traces.json.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from django.test import Client
    from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
    from opentelemetry.sdk.trace.export import SpanExporter

    from academy.traces.spans import Recorder

REPORT: Final = Path("build/bench/traces.json")
BLOCKS: Final = 20
REQUESTS: Final = 50
URL: Final = "/api/v1/exams"
ALL_GOAL: Final = 0.5  # ms of CPU time more than without


def _exporter() -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Encoding(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            encode_spans(spans).SerializeToString()
            return SpanExportResult.SUCCESS

    return Encoding()


def _block(client: Client, recorder: Recorder | None, processor: SpanProcessor) -> float:
    """Milliseconds of CPU time a request, with what it takes to send its spans."""
    from academy.traces.spans import record_with

    record_with(recorder)
    begun = time.process_time()
    for _ in range(REQUESTS):
        client.get(URL)
    processor.force_flush()
    return (time.process_time() - begun) * 1000 / REQUESTS


def measure() -> dict[str, float]:
    """Milliseconds of CPU time per request, the median over the blocks."""
    import tests.environment  # noqa: F401  a database of its own, before the settings are read

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.db import transaction

    from academy.traces.recording import OpenTelemetryRecorder, batching
    from academy.traces.spans import record_with
    from tests.factories import client_of, make_world

    with transaction.atomic():
        world = make_world()
    shares = {"off": None, f"{settings.OTEL_TRACES_SAMPLER_ARG:g}": settings.OTEL_TRACES_SAMPLER_ARG, "1": 1.0}
    blocks = {}
    for name, share in shares.items():
        processor = batching(_exporter())
        recorder = None
        if share is not None:
            recorder = OpenTelemetryRecorder(processor, share=share, resource={"service.name": "bench"})
        record_with(recorder)
        client = client_of(world.hana.owner)
        assert client.get(URL).status_code == 200  # loads its middleware, with traces or without
        blocks[name] = partial(_block, client, recorder, processor)
    taken: dict[str, list[float]] = {name: [] for name in blocks}
    for turn in range(BLOCKS + 1):
        for name, block in blocks.items():
            spent = block()
            if turn:  # the first warms up
                taken[name].append(spent)
    record_with(None)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    found = measure()
    off = found["off"]
    for name, value in found.items():
        print(f"{name:>6} recorded {value:8.3f} ms of CPU time a request {value - off:+8.3f} ms")
    is_met = found["1"] - off <= ALL_GOAL
    print(f"all recorded: at most {ALL_GOAL:g} ms more: {'met' if is_met else 'NOT MET'}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"cpu_ms_per_request": found, "goal_ms": ALL_GOAL, "is_met": is_met}, indent=2) + "\n")


if __name__ == "__main__":
    main()
