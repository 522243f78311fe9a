"""What open streams of events cost, and how soon a change is seen.

`uv run python -m benchmarks.streams` prints a table and writes build/bench/streams.json. The service is a process of
its own; its memory and its processor time are the kernel's figures. Streams are opened in one academy and then a few
in each of many, since what idles costs by the academy and not by the stream.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

REPORT: Final = Path("build/bench/streams.json")
STREAMS: Final = 200
ACADEMIES: Final = 50
EVENTS: Final = 100
IDLE_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 2.5  # until a new stream has been looked at twice
LATENCY_GOAL_MS: Final = 500.0
MEMORY_GOAL_KIB: Final = 256.0


class Service:
    """The service as a process, and its figures."""

    def __init__(self, port: int) -> None:
        environment = {**os.environ, "STREAMS_BIND": f"127.0.0.1:{port}", "STREAMS_PER_PERSON": "1000"}
        self.port = port
        self._process = subprocess.Popen([sys.executable, "-m", "academy.asgi"], env=environment)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def memory_kib(self) -> float:
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return float(next(line for line in lines if line.startswith("VmRSS")).split()[1])

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


class Readers:
    """Many open streams, read by one thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def open(self, port: int, host: str, cookie: str) -> None:
        reader = socket.create_connection(("127.0.0.1", port))
        reader.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: {host}\r\nCookie: session={cookie}\r\n\r\n".encode())
        answer = b""
        while b"event: hello" not in answer:
            chunk = reader.recv(65536)
            assert chunk, answer
            answer += chunk
        reader.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ)

    def drain(self) -> None:
        while ready := self._selector.select(0.01):
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                assert key.fileobj.recv(65536), "a stream ended"

    def wait_for(self, part: bytes, count: int) -> list[float]:
        """When each of ``count`` streams received ``part``."""
        seen: list[float] = []
        held: dict[int, bytes] = {}
        deadline = time.monotonic() + 30
        while len(seen) < count:
            assert time.monotonic() < deadline, f"{len(seen)} of {count} were told"
            for key, _ in self._selector.select(1):
                assert isinstance(key.fileobj, socket.socket)
                held[key.fd] = held.get(key.fd, b"") + key.fileobj.recv(65536)
                if part in held[key.fd]:
                    seen.append(time.perf_counter())
                    held[key.fd] = b""
        return seen


def measure() -> dict[str, dict[str, object]]:
    import tests.environment  # noqa: F401  a database of its own, before the settings are read

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.db import transaction
    from django.test.utils import override_settings

    from academy.jobs.models import Job, JobState
    from infra.local.processes import free_port
    from tests.factories import client_of, make_academy, make_job, make_user, make_world

    def cookie(user: Any) -> str:
        return str(client_of(user).cookies["session"].value)

    service = Service(free_port())
    readers = Readers()
    try:
        with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
            with transaction.atomic():
                hana = make_world().hana
            with hana.acting():
                jobs = [make_job() for _ in range(EVENTS)]
            others = []
            for number in range(ACADEMIES):
                tenant = make_academy(f"other{number}", name=f"학원 {number}")
                from academy.tenancy.context import acting_for

                with acting_for(tenant), transaction.atomic():
                    others.append(make_user(phone="010-3000-0001"))
        key = cookie(hana.teacher)
        readers.open(service.port, hana.host, key)
        time.sleep(STEADY_SECONDS)
        empty = service.memory_kib()
        for _ in range(STREAMS - 1):
            readers.open(service.port, hana.host, key)
        time.sleep(STEADY_SECONDS)
        readers.drain()
        per_stream = (service.memory_kib() - empty) / (STREAMS - 1)
        idle_one = _processor_share(service)

        first, all_told = [], []
        begun = service.processor_seconds()
        for job in jobs:
            with hana.acting():
                Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
            committed = time.perf_counter()
            seen = readers.wait_for(b'"id":%d,"kind":"exams.read_scan","state":"running"' % job.pk, STREAMS)
            first.append((seen[0] - committed) * 1000)
            all_told.append((seen[-1] - committed) * 1000)
        per_event = (service.processor_seconds() - begun) / EVENTS * 1000

        for user in others:
            readers.open(service.port, f"{user.tenant.slug}.academy.test", cookie(user))
        time.sleep(STEADY_SECONDS)
        readers.drain()
        idle_many = _processor_share(service)
        return {
            "memory of the service with one stream": _row(empty / 1024, None, "MiB", None),
            "memory per further stream": _row(per_stream, MEMORY_GOAL_KIB, "KiB", per_stream <= MEMORY_GOAL_KIB),
            f"commit to event, first of {STREAMS}, median": _row(statistics.median(first), None, "ms", None),
            f"commit to event, last of {STREAMS}, p95": _row(
                statistics.quantiles(all_told, n=20)[-1],
                LATENCY_GOAL_MS,
                "ms",
                statistics.quantiles(all_told, n=20)[-1] <= LATENCY_GOAL_MS,
            ),
            f"processor per change that {STREAMS} are told": _row(per_event, None, "ms", None),
            f"processor, {STREAMS} idle streams of one academy": _row(idle_one * 100, None, "% of a core", None),
            "processor per further academy with an idle stream": _row(
                (idle_many - idle_one) / ACADEMIES * 100, None, "% of a core", None
            ),
        }
    finally:
        service.stop()


def _processor_share(service: Service) -> float:
    begun, since = service.processor_seconds(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (service.processor_seconds() - begun) / (time.monotonic() - since)


def _row(value: float, goal: float | None, unit: str, is_met: bool | None) -> dict[str, object]:
    return {"value": round(value, 3), "goal": goal, "unit": unit, "is_met": is_met}


def main() -> None:
    report = measure()
    print(f"{'':52}{'value':>10}{'goal':>8}  unit")
    for name, row in report.items():
        goal = "" if row["goal"] is None else f"{row['goal']:g}"
        verdict = {True: "met", False: "NOT MET", None: ""}[row["is_met"]]  # type: ignore[index]
        print(f"{name:52}{row['value']:>10}{goal:>8}  {row['unit']:<12} {verdict}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
