"""The port: whatever can send a text."""

from __future__ import annotations

import logging
from functools import cache
from typing import Protocol

from django.conf import settings

logger = logging.getLogger(__name__)


class SmsFailed(Exception):
    """The text was not taken by the carrier."""


class Sms(Protocol):
    def send(self, to: str, text: str) -> None:
        """Send ``text`` to a phone (E.164). Raises ``SmsFailed``."""


class Console:
    """Writes texts to the log, for development without a carrier."""

    def send(self, to: str, text: str) -> None:
        logger.info("text to %s: %s", to, text)


@cache
def configured_sms() -> Sms:
    """The way out that the settings name."""
    if settings.SMS_BACKEND == "solapi":
        from academy.sms.solapi import Solapi

        return Solapi(
            api_key=settings.SOLAPI_API_KEY,
            api_secret=settings.SOLAPI_API_SECRET,
            sender=settings.SOLAPI_SENDER,
            url=settings.SOLAPI_URL,
        )
    if settings.SMS_BACKEND == "outbox":
        from academy.sms.outbox import Outbox

        return Outbox()
    return Console()
