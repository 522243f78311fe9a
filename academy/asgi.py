"""The service of streams: python -m academy.asgi. The load balancer leads /api/v1/events here, all else to gunicorn."""

from __future__ import annotations

import os
import socket
from types import FrameType
from typing import Final

import django
import uvicorn
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings")
django.setup(set_prefix=False)

from academy.jobs.backend import job_kinds  # noqa: E402  only after Django is set up
from academy.logs.uncaught import log_uncaught  # noqa: E402
from academy.streams.service import StreamService  # noqa: E402
from apps.accounts.queries import accounts_of_sessions  # noqa: E402

job_kinds()
application = StreamService(accounts_of_sessions)

# Milliseconds until a connection is cut whose reader acknowledges nothing: what waits for it in memory goes with it.
UNACKNOWLEDGED_MS: Final = 60_000
STOP_SECONDS: Final = 5
# Besides open streams: requests that are being answered or refused.
SPARE_CONNECTIONS: Final = 200


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        application.stop()  # or uvicorn would wait for streams that never end


def main() -> None:
    """Serve until SIGTERM."""
    log_uncaught()
    host, _, port = os.environ.get("STREAMS_BIND", "0.0.0.0:8001").rpartition(":")
    listener = socket.create_server((host, int(port)), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS)
    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,  # Django's settings have configured it
        access_log=False,
        proxy_headers=False,  # academy.http.addresses knows how many proxies to trust
        server_header=False,
        limit_concurrency=settings.STREAMS_PER_PROCESS + SPARE_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    _Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
