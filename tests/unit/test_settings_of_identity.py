"""A process does not start without what protects log-in: missing or malformed settings stop it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRODUCTION = {
    "ACADEMY_ENV": "production",
    "ENCRYPTION_KEYS": "k" * 32,
    "TRUSTED_PROXY_COUNT": "1",
    "SOLAPI_API_KEY": "key",
    "SOLAPI_API_SECRET": "secret",
    "SOLAPI_SENDER": "0212345678",
}


def start(changes: dict[str, str | None]) -> str:
    """What the process complains of; empty when it starts."""
    environment = {**os.environ, **{name: value for name, value in changes.items() if value is not None}}
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
    command = [sys.executable, "-c", "import academy.settings"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


def test_production_starts_with_everything() -> None:
    assert start({**PRODUCTION}) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SOLAPI_API_KEY", None),
        ("SOLAPI_API_SECRET", None),
        ("SOLAPI_API_SECRET", ""),
        ("SOLAPI_SENDER", None),
        ("SOLAPI_SENDER", "my academy"),
        ("SOLAPI_URL", "http://api.solapi.com"),
        ("SMS_BACKEND", "console"),
        ("SMS_BACKEND", "outbox"),
        ("ENCRYPTION_KEYS", None),
        ("ENCRYPTION_KEYS", "short"),
        ("ENCRYPTION_KEYS", ""),
        ("TRUSTED_PROXY_COUNT", None),
        ("TRUSTED_PROXY_COUNT", "-1"),
        ("TRUSTED_PROXY_COUNT", "many"),
    ],
)
def test_production_refuses_to_start_without(name: str, value: str | None) -> None:
    assert name in start({**PRODUCTION, name: value})


def test_elsewhere_nothing_is_sent_unless_asked_for() -> None:
    assert start({"SMS_BACKEND": None}) == ""
    assert "SMS_BACKEND" in start({"SMS_BACKEND": "pigeon"})
    assert "SOLAPI_API_KEY" in start({"SMS_BACKEND": "solapi"})


VAPID = {
    "VAPID_PRIVATE_KEY": "Jx6PFtUuEvBlhq9naa0jvkXdGGxng8-XyRHcWqOVW08",
    "VAPID_SUBJECT": "mailto:ops@academy.example",
}


def test_notices_are_pushed_with_a_key_and_an_address_or_not_at_all() -> None:
    assert start({**PRODUCTION, **VAPID}) == ""
    assert start({**PRODUCTION, **dict.fromkeys(VAPID, "")}) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VAPID_PRIVATE_KEY", ""),
        ("VAPID_PRIVATE_KEY", "-----BEGIN EC PRIVATE KEY-----"),
        ("VAPID_SUBJECT", ""),
        ("VAPID_SUBJECT", "ops@academy.example"),
        ("VAPID_SUBJECT", "mailto:ops"),
        ("VAPID_SUBJECT", "http://academy.example"),
    ],
)
def test_a_push_identity_that_services_would_refuse_stops_the_process(name: str, value: str) -> None:
    assert "VAPID_" in start({**PRODUCTION, **VAPID, name: value})
