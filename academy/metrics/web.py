"""Requests by the name of their URL, never by their path: paths hold numbers, and strangers make paths up."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram

from academy.logs.naming import method_of, route_of
from academy.metrics import process  # noqa: F401  decides where the numbers below are kept

REQUESTS: Final = Counter("academy_http_requests", "Requests that were answered.", ["endpoint", "method", "status"])
SECONDS: Final = Histogram(
    "academy_http_request_seconds",
    "From the first middleware to the answer; a stream's until it begins.",
    ["endpoint"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)


class RequestMetrics:
    """The first middleware: counts every request, also those that another middleware answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = perf_counter()
        response = self.get_response(request)
        endpoint = route_of(request)
        REQUESTS.labels(endpoint, method_of(request), str(response.status_code)).inc()
        SECONDS.labels(endpoint).observe(perf_counter() - begun)
        return response
