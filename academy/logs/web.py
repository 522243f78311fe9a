"""The request's number: in every line of its log, in its answer, and in the trail's entries."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Final
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from academy.logs.bound import bound
from academy.logs.naming import method_of, route_of

logger = logging.getLogger("academy.request")

HEADER: Final = "X-Request-ID"
REQUEST_ID: Final = "_academy_request_id"
"""The attribute of a request that holds it: a UUID, made here, since what a client sends proves nothing."""
SLOW_SECONDS: Final = 1.0


class RequestLog:
    """Numbers each request. Logs those that took longer than ``SLOW_SECONDS``, by the name of their URL."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        number = uuid4()
        setattr(request, REQUEST_ID, number)
        begun = perf_counter()
        with bound(request_id=str(number)):
            response = self.get_response(request)
            seconds = perf_counter() - begun
            if seconds > SLOW_SECONDS:
                method, route = method_of(request), route_of(request)
                logger.warning("%s %s: %d after %.1f s", method, route, response.status_code, seconds)
        response.headers[HEADER] = str(number)
        return response
