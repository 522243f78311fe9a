"""In the place of an OTLP collector and of Sentry: a server that keeps what it is sent, or never answers."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass
class Collected:
    """Bodies by path, as they came."""

    port: int
    bodies: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def otlp_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.port}/1"

    @property
    def spans(self) -> list[Span]:
        found: list[Span] = []
        for path, body in list(self.bodies):
            if path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                scopes = (scope for resource in request.resource_spans for scope in resource.scope_spans)
                found += [span for scope in scopes for span in scope.spans]
        return found

    @property
    def envelopes(self) -> list[str]:
        return [body.decode() for path, body in list(self.bodies) if path == "/api/1/envelope/"]

    @property
    def text(self) -> str:
        return "\n".join(body.decode(errors="replace") for _, body in list(self.bodies))


@contextmanager
def collecting() -> Iterator[Collected]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            collected.bodies.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collected = Collected(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield collected
        server.shutdown()
        thread.join()


@contextmanager
def black_hole() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
