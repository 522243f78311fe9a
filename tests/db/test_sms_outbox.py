"""The outbox of development keeps texts and shows them, as text."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.urls import get_resolver

from academy.sms.models import OutboxText
from academy.sms.outbox import Outbox, outbox_page

pytestmark = pytest.mark.usefixtures("committed")


def test_the_page_shows_the_last_texts_first() -> None:
    Outbox().send("+821012345678", "first")
    Outbox().send("+821012345678", "<script>second</script>")
    page = outbox_page(RequestFactory().get("/dev/outbox")).content.decode()
    assert page.index("second") < page.index("first")
    assert "<script>" not in page
    assert OutboxText.objects.count() == 2


def test_there_is_no_such_page_here() -> None:
    assert "dev-outbox" not in get_resolver().reverse_dict
