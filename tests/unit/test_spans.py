"""Spans: a fixed list of what they say, no cost without a recorder, and a collector that hangs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.test import override_settings

from academy.logs.bound import bound_fields
from academy.traces import spans as tracing
from academy.traces.exporting import start_tracing, stop_tracing
from academy.traces.recording import _NAMES, MOST_WAITING
from academy.traces.spans import ALLOWED, UNRECORDED, Role, begin, is_recording, span
from tests.collector import black_hole, collecting
from tests.sentinels import NAME, PHONE, Spans, recorded_spans

FOREIGN = "00-11111111111111111111111111111111-2222222222222222-01"


def test_without_a_recorder_nothing_is_recorded_and_nothing_bound() -> None:
    assert not is_recording()
    with span("work", job_id=1) as opened:
        assert opened is UNRECORDED
        assert opened.traceparent == ""
        assert bound_fields() == {}
    assert begin("work") is UNRECORDED


def test_what_may_be_said_is_a_list_and_each_has_its_name() -> None:
    assert set(_NAMES) == ALLOWED


def test_what_is_not_on_the_list_is_not_said(spans: Spans) -> None:
    more: Any = {"phone": PHONE, "person": NAME, "path": f"/{NAME}"}
    nested: Any = {"outcome": {"phone": PHONE}}
    with span("work", job_id=7, **more) as opened:
        opened.note(**more, **nested)
    assert dict(spans.one("work").attributes or {}) == {"academy.job.id": 7}


def test_an_error_is_told_by_its_kind(spans: Spans) -> None:
    with pytest.raises(ValueError, match=PHONE), span("work"):
        raise ValueError(PHONE)
    [failed] = spans.all
    assert not failed.status.is_ok
    assert (failed.attributes or {})["error.type"] == "builtins.ValueError"
    assert failed.events == ()
    assert PHONE not in spans.text


def test_what_begins_inside_follows_and_is_named_in_the_log(spans: Spans) -> None:
    with span("outer") as outer:
        assert bound_fields() == outer.log_fields
        with span("inner") as inner:
            assert bound_fields() == inner.log_fields
        assert bound_fields() == outer.log_fields
    assert bound_fields() == {}
    inside, around = spans.all
    assert inside.parent is not None
    assert inside.parent.span_id == around.context.span_id
    assert outer.log_fields["trace_id"] == f"{around.context.trace_id:032x}"


def test_a_traceparent_of_another_process_is_followed(spans: Spans) -> None:
    with span("work", follows=FOREIGN, role=Role.CONSUMER):
        pass
    [followed] = spans.all
    assert f"{followed.context.trace_id:032x}" == "1" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yes",
        FOREIGN + "\n",
        FOREIGN.upper().replace("1", "G"),
        "00-" + "0" * 32 + "-2222222222222222-01",
        "00-" + "1" * 32 + "-0000000000000000-01",
        "01-" + FOREIGN[3:],
        FOREIGN + "-more",
        "x" * 100_000,
    ],
)
def test_what_is_no_traceparent_begins_a_trace_and_breaks_nothing(spans: Spans, text: str) -> None:
    with span("around"), span("work", follows=text, links=[text]):
        pass
    begun = spans.one("work")
    assert begun.parent is None
    assert begun.links == ()
    assert begun.context.trace_id != spans.one("around").context.trace_id


def test_what_its_beginning_did_not_sample_is_sampled_nowhere() -> None:
    with recorded_spans(share=0.0) as spans:
        with span("request", follows="") as unsampled:
            assert bound_fields() == {}
        assert unsampled.traceparent.endswith("-00")
        with span("job", follows=unsampled.traceparent):
            pass
        with span("job", follows=FOREIGN):  # and what it did is, whatever the share is here
            pass
        assert [f"{one.context.trace_id:032x}" for one in spans.all] == ["1" * 32]


def test_spans_reach_a_collector_when_the_process_ends() -> None:
    with collecting() as collected, override_settings(OTEL_EXPORTER_OTLP_ENDPOINT=collected.otlp_url):
        with override_settings(OTEL_TRACES_SAMPLER_ARG=1.0):
            start_tracing()
        with span("work", job_id=7):
            pass
        stop_tracing()
        assert [one.name for one in collected.spans] == ["work"]
        assert not is_recording()


def test_a_collector_that_never_answers_holds_nobody_up_and_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("academy.traces.exporting.ANSWER_SECONDS", 0.2)
    before = set(threading.enumerate())
    with black_hole() as url, override_settings(OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_TRACES_SAMPLER_ARG=1.0):
        start_tracing()
        recorder: Any = tracing._recorder
        for _ in range(3 * MOST_WAITING):
            with span("work"):
                pass
        [processor] = recorder._provider._active_span_processor._span_processors
        assert len(processor._batch_processor._queue) <= MOST_WAITING
        ended = threading.Event()

        def stop() -> None:
            stop_tracing()
            ended.set()

        threading.Thread(target=stop, daemon=True).start()
        assert ended.wait(60)
    for thread in set(threading.enumerate()) - before:
        thread.join(60)


def test_without_an_address_nothing_starts() -> None:
    start_tracing()
    assert not is_recording()
    stop_tracing()
