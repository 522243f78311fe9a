"""Addresses of metrics and spot notices: absent is off, malformed stops the process."""

from __future__ import annotations

import pytest

from tests.unit.test_settings_of_identity import start


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
    ],
)
def test_what_is_malformed_stops_the_process(name: str, value: str) -> None:
    assert name in start({name: value})
