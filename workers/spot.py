"""A spot machine says some two minutes before it is taken away; what runs there then drains as at SIGTERM.

By the protocol of EC2's instance metadata, version 2 (docs.aws.amazon.com, "Spot Instance interruption notices"): a
token first, then 404 until there is a notice. ECS on Fargate sends SIGTERM itself and needs none of this.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import urllib3

logger = logging.getLogger(__name__)

ASK_SECONDS: Final = 5.0
"""What AWS advises."""
ANSWER_SECONDS: Final = 2.0
TOKEN_PATH: Final = "/latest/api/token"  # noqa: S105  a path, not a token
TOKEN_SECONDS: Final = 300
MAX_ANSWER_BYTES: Final = 4096
ACTIONS: Final = frozenset({"stop", "terminate", "hibernate"})


class SpotNotice:
    """A thread that asks ``url`` and calls ``on_notice`` once, at the first notice. What fails is asked again."""

    def __init__(self, url: str, on_notice: Callable[[], None], *, ask_seconds: float = ASK_SECONDS) -> None:
        parts = urlsplit(url)
        self._url = url
        self._token_url = urlunsplit((parts.scheme, parts.netloc, TOKEN_PATH, "", ""))
        self._on_notice = on_notice
        self._ask_seconds = ask_seconds
        self._pool = urllib3.PoolManager(timeout=ANSWER_SECONDS, retries=False)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="spot", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._pool.clear()

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                action = self._ask()
            except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
                logger.warning("the spot notice could not be read: %s", error)
                action = None
            if action is not None:
                logger.warning("this spot machine is taken away (%s): draining", action)
                self._on_notice()
                return
            self._closing.wait(self._ask_seconds)

    def _ask(self) -> str | None:
        """What is going to happen to this machine, ``None`` while nothing is. Raises ``ValueError``."""
        token = self._pool.request(
            "PUT", self._token_url, headers={"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
        )
        if token.status != 200:
            raise ValueError(f"no token: {token.status}")
        headers = {"X-aws-ec2-metadata-token": token.data.decode("ascii")}
        answer = self._pool.request("GET", self._url, headers=headers, redirect=False)
        if answer.status == 404:
            return None
        if answer.status != 200 or len(answer.data) > MAX_ANSWER_BYTES:
            raise ValueError(f"answered {answer.status}, {len(answer.data)} bytes")
        notice = json.loads(answer.data)
        action = notice.get("action") if isinstance(notice, dict) else None
        if not isinstance(action, str) or action not in ACTIONS:
            raise ValueError("not a notice")
        return action
