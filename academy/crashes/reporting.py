"""Unexpected errors as they are logged, sent to Sentry.

An event is made of a short list of things and of nothing else: the SDK's integrations, which read requests, statements
and local variables, are not loaded, and what the SDK adds by itself is left out once more before it is sent. The
client is this handler's own: no library of the process can send by it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sentry_sdk
from django.http import HttpRequest

from academy.logs.bound import bound_fields
from academy.logs.formatting import chain_of, places_of
from academy.logs.naming import route_of

if TYPE_CHECKING:
    from sentry_sdk._types import DataCollectionUserOptions, KeyValueCollectionBehaviour
    from sentry_sdk.transport import Transport
    from sentry_sdk.types import Event, Hint

logger = logging.getLogger(__name__)

CLOSE_SECONDS: Final = 2.0
TAGS: Final = ("tenant_id", "request_id", "job_id", "job_kind", "tier", "trace_id", "route", "service")
_KEPT: Final = ("event_id", "timestamp", "platform", "level", "release", "environment")
_MAX_CHARACTERS: Final = 200
_OFF: Final[KeyValueCollectionBehaviour] = {"mode": "off"}
_COLLECTED: Final[DataCollectionUserOptions] = {
    "user_info": False,
    "cookies": _OFF,
    "http_headers": {"request": _OFF},
    "http_bodies": [],
    "url_query_params": _OFF,
    "graphql": {"document": False, "variables": False},
    "gen_ai": {"inputs": False, "outputs": False},
    "database_query_data": False,
    "queues": False,
    "stack_frame_variables": False,
    "frame_context_lines": 0,
}


class CrashHandler(logging.Handler):
    """Sends the exception of every record of ERROR and above that has one and is no expected refusal."""

    def __init__(
        self,
        *,
        dsn: str,
        release: str,
        environment: str,
        service: str,
        transport: type[Transport] | Transport | None = None,
    ) -> None:
        super().__init__(logging.ERROR)
        self._service = service
        self._client = sentry_sdk.Client(
            dsn=dsn,
            transport=transport,
            release=release,
            environment=environment,
            server_name="",
            debug=False,
            spotlight=False,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            data_collection=_COLLECTED,
            include_local_variables=False,
            include_source_context=False,
            attach_stacktrace=False,
            max_request_body_size="never",
            max_breadcrumbs=0,
            send_client_reports=False,
            before_send=allowed,
            before_send_transaction=_nothing,
            before_breadcrumb=_nothing,
            shutdown_timeout=CLOSE_SECONDS,
        )

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or is_expected(error):
            return
        try:
            self._client.capture_event(self._event(record, error))
        except Exception as failure:  # noqa: BLE001  whoever logs must not fail by it
            logger.warning("a crash was not reported: %s", type(failure).__qualname__)

    def close(self) -> None:
        """Send what waits; ``logging.shutdown`` calls it as the process ends."""
        self._client.close(timeout=CLOSE_SECONDS)
        super().close()

    def _event(self, record: logging.LogRecord, error: BaseException) -> Event:
        request = getattr(record, "request", None)
        tags = {**{name: str(value) for name, value in bound_fields().items()}, "service": self._service}
        if isinstance(request, HttpRequest):
            tags["route"] = route_of(request)
        return {
            "level": "fatal" if record.levelno >= logging.CRITICAL else "error",
            "timestamp": datetime.fromtimestamp(record.created, UTC),
            "exception": {"values": [_described(one) for one in reversed(chain_of(error))]},
            "tags": tags,
        }


def is_expected(error: BaseException) -> bool:
    """A refusal that a person is told of (``DomainError``, REST framework's): its status is below 500."""
    status = getattr(error, "status_code", None)
    return isinstance(status, int) and status < 500


def allowed(event: Event, hint: Hint) -> Event | None:  # noqa: ARG001  the SDK's signature
    """A new event of what may leave the process of ``event``; ``None`` for one without an exception."""
    source: Mapping[str, Any] = event
    values = (source.get("exception") or {}).get("values") or []
    if not values:
        return None
    tags = source.get("tags") or {}
    kept: Any = {name: source[name] for name in _KEPT if source.get(name)}
    kept["exception"] = {"values": [_allowed_exception(value) for value in values]}
    kept["tags"] = {name: str(tags[name])[:_MAX_CHARACTERS] for name in TAGS if name in tags}
    sent: Event = kept
    return sent


def _allowed_exception(value: Mapping[str, Any]) -> dict[str, Any]:
    frames = (value.get("stacktrace") or {}).get("frames") or []
    named = ("filename", "function", "lineno", "in_app")
    return {
        "type": value.get("type"),
        "module": value.get("module"),
        "stacktrace": {"frames": [{name: frame[name] for name in named if name in frame} for frame in frames]},
    }


def _described(error: BaseException) -> dict[str, Any]:
    frames = [
        {
            "filename": place.file,
            "function": place.function,
            "lineno": place.line,
            "in_app": "site-packages" not in place.file,
        }
        for place in places_of(error)
    ]
    return {"type": type(error).__qualname__, "module": type(error).__module__, "stacktrace": {"frames": frames}}


def _nothing(_what: Any, _hint: Any) -> None:
    """No breadcrumb and no transaction is ever sent."""
