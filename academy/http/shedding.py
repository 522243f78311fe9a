"""Who has waited too long for a free process is told so at once.

Processes serve one request each, and the rest wait in the kernel's queue. Offered more than they can do, that queue
would grow until every request is answered after its caller has given up: work for nobody. What has waited longer than
``SHED_AFTER_SECONDS`` is refused instead, which costs a few hundredths of serving it, so that the queue drains and who
comes after a burst is served as before. How long it waited is said by the proxy in front: nginx and the local front
stamp milliseconds, AWS's load balancer seconds. A caller who forges a stamp is refused or served alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from prometheus_client import Counter

RETRY_AFTER_SECONDS: Final = 2
# Asked by who decides whether to restart this process: it lives.
SERVED_ANYWAY: Final = frozenset({"/health"})

SHED: Final = Counter("academy_http_shed", "Requests refused because they had waited too long for a free process.")

# nginx's own notation for "X-Request-Start"; a caller's second value comes after a comma and is not looked at.
_STAMP: Final = re.compile(r"t=([0-9]{1,11}(?:\.[0-9]{1,6})?)")
# Whole seconds, hexadecimal. "Self" is the load balancer's own where the request brought a trace id, else "Root" is.
_TRACES: Final = (re.compile(r"Self=1-([0-9a-f]{8})-"), re.compile(r"Root=1-([0-9a-f]{8})-"))


class SheddingMiddleware:
    """Before anything that asks the database. ``settings.OVERLOADED_VIEW`` makes the answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.refuse: Callable[[HttpRequest], HttpResponse] = import_string(settings.OVERLOADED_VIEW)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path in SERVED_ANYWAY or waited_seconds(request, time.time()) <= settings.SHED_AFTER_SECONDS:
            return self.get_response(request)
        SHED.inc()
        response = self.refuse(request)
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response


def waited_seconds(request: HttpRequest, now: float) -> float:
    """Since the proxy in front received it; 0 where none says when. AWS's whole seconds count as their end."""
    stamp = _STAMP.match(request.headers.get("X-Request-Start", ""))
    if stamp is not None:
        return now - float(stamp[1])
    traces = request.headers.get("X-Amzn-Trace-Id", "")
    trace = next(filter(None, (pattern.search(traces) for pattern in _TRACES)), None)
    return now - (int(trace[1], 16) + 1) if trace is not None else 0.0
