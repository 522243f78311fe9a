"""A carrier of text messages on loopback that takes everything and remembers it: Solapi's interface, recorded."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

API_KEY: Final = "NCSAYU7YDBXYORXC"
API_SECRET: Final = "a-secret-that-only-tests-know"
SENDER: Final = "0212345678"
_AUTHORIZATION = re.compile(r"HMAC-SHA256 apiKey=(\w+), date=(\S+), salt=(\w+), signature=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Text:
    to: str
    sender: str
    body: str
    authorization: str

    @property
    def code(self) -> str:
        """The six digits of a code that was sent."""
        found = re.search(r"\b\d{6}\b", self.body)
        assert found is not None, self.body
        return found[0]


@dataclass
class Carrier:
    """What was sent, oldest first. ``status`` and ``status_code`` are what it answers."""

    url: str
    texts: list[Text] = field(default_factory=list)
    status: int = 200
    status_code: str = "2000"

    def reset(self) -> None:
        self.texts.clear()
        self.status, self.status_code = 200, "2000"


class RunningCarrier:
    """A ``Carrier`` that listens until it is closed, and takes ``delay_seconds`` for each text."""

    def __init__(self, *, delay_seconds: float = 0) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                time.sleep(delay_seconds)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = outer.take(self.path, self.headers["Authorization"], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.carrier = Carrier(url=f"http://127.0.0.1:{self._server.server_address[1]}")
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def take(self, path: str, authorization: str, body: bytes) -> tuple[int, dict[str, str]]:
        """Solapi's answer to a request, signature checked."""
        found = _AUTHORIZATION.fullmatch(authorization)
        if path != "/messages/v4/send" or found is None:
            return 404, {"errorCode": "NotFound"}
        key, date, salt, signature = found.groups()
        expected = hmac.new(API_SECRET.encode(), f"{date}{salt}".encode(), hashlib.sha256).hexdigest()
        if key != API_KEY or signature != expected:
            return 403, {"errorCode": "SignatureDoesNotMatch", "errorMessage": "?"}
        message = json.loads(body)["message"]
        if self.carrier.status == 200:
            to = message.get("country", "") + message["to"]
            self.carrier.texts.append(Text(to, message["from"], message["text"], authorization))
        return self.carrier.status, {"statusCode": self.carrier.status_code, "errorCode": "NotEnoughBalance"}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
