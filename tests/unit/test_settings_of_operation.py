"""Addresses of metrics, spot notices, collector and Sentry: absent is off, malformed stops the process."""

from __future__ import annotations

import pytest

from tests.unit.test_settings_of_identity import PRODUCTION, start


def test_neither_is_on_by_itself() -> None:
    assert start({"METRICS_BIND": None, "SPOT_NOTICE_URL": None}) == ""


def test_what_is_well_formed_is_taken() -> None:
    url = "http://169.254.169.254/latest/meta-data/spot/instance-action"
    assert start({"METRICS_BIND": "0.0.0.0:9464", "SPOT_NOTICE_URL": url}) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("METRICS_BIND", "9464"),
        ("METRICS_BIND", "0.0.0.0"),
        ("METRICS_BIND", "0.0.0.0:http"),
        ("METRICS_BIND", "http://0.0.0.0:9464"),
        ("SPOT_NOTICE_URL", "169.254.169.254/latest"),
        ("SPOT_NOTICE_URL", "file:///etc/passwd"),
        ("SPOT_NOTICE_URL", "http://host"),
        ("SPOT_NOTICE_URL", "yes"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:secret@collector"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector?key=secret"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "-1"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"),
        ("SENTRY_DSN", "https://sentry.example/1"),
        ("SENTRY_DSN", "https://key@sentry.example"),
        ("SENTRY_DSN", "yes"),
    ],
)
def test_what_is_malformed_stops_the_process(name: str, value: str) -> None:
    assert name in start({name: value})


def test_a_collector_and_sentry_are_taken_and_production_wants_sentry_by_https() -> None:
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "SENTRY_DSN": "http://key@127.0.0.1:9000/1"}
    assert start({**told, "OTEL_TRACES_SAMPLER_ARG": "0"}) == ""
    assert start({**PRODUCTION, **told, "SENTRY_DSN": "https://key@o1.ingest.sentry.example/42"}) == ""
    complaint = start({**PRODUCTION, "SENTRY_DSN": "http://key-5520@127.0.0.1/1"})
    assert "SENTRY_DSN" in complaint
    assert "key-5520" not in complaint
