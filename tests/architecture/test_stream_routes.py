"""The service of streams answers nothing but what the walk over the URLs has judged."""

from __future__ import annotations

from django.urls import resolve

from academy.streams.api import EventsView
from academy.streams.service import EVENTS_PATH, PATHS
from academy.tenancy.middleware import UNTENANTED_PATHS
from infra.local.front import STREAMED_PATH


def test_every_path_of_the_service_is_an_url_of_the_product() -> None:
    assert {EVENTS_PATH} == PATHS - UNTENANTED_PATHS
    for path in PATHS:
        assert resolve(path)
    assert getattr(resolve(EVENTS_PATH).func, "cls", None) is EventsView


def test_what_stands_for_the_load_balancer_knows_the_path() -> None:
    assert STREAMED_PATH.decode() == EVENTS_PATH
