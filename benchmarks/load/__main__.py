"""What the service bears: its knee, an hour's traffic with workers and a deploy, twice the knee, and what that means.

`make load` starts a whole stack of its own (build/load), fills it with 200 academies and a million rows, and sends it
the mix of benchmarks/load/academies.py in an open model. It prints:

* for each kind of request the processor time of the web process and of PostgreSQL, and its statements, sent alone;
* the knee: the highest rate at which nothing is refused and p95 stays within 200 ms;
* 50 requests a second for ten minutes while the workers read sheets, with a deploy in the middle (new web processes
  beside the old ones, then SIGTERM for these, for the workers and for the dispatcher): p95, p99, what was not answered,
  jobs that got lost, p95 minute by minute;
* twice the knee for a minute: what is refused, how long the served ones waited, how soon it is over, memory;
* a model from there to other numbers of people.

The sender shares the machine with what it measures. ``--steady-seconds`` and ``--step-seconds`` shorten a trial run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import psycopg

from benchmarks.load.academies import MIX, Asker, Kind
from benchmarks.load.corpus import Corpus
from benchmarks.load.model import needs
from benchmarks.load.processes import cpu_seconds, memory_mib, tree_of
from benchmarks.load.traffic import Crowd, Traffic
from infra.local.children import Output
from infra.local.postgres import RunningPostgres, start_postgres
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack

STATE: Final = ROOT / "build" / "load"
REPORT: Final = ROOT / "build" / "bench" / "load.json"
P95_GOAL: Final = 0.2
P99_GOAL: Final = 0.5
RATE: Final = 50.0
RECOVERY_GOAL: Final = 30.0
MEMORY_GOAL: Final = 1.2
"""After twice the knee, of what it was before."""
STEP: Final = 1.2
FIRST_RATE: Final = 20.0
START_SECONDS: Final = 8.0
"""Given to a new web process until it serves."""
ALONE: Final = 15
"""Times that each kind of request is sent on the quiet stack."""
OVERLOAD_SECONDS: Final = 60.0
WINDOW: Final = 5.0
HEALTH: Final = Kind("the floor: /health", "student", 0, "/health")


@dataclass(slots=True)
class Report:
    """What is printed, and kept."""

    figures: dict[str, dict[str, object]] = field(default_factory=dict)

    def add(self, name: str, value: float, unit: str, goal: float | None = None, *, is_least: bool = False) -> None:
        is_met = None if goal is None else (value >= goal if is_least else value <= goal)
        self.figures[name] = {"value": round(value, 2), "unit": unit, "goal": goal, "is_met": is_met}
        told = "" if goal is None else f"   goal {goal:g}, {'met' if is_met else 'NOT MET'}"
        print(f"{name:58}{value:>10.1f} {unit}{told}", flush=True)

    def write(self) -> None:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(json.dumps(self.figures, indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Filled:
    """What benchmarks.load.academies told."""

    rows: int
    askers: list[Asker]
    statements: dict[str, int]


def fill(stack: Stack, administrator: str) -> Filled:
    environment = {**stack.environment, "ADMIN_DATABASE_URL": administrator}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load.academies"],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return Filled(told["rows"], [Asker(**one) for one in told["askers"]], told["statements"])


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds of one request, alone."""

    web: float
    database: float
    wall: float


async def costs(crowd: Crowd, web: int, database: int) -> dict[str, Cost]:
    """Of each kind, one request after the other."""
    found = {}
    for kind in (*MIX, HEALTH):
        traffic = Traffic()
        for turn in range(ALONE + 2):
            if turn == 2:  # every process has seen it
                before = cpu_seconds(web), cpu_seconds(database)
            await crowd.ask(kind, traffic, time.perf_counter())
        assert set(traffic.statuses) <= {200, 201}, (kind.name, traffic.statuses)
        after = cpu_seconds(web), cpu_seconds(database)
        of_web, of_database = ((late - early) * 1000 / ALONE for early, late in zip(before, after, strict=True))
        found[kind.name] = Cost(of_web, of_database, traffic.mean(kind.name) * 1000)
    return found


async def find_knee(crowd: Crowd, seconds: float) -> tuple[float, float]:
    """The highest rate that was borne, and its p95 in seconds."""
    knee, at_knee, rate = 0.0, float("nan"), FIRST_RATE
    while True:
        traffic = await crowd.send(rate, seconds)
        refused, p95 = len(traffic.answers) - traffic.served, traffic.quantile(0.95)
        print(
            f"  {rate:6.0f}/s   p50 {traffic.quantile(0.5) * 1000:5.0f}   p95 {p95 * 1000:5.0f} ms   {refused} refused"
        )
        if refused or not p95 <= P95_GOAL:
            if not knee:
                raise RuntimeError(f"not even {FIRST_RATE:g} requests a second are borne: is the machine busy?")
            return knee, at_knee
        knee, at_knee, rate = rate, p95, rate * STEP
        await asyncio.sleep(3)


async def deploy(stack: Stack) -> None:
    """As ECS does it: new web processes come beside the old ones, which get SIGTERM once those can serve.

    Workers and dispatcher end by SIGTERM and come again.
    """
    web = stack.pid_of("web")
    assert web is not None
    old = len(tree_of(web)) - 1
    for _ in range(old):
        os.kill(web, signal.SIGTTIN)  # gunicorn: one process more
        await asyncio.sleep(START_SECONDS)
    for _ in range(old):
        os.kill(web, signal.SIGTTOU)  # the oldest one less
    for name in ("worker", "dispatcher"):
        if (pid := stack.pid_of(name)) is not None:
            os.kill(pid, signal.SIGTERM)


def connections(administrator: str) -> int:
    """To PostgreSQL, by programs of ours."""
    with psycopg.connect(administrator) as connection:
        row = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'academy%'").fetchone()
        return int(row[0]) if row else 0


async def steady(crowd: Crowd, stack: Stack, seconds: float, administrator: str) -> tuple[Traffic, int]:
    """The traffic, and the most connections that there were."""
    sending = asyncio.create_task(crowd.send(RATE, seconds))
    await asyncio.sleep(seconds / 2)
    deploying = asyncio.create_task(deploy(stack))
    most = 0
    while not sending.done():
        stack.revive()
        most = max(most, await asyncio.to_thread(connections, administrator))
        await asyncio.sleep(0.5)
    await deploying
    return await sending, most


async def overload(crowd: Crowd, knee: float) -> tuple[Traffic, float]:
    """Twice the knee and then what it bears well; the traffic, and the seconds until p95 is within the goal again."""
    hard = await crowd.send(2 * knee, OVERLOAD_SECONDS)
    # The last of them are answered meanwhile: who comes now comes while they wait.
    over = time.perf_counter()
    easy = await crowd.send(min(RATE, 0.6 * knee), RECOVERY_GOAL + WINDOW)
    recovered = math.inf
    for window in range(int((RECOVERY_GOAL + WINDOW) / WINDOW)):
        begun = over + window * WINDOW
        of_window = [one for one in easy.answers if begun <= one.due < begun + WINDOW]
        is_served = all(200 <= one.status < 400 for one in of_window)
        if is_served and easy.quantile(0.95, since=begun, until=begun + WINDOW) <= P95_GOAL:
            recovered = window * WINDOW
            break
    return hard, recovered


def _print_costs(
    found: Mapping[str, Cost], statements: Mapping[str, int], report: Report
) -> tuple[float, float, float]:
    """The table, and the mean of the mix: milliseconds of the web process and of PostgreSQL, statements."""
    print(
        f"{'one request, alone':28}{'of 100':>8}{'web CPU':>9}{'PostgreSQL':>12}{'answered in':>13}{'statements':>12}"
    )
    for kind in (*MIX, HEALTH):
        cost = found[kind.name]
        print(
            f"{kind.name:28}{kind.weight:>8}{cost.web:>6.1f} ms{cost.database:>9.1f} ms{cost.wall:>10.1f} ms"
            f"{statements.get(kind.name, 0):>12}"
        )
    every = sum(kind.weight for kind in MIX)
    web = sum(kind.weight * found[kind.name].web for kind in MIX) / every
    database = sum(kind.weight * found[kind.name].database for kind in MIX) / every
    sent = sum(kind.weight * statements[kind.name] for kind in MIX) / every
    report.add("a request of the mix: web process", web, "ms of CPU")
    report.add("a request of the mix: PostgreSQL", database, "ms of CPU")
    report.add("a request of the mix: statements", sent, "")
    floor = found[HEALTH.name].web + found[HEALTH.name].database
    report.add("a request of the mix over the floor (/health)", (web + database) / max(floor, 0.01), "times")
    return web, database, sent


def _print_model(of_mix: tuple[float, float, float], report: Report) -> None:
    print("a model from these figures, at 60 % busy processors; prices are list prices of Seoul, to be looked up:")
    for one in needs(*of_mix):
        print(
            f"  {one.case}: {one.rate:,.0f}/s at the peak, web {one.web_vcpus} vCPU (about {one.web_usd:,} USD a month"
            f" were it always the peak), PostgreSQL {one.database_vcpus} vCPU and {one.statements:,.0f} statements/s,"
            f" {one.connections} connections; size {one.size!r} of infra/aws"
        )
        report.add(f"model, {one.case}: web", one.web_vcpus, "vCPU")
        report.add(f"model, {one.case}: PostgreSQL", one.database_vcpus, "vCPU")


async def measure(stack: Stack, server: RunningPostgres, options: argparse.Namespace) -> Report:
    administrator = server.url("postgres")
    report = Report()
    filled = fill(stack, administrator)
    report.add("rows", filled.rows, "")
    web = stack.pid_of("web")
    assert web is not None
    crowd = Crowd(stack.port, filled.askers, seed=1)
    of_mix = _print_costs(await costs(crowd, web, server.pid), filled.statements, report)
    knee, p95 = await find_knee(crowd, options.step_seconds)
    report.add("the knee", knee, "requests/s")
    report.add("the knee: p95", p95 * 1000, "ms")
    before = cpu_seconds(web)
    with Corpus(stack.port, stack.environment) as corpus:
        begun = time.perf_counter()
        traffic, most = await steady(crowd, stack, options.steady_seconds, administrator)
        used = cpu_seconds(web) - before
    minutes = [begun + start for start in range(0, int(options.steady_seconds), 60)]
    told = ", ".join(f"{traffic.quantile(0.95, since=start, until=start + 60) * 1000:.0f}" for start in minutes)
    print(f"p95 minute by minute, the deploy in the middle: {told} ms")
    name = f"{RATE:g}/s for {options.steady_seconds:g} s, workers reading, a deploy"
    report.add(f"{name}: p95", traffic.quantile(0.95) * 1000, "ms", P95_GOAL * 1000)
    report.add(f"{name}: p99", traffic.quantile(0.99) * 1000, "ms", P99_GOAL * 1000)
    report.add(f"{name}: not served", len(traffic.answers) - traffic.served, "", 0)
    report.add(f"{name}: requests", len(traffic.answers), "")
    report.add(f"{name}: web process", used / len(traffic.answers) * 1000, "ms of CPU a request")
    report.add(f"{name}: sheets read", corpus.read, "", 1, is_least=True)
    report.add(f"{name}: jobs lost", corpus.lost + corpus.failed, "", 0)
    report.add(f"{name}: connections to PostgreSQL", most, "")
    await _measure_overload(crowd, knee, web, report)
    _print_model(of_mix, report)
    return report


async def _measure_overload(crowd: Crowd, knee: float, web: int, report: Report) -> None:
    before = memory_mib(web)
    hard, recovered = await overload(crowd, knee)
    statuses = hard.statuses
    shed = statuses[503] + statuses[429]
    print(f"twice the knee, {OVERLOAD_SECONDS:g} s: answers by status {dict(sorted(statuses.items()))}")
    report.add("twice the knee: served", hard.served / OVERLOAD_SECONDS, "requests/s")
    report.add("twice the knee: p95 of the served", hard.quantile(0.95) * 1000, "ms")
    report.add("twice the knee: shed (503, 429)", shed, "", 1, is_least=True)
    report.add("twice the knee: failed otherwise", len(hard.answers) - hard.served - shed, "", 0)
    report.add("twice the knee: until p95 is within the goal again", recovered, "s", RECOVERY_GOAL)
    report.add("twice the knee: memory of the web processes after", memory_mib(web) / before, "times", MEMORY_GOAL)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.load", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--steady-seconds", type=float, default=600.0)
    parser.add_argument("--step-seconds", type=float, default=15.0)
    options = parser.parse_args()
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "stack.log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as stack:
        if not stack.wait_for_web():
            raise RuntimeError(f"the web server does not answer: {log.name}")
        report = asyncio.run(measure(stack, start_postgres(STATE), options))
    report.write()
    return int(any(one["is_met"] is False for one in report.figures.values()))


if __name__ == "__main__":
    raise SystemExit(main())
