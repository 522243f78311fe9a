"""infra/nginx as nginx itself runs it, in front of two services that tell what they were told."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from infra.local import processes

PROGRAM: Final = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed: make setup, or apt-get install nginx")
SOURCES: Final = Path(__file__).resolve().parents[2] / "infra" / "nginx"
HOST: Final = "hana.academy.example"
FIRST_EVENT: Final = b"data: 1\n\n"


class _Service(ThreadingHTTPServer):
    daemon_threads = True
    asked = 0

    def __init__(self, name: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.name = name
        self.may_end = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: _Service

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.path == "/api/v1/events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(FIRST_EVENT)
            self.wfile.flush()
            self.server.may_end.wait(20)
            return
        body = json.dumps({"service": self.server.name, "path": self.path, **dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@dataclass(frozen=True)
class Site:
    tls_port: int
    plain_port: int
    log: Path
    web: _Service
    streams: _Service

    def connect(self, server_name: str = HOST) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        raw = socket.create_connection(("127.0.0.1", self.tls_port), timeout=10)
        try:
            return context.wrap_socket(raw, server_hostname=server_name)
        except BaseException:
            raw.close()
            raise

    def ask(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None, body: bytes | None = None
    ) -> Any:
        """Status, headers, parsed body."""
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = self.connect()
        try:
            connection.request(method, path, body=body, headers={"Host": HOST, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def statuses(self, path: str, sessions: list[str], *, method: str = "GET") -> list[int]:
        """What each of many requests on one connection is answered, one for each session; "" for none."""
        connection = http.client.HTTPConnection("127.0.0.1")
        connection.sock = self.connect()
        found = []
        try:
            for session in sessions:
                cookie = {"Cookie": f"__Host-session={session}"} if session else {}
                connection.request(method, path, headers={"Host": HOST, **cookie})
                answer = connection.getresponse()
                answer.read()
                found.append(answer.status)
        finally:
            connection.close()
        return found

    def raw(self, request: bytes, *, is_tls: bool = True) -> bytes:
        """All that is answered to these bytes."""
        with self.connect() if is_tls else socket.create_connection(("127.0.0.1", self.plain_port), 10) as there:
            there.sendall(request)
            parts = []
            try:
                while part := there.recv(65536):
                    parts.append(part)
            except (ConnectionResetError, ssl.SSLEOFError):
                pass
            return b"".join(parts)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    services = {name: _Service(name) for name in ("web", "streams")}
    for service in services.values():
        threading.Thread(target=service.serve_forever, args=[0.05], daemon=True).start()
    tls_port, plain_port = processes.free_port(), processes.free_port()
    changes = {
        "listen 8443": f"listen 127.0.0.1:{tls_port}",
        "listen 8080": f"listen 127.0.0.1:{plain_port}",
        "api:8000": f"127.0.0.1:{services['web'].server_port}",
        "streams:8001": f"127.0.0.1:{services['streams'].server_port}",
        # Nothing is forgiven meanwhile, or a slow machine would never meet a limit: what is tested is the burst.
        "rate=5r/s": "rate=1r/m",
        "rate=20r/s": "rate=1r/m",
        "keepalive_timeout 65s;": "keepalive_timeout 65s; keepalive_requests 10000;",
        "/tmp/": f"{folder}/",
        "/dev/stdout": f"{folder}/access.log",
        "worker_processes auto;": "worker_processes 1; daemon off;" + (" user root;" if os.geteuid() == 0 else ""),
    }
    for source in SOURCES.glob("*.conf"):
        text = source.read_text()
        for before, after in changes.items():
            text = text.replace(before, after)
        (folder / source.name).write_text(text)
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "1",
    ]
    subject = ["-subj", "/CN=academy.example", "-keyout", str(folder / "certificate.key")]
    subprocess.run([*command, *subject, "-out", str(folder / "certificate.pem")], check=True, capture_output=True)
    assert PROGRAM is not None
    log = folder / "error.log"
    pid = processes.spawn_server(
        [PROGRAM, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"],
        cwd=folder,
        environment=dict(os.environ),
        log=log,
    )
    found = Site(tls_port, plain_port, folder / "access.log", **services)
    try:
        _wait_until_it_listens(pid, found, log)
        yield found
    finally:
        for service in services.values():
            service.may_end.set()
            service.shutdown()
            service.server_close()
        processes.end_process(pid, [(signal.SIGTERM, 5), (signal.SIGKILL, 5)])
        processes.reap(pid)


def _wait_until_it_listens(pid: int, site: Site, log: Path) -> None:
    pause = threading.Event()
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", site.plain_port), 1).close()
        except OSError:
            assert processes.is_alive(pid), log.read_text()
            pause.wait(0.05)
        else:
            return
    pytest.fail(log.read_text())


def test_each_path_goes_to_its_service(site: Site) -> None:
    assert site.ask("/api/v1/exams")[2]["service"] == "web"
    assert site.ask("/")[2]["service"] == "web"
    assert site.ask("/api/v1/events/other")[2]["service"] == "web"


def test_a_stream_is_passed_on_as_it_comes(site: Site) -> None:
    with site.connect() as there:
        there.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        there.settimeout(10)
        received = b""
        while FIRST_EVENT not in received:  # the service says nothing more until it may end
            part = there.recv(4096)
            assert part, received
            received += part
    assert b"text/event-stream" in received
    assert b"Content-Encoding" not in received


def test_what_a_caller_says_of_proxies_is_forgotten(site: Site) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6, 7.7.7.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "duri.academy.example",
        "Forwarded": "for=6.6.6.6",
        "X-Request-ID": "mine",
        "X-Request-Start": "t=1",
    }
    told = site.ask("/api/v1/exams", headers=forged)[2]
    assert told["X-Forwarded-For"] == "127.0.0.1"  # one hop: TRUSTED_PROXY_COUNT=1
    assert told["X-Forwarded-Proto"] == "https"
    assert told["Host"] == HOST
    assert "X-Forwarded-Host" not in told
    assert "Forwarded" not in told
    assert told["X-Request-ID"] != "mine"
    assert abs(float(told["X-Request-Start"].removeprefix("t=")) - time.time()) < 60


def test_security_headers_are_sent_once_also_with_errors(site: Site) -> None:
    for path, method, body in (("/api/v1/exams", "GET", None), ("/api/v1/exams", "POST", b"x" * (2 << 20))):
        _, headers, _ = site.ask(path, method=method, body=body)
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert headers.get_all("X-Frame-Options") == ["DENY"]
        assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains; preload"]
        assert headers["Server"] == "nginx"


def test_a_large_body_is_refused_in_the_envelope_and_asks_no_service(site: Site) -> None:
    before = site.web.asked
    status, _, body = site.ask("/api/v1/exams", method="POST", body=b"x" * ((1 << 20) + 1))
    assert status == 413
    assert body["errors"][0]["code"] == "request_too_large"
    assert site.web.asked == before
    assert site.ask("/api/v1/exams", method="POST", body=b"x" * (1 << 20))[0] == 200


def test_a_whole_class_logs_in_from_one_address_and_a_flood_does_not(site: Site) -> None:
    assert set(site.statuses("/api/v1/session", [""] * 60, method="POST")) == {200}
    assert 429 in site.statuses("/api/v1/session/code", [""] * 100, method="POST")
    status, headers, body = site.ask("/api/v1/session", method="POST", body=b"{}")
    assert status == 429
    assert headers["Retry-After"] == "2"
    assert body["errors"][0]["code"] == "throttled"


def test_elsewhere_sessions_are_counted_and_not_their_common_address(site: Site) -> None:
    assert set(site.statuses("/api/v1/exams", [f"pupil{number}" for number in range(150)])) == {200}
    assert 429 in site.statuses("/api/v1/exams", ["one-who-floods"] * 110)
    assert site.statuses("/api/v1/exams", ["the-neighbour"]) == [200]


@pytest.mark.parametrize("host", ["evil.example", "academy.example.evil.example", "", "a b", "127.0.0.1"])
def test_a_host_that_is_not_ours_reaches_no_service(site: Site, host: str) -> None:
    before = site.web.asked
    answer = site.raw(f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), is_tls=False)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert site.web.asked == before


def test_two_hosts_in_one_request_are_refused(site: Site) -> None:
    before = site.web.asked
    request = f"GET /api/v1/exams HTTP/1.1\r\nHost: {HOST}\r\nHost: duri.academy.example\r\nConnection: close\r\n\r\n"
    assert site.raw(request.encode()).startswith(b"HTTP/1.1 400")
    assert site.web.asked == before


def test_there_is_no_certificate_for_a_name_that_is_not_ours(site: Site) -> None:
    with pytest.raises(ssl.SSLError):
        site.connect("evil.example")


def test_without_tls_one_is_sent_to_it(site: Site) -> None:
    request = f"GET /api/v1/exams?q=1 HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    answer = site.raw(request, is_tls=False)
    assert answer.startswith(b"HTTP/1.1 308")
    assert f"Location: https://{HOST}/api/v1/exams?q=1".encode() in answer


def test_files_are_asked_for_once(site: Site) -> None:
    before = site.web.asked
    for expected in ("MISS", "HIT"):
        _, headers, _ = site.ask("/assets/app.3f2a.js")
        assert headers["X-Cache"] == expected
    assert site.web.asked == before + 1


def test_the_log_knows_the_request_and_no_person(site: Site) -> None:
    site.ask("/api/v1/students?search=%EA%B9%80%ED%95%98%EB%82%98", headers={"Cookie": "__Host-session=planted"})
    for _ in range(500):  # it is written once the answer has been sent
        lines = [json.loads(line) for line in site.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        found = [one for one in lines if one["path"] == "/api/v1/students"]
        if found:
            break
        time.sleep(0.02)
    [line] = found
    assert line["status"] == 200
    assert len(line["request_id"]) == 32
    text = site.log.read_text()
    assert "search" not in text
    assert "planted" not in text
    assert "remote" not in text
