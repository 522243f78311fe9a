"""Development without a telephone: texts are kept in a table and shown on a page."""

from __future__ import annotations

from typing import Final

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join

from academy.sms.models import OutboxText
from academy.sms.port import Console

SHOWN_TEXTS: Final = 50


class Outbox:
    """Keeps texts in the outbox table, and writes them to the log too."""

    def send(self, to: str, text: str) -> None:
        Console().send(to, text)
        try:
            OutboxText.objects.create(phone=to, text=text)
        finally:
            connection.close()  # texts are sent by threads of their own, which nobody else tidies up after


def outbox_page(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The last texts, newest first. Mounted only where the settings name the outbox, which production refuses."""
    rows = OutboxText.objects.order_by("-pk")[:SHOWN_TEXTS]
    listed = format_html_join(
        "\n",
        "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
        ((row.written_at.strftime("%H:%M:%S"), row.phone, row.text) for row in rows),
    )
    return HttpResponse(format_html("<!doctype html><title>Outbox</title><table>{}</table>", listed))
