"""Telephones: texts go over HTTP to a carrier on loopback, and are there when a request has been answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

import pytest
from django.test import Client

from academy.sms.delivery import wait_until_sent
from academy.sms.port import configured_sms
from academy.sms.solapi import Solapi
from tests.api.answers import post
from tests.carrier import API_KEY, API_SECRET, SENDER, Carrier, RunningCarrier, Text


class Capture(Protocol):
    """pytest-django's ``django_capture_on_commit_callbacks``."""

    def __call__(self, *, execute: bool) -> AbstractContextManager[list[Any]]: ...


class Telephones:
    """Requests by whose end every text has arrived."""

    def __init__(self, carrier: Carrier, capture: Capture) -> None:
        self.carrier, self._capture = carrier, capture

    @property
    def texts(self) -> list[Text]:
        return self.carrier.texts

    def post(self, client: Client, url: str, data: object) -> Any:
        with self._capture(execute=True):
            answer = post(client, url, data)
        wait_until_sent(10)
        return answer

    def submit(self, client: Client, url: str, form: dict[str, str]) -> Any:
        """Send a form of the desk; the page that it leads to."""
        with self._capture(execute=True):
            answer = client.post(url, form, follow=True)
        wait_until_sent(10)
        return answer

    def ask(self, client: Client, phone: str, url: str = "/api/v1/session/code", **more: str) -> str:
        """Ask for a code and read it from the telephone."""
        count = len(self.texts)
        answer = self.post(client, url, {"phone": phone, **more})
        assert answer.status_code == 202, answer.content
        assert len(self.texts) == count + 1, "no text came"
        return self.texts[-1].code


@pytest.fixture(scope="session")
def _running_carrier() -> Iterator[RunningCarrier]:
    running = RunningCarrier()
    yield running
    running.close()


@pytest.fixture
def carrier(_running_carrier: RunningCarrier, settings: Any) -> Iterator[Carrier]:
    carrier = _running_carrier.carrier
    carrier.reset()
    settings.SMS_BACKEND, settings.SOLAPI_URL = "solapi", carrier.url
    settings.SOLAPI_API_KEY, settings.SOLAPI_API_SECRET, settings.SOLAPI_SENDER = API_KEY, API_SECRET, SENDER
    configured_sms.cache_clear()
    yield carrier
    sms = configured_sms()
    assert isinstance(sms, Solapi)
    sms.close()
    configured_sms.cache_clear()


@pytest.fixture
def telephones(carrier: Carrier, django_capture_on_commit_callbacks: Capture) -> Telephones:
    return Telephones(carrier, django_capture_on_commit_callbacks)
