"""Whether log-in tells by its time or its answer which phones an academy knows.

`uv run python -m benchmarks.enumeration` asks a real web server 500 times for a phone that somebody has and 500 times
for one that nobody has, taking turns, over a carrier of texts that takes 100 ms. It prints the difference of the
medians and writes build/bench/enumeration.json.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PAIRS = 500
WARM_UP = 20
GOAL_MS = 5.0
CARRIER_SECONDS = 0.1
# Below the limit per address, so that no request of the measurement is refused.
REQUESTS_PER_ADDRESS = 50
HOST = "hana.academy.test"
PASSWORD = "a-good-long-password"
REPORT = Path("build/bench/enumeration.json")
VARYING_HEADERS = {"set-cookie", "date", "x-request-id"}  # of every answer, whatever it says


class Browser:
    """One kept CSRF token; a connection and, every few requests, an address of its own for each request."""

    def __init__(self, port: int) -> None:
        self._port, self._sent = port, 0
        _, headers, body = self.send("GET", "/api/v1/session", None)
        self._csrf = json.loads(body)["csrf_token"]
        self._cookie = next(value.split(";")[0] for name, value in headers if name.lower() == "set-cookie")

    def send(
        self, method: str, path: str, data: object, *, cookie: str = ""
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        self._sent += 1
        serial = self._sent // REQUESTS_PER_ADDRESS
        headers = {"Host": HOST, "X-Forwarded-For": f"10.{serial // 65536}.{serial // 256 % 256}.{serial % 256}"}
        if data is not None:
            cookies = "; ".join(part for part in (self._cookie, cookie) if part)
            headers |= {"Content-Type": "application/json", "X-CSRFToken": self._csrf, "Cookie": cookies}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, None if data is None else json.dumps(data), headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()


def _code_cookie(headers: list[tuple[str, str]]) -> str:
    return next(value.split(";")[0] for name, value in headers if name.lower() == "set-cookie" and "code=" in value)


def ask_for_code(browser: Browser, phone: str) -> tuple[float, bytes]:
    return _timed(browser, "/api/v1/session/code", {"phone": phone})


def ask_to_reset(browser: Browser, phone: str) -> tuple[float, bytes]:
    return _timed(browser, "/api/v1/password/reset/code", {"phone": phone})


def try_password(browser: Browser, phone: str) -> tuple[float, bytes]:
    return _timed(browser, "/api/v1/session", {"phone": phone, "password": "not-the-password"})


def try_code(browser: Browser, phone: str) -> tuple[float, bytes]:
    _, headers, _ = browser.send("POST", "/api/v1/session/code", {"phone": phone})
    return _timed(browser, "/api/v1/session/code/verify", {"code": "not it"}, cookie=_code_cookie(headers))


def _timed(browser: Browser, path: str, data: object, *, cookie: str = "") -> tuple[float, bytes]:
    """Milliseconds, and all of the answer that may not differ."""
    start = time.perf_counter()
    status, headers, body = browser.send("POST", path, data, cookie=cookie)
    taken = (time.perf_counter() - start) * 1000
    fixed = sorted((name, value) for name, value in headers if name.lower() not in VARYING_HEADERS)
    return taken, repr((status, fixed)).encode() + body


def main() -> None:
    from tests import environment  # noqa: F401  a PostgreSQL of our own, migrated, and the settings for it

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    from tests.carrier import API_KEY, API_SECRET, SENDER, RunningCarrier

    running = RunningCarrier(delay_seconds=CARRIER_SECONDS)
    os.environ.update(
        SMS_BACKEND="solapi",
        SOLAPI_URL=running.carrier.url,
        SOLAPI_API_KEY=API_KEY,
        SOLAPI_API_SECRET=API_SECRET,
        SOLAPI_SENDER=SENDER,
        TRUSTED_PROXY_COUNT="1",
    )
    known = [f"010-{2000 + index // 10000:04d}-{index % 10000:04d}" for index in range(WARM_UP + PAIRS)]
    unknown = [phone.replace("010-2", "010-9", 1) for phone in known]
    _make_academy(known)
    kinds = {
        "ask for a code": ask_for_code,
        "ask to reset the password": ask_to_reset,
        "try a password": try_password,
        "try a code": try_code,
    }
    report: dict[str, Any] = {}
    print(f"{PAIRS} pairs each, goal: medians apart by less than {GOAL_MS:g} ms, answers byte-identical")
    print(f"{'':<28}{'known':>9}{'unknown':>9}{'apart':>9}  identical")
    for name, ask in kinds.items():
        with _web_server() as port:
            browser = Browser(port)
            _forget_limits()
            found: dict[str, list[tuple[float, bytes]]] = {"known": [], "unknown": []}
            for index, pair in enumerate(zip(known, unknown, strict=True)):
                turns = [("known", pair[0]), ("unknown", pair[1])]
                for kind, phone in turns if index % 2 else reversed(turns):
                    found[kind].append(ask(browser, phone))
        medians = {kind: statistics.median(taken for taken, _ in rows[WARM_UP:]) for kind, rows in found.items()}
        apart = abs(medians["known"] - medians["unknown"])
        is_identical = len({answer for rows in found.values() for _, answer in rows}) == 1
        print(
            f"{name:<28}{medians['known']:>6.1f} ms{medians['unknown']:>6.1f} ms{apart:>6.2f} ms"
            f"  {'yes' if is_identical else 'NO'}"
        )
        report[f"{name}: medians apart"] = {
            "value": round(apart, 3),
            "goal": GOAL_MS,
            "unit": "ms",
            "is_met": apart < GOAL_MS,
        }
        report[f"{name}: different answers"] = {
            "value": len({answer for rows in found.values() for _, answer in rows}) - 1,
            "goal": 0,
            "unit": "answers",
            "is_met": is_identical,
        }
    running.close()
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


def _make_academy(phones: list[str]) -> None:
    import django

    django.setup()
    from django.contrib.auth.hashers import make_password
    from django.db import connections, transaction

    from academy.tenancy.context import acting_for
    from apps.accounts.models import User
    from apps.accounts.phones import parse_phone
    from apps.accounts.roles import Role
    from tests.factories import make_academy

    tenant, password = make_academy("hana"), make_password(PASSWORD)
    with acting_for(tenant), transaction.atomic():
        User.objects.bulk_create(
            User(phone=parse_phone(phone), name="이하늘", role=Role.STUDENT, password=password) for phone in phones
        )
    connections.close_all()


def _forget_limits() -> None:
    from academy.limits import limiter

    limiter.take(limiter.Limit("benchmark", 1_000, 60))
    limiter.forget_everything()


@contextlib.contextmanager
def _web_server() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {**os.environ, "WEB_BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "gunicorn", "--config", "infra/gunicorn_conf.py", "academy.wsgi"]
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(60)


if __name__ == "__main__":
    main()
