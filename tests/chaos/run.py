"""The run: jobs of several academies, faults at random, and what must hold at the end."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.db import transaction

from academy.jobs.models import FINAL_STATES, Job, JobState
from academy.jobs.queues import Tier
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.students.models import Student
from tests.factories import make_academy
from tests.faults.proxies import Fault
from tests.faults.world import TIMES, Process, fault_world

ACADEMIES: Final = 6
WORKERS: Final = ("cpu", "cpu", "cpu", "premium")
SLOTS: Final = 2
DISPATCHERS: Final = 2
VISIBILITY_SECONDS: Final = 4
SUBMITTING_SECONDS: Final = 15.0
DUPLICATED: Final = 0.1
PAUSE_SECONDS: Final = (0.2, 1.2)  # between two faults
CALM_AFTER: Final = 0.98  # of the jobs are done: no further faults, so that the rest can end
MAX_WRONG_CLOCK_SECONDS: Final = 3600.0
CRASHING: Final = 0.01  # of the jobs: their child dies of a segmentation fault, and they must fail
MOVING_AFTER_SECONDS: Final = 10.0  # what may still be under way when all jobs are done


class Chaos:
    def __init__(self, seed: int, jobs: int, limit_seconds: float, logs: Path) -> None:
        self._chance = random.Random(seed)
        self._count = jobs
        self._limit_seconds = limit_seconds
        self._logs = logs
        self._faults: Counter[str] = Counter()
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._tenants: list[Tenant] = []
        self._crashing = 0

    def run(self) -> list[str]:
        """Print what happened; give what does not hold."""
        self._tenants = [make_academy(f"chaos-{number}") for number in range(ACADEMIES)]
        with fault_world(self._logs) as world:
            self._world = world
            world.visibility_seconds = VISIBILITY_SECONDS
            world.times = {**TIMES, "academy.jobs.queues.ANSWER_SECONDS": 2.0}
            world.sqs.add(Fault.TWICE, "^SendMessageBatch", times=None, chance=DUPLICATED)
            self._workers = [self._new_worker(number) for number in range(len(WORKERS))]
            self._dispatchers = [self._new_dispatcher() for _ in range(DISPATCHERS)]
            return self._rage()

    # --- processes ----------------------------------------------------------------------------------------------
    def _clock(self) -> str:
        return str(self._chance.uniform(-MAX_WRONG_CLOCK_SECONDS, MAX_WRONG_CLOCK_SECONDS))

    def _new_worker(self, number: int) -> Process:
        return self._world.run(
            *("tests.faults.worker", WORKERS[number], "--slots", str(SLOTS), "--without-dispatcher"),
            *("--stop-timeout", "5"),
            environment={"FAULT_CLOCK_SECONDS": self._clock()},
        )

    def _new_dispatcher(self) -> Process:
        return self._world.run("tests.faults.worker", "dispatcher", environment={"FAULT_CLOCK_SECONDS": self._clock()})

    def _revive(self) -> None:
        """As a supervisor does: whatever has ended starts again."""
        for number, process in enumerate(self._workers):
            if not process.is_alive:
                self._workers[number] = self._new_worker(number)
        for number, process in enumerate(self._dispatchers):
            if not process.is_alive:
                self._dispatchers[number] = self._new_dispatcher()

    # --- faults -------------------------------------------------------------------------------------------------
    def _kill_worker(self) -> None:
        self._chance.choice(self._workers).kill()

    def _kill_dispatcher(self) -> None:
        self._chance.choice(self._dispatchers).kill()

    def _end_worker(self) -> None:
        self._chance.choice(self._workers).send(signal.SIGTERM)

    def _stop_and_continue(self) -> None:
        process = self._chance.choice([*self._workers, *self._dispatchers])
        process.send(signal.SIGSTOP)
        self._at(self._chance.uniform(0.5, 2 * VISIBILITY_SECONDS), lambda: process.send(signal.SIGCONT))

    def _break_sqs(self, fault: Fault) -> None:
        rule = self._world.sqs.add(fault, "^(Send|Receive|Delete|Change)Message", times=None)
        self._at(self._chance.uniform(0.3, 2.0), rule.release)

    def _break_database(self) -> None:
        self._world.database.is_refusing = True
        self._world.database.cut()
        self._at(self._chance.uniform(0.1, 1.0), self._mend_database)

    def _mend_database(self) -> None:
        self._world.database.is_refusing = False

    def _lose_commit(self) -> None:
        fault = self._chance.choice([Fault.REFUSE, Fault.LOSE_ANSWER])
        self._world.database.add(fault, "COMMIT", after="""SET "state" = '(succeeded|running)'""", times=2)

    def _at(self, seconds: float, what: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, what))

    def _break_something(self) -> None:
        name, weight_and_act = self._chance.choices(
            list(self._acts().items()), weights=[weight for weight, _ in self._acts().values()]
        )[0]
        weight_and_act[1]()
        self._faults[name] += 1

    def _acts(self) -> dict[str, tuple[int, Callable[[], None]]]:
        return {
            "worker, kill -9": (6, self._kill_worker),
            "worker, SIGTERM": (2, self._end_worker),
            "dispatcher, kill -9": (3, self._kill_dispatcher),
            "SIGSTOP, SIGCONT": (4, self._stop_and_continue),
            "SQS answers 503": (2, lambda: self._break_sqs(Fault.REFUSE)),
            "SQS hangs": (1, lambda: self._break_sqs(Fault.HANG)),
            "SQS's answers are lost": (2, lambda: self._break_sqs(Fault.LOSE_ANSWER)),
            "database away": (2, self._break_database),
            "connection lost at COMMIT": (3, self._lose_commit),
        }

    # --- the run ------------------------------------------------------------------------------------------------
    def _submit(self, count: int) -> None:
        for _ in range(count):
            is_crash = self._chance.random() < CRASHING
            self._crashing += is_crash
            milliseconds = int(self._chance.choice([0, 0, 20, 100, self._chance.uniform(100, 1_500)]))
            self._world.submit(
                0 if is_crash else milliseconds,
                kind="faults.crash" if is_crash else "faults.work",
                tenant=self._chance.choice(self._tenants),
                tier=self._chance.choices([Tier.BASIC, Tier.LITE, Tier.PREMIUM], weights=[6, 3, 1])[0],
                max_attempts=100,
            )

    def _states(self) -> Counter[str]:
        states: Counter[str] = Counter()
        for tenant in self._tenants:
            with acting_for(tenant), transaction.atomic():
                states.update(Job.objects.values_list("state", flat=True))
        return states

    def _rage(self) -> list[str]:
        begun = time.monotonic()
        submitted = done = 0
        next_fault_at = begun + 1.0
        next_look_at = begun
        while done < self._count and time.monotonic() - begun < self._limit_seconds:
            now = time.monotonic()
            due = [what for when, what in self._later if when <= now]
            self._later = [(when, what) for when, what in self._later if when > now]
            for what in due:
                what()
            wanted = min(int(self._count * (now - begun) / SUBMITTING_SECONDS) + 1, self._count)
            self._submit(wanted - submitted)
            submitted = wanted
            if now >= next_fault_at and done < CALM_AFTER * self._count:
                self._break_something()
                next_fault_at = now + self._chance.uniform(*PAUSE_SECONDS)
            self._revive()
            if now >= next_look_at:
                states = self._states()
                done = sum(states[state] for state in FINAL_STATES)
                next_look_at = now + 0.5
            time.sleep(0.02)
        took = time.monotonic() - begun
        self._calm_down()
        return self._judge(took)

    def _calm_down(self) -> None:
        """Let what is still under way arrive: zombies, duplicates, messages of finished jobs."""
        for _, what in self._later:
            what()
        self._later.clear()
        self._world.sqs.clear()
        self._world.database.clear()
        end = time.monotonic() + MOVING_AFTER_SECONDS
        while time.monotonic() < end and any(self._world.left(tier) for tier in Tier):
            self._revive()
            time.sleep(0.1)

    def _judge(self, took: float) -> list[str]:
        states, attempts, effects, expected = Counter[str](), 0, Counter[str](), set[str]()
        strange: list[str] = []
        for tenant in self._tenants:
            with acting_for(tenant), transaction.atomic():
                for job in Job.objects.all():
                    states[job.state] += 1
                    attempts += job.attempt
                    is_crash = job.kind == "faults.crash"
                    if job.state != (JobState.FAILED if is_crash else JobState.SUCCEEDED):
                        strange.append(f"job {job.pk} ({job.kind}) is {job.state} {job.error_code}")
                    if not is_crash:
                        expected.add(str(job.pk))
                effects.update(Student.objects.values_list("name", flat=True))
        messages = self._world.sqs.messages
        rows = [
            *((name, count) for name, count in sorted(self._faults.items())),
            ("batches sent to SQS twice", self._world.sqs.met[Fault.TWICE]),
            ("jobs", sum(states.values())),
            ("  succeeded", states[JobState.SUCCEEDED]),
            ("  failed: their child crashes, as it must", states[JobState.FAILED]),
            ("effects", sum(effects.values())),
            ("attempts", attempts),
            ("messages sent", messages["sent"]),
            ("messages delivered", messages["received"]),
            ("deliveries discarded or deferred", messages["received"] - attempts),
            ("messages left in the queues", sum(map(self._world.left, Tier))),
            ("dead letters", sum(len(self._world.dead_letters(tier)) for tier in Tier)),
        ]
        for name, count in rows:
            print(f"{name:44}{count:8}")
        print(f"{'all done after':44}{took:8.1f} s")
        twice = [name for name, count in effects.items() if count > 1]
        lost = expected - effects.keys()
        failures = strange[:20]
        if states.total() != self._count:
            failures.append(f"{states.total()} jobs, not {self._count}")
        if twice:
            failures.append(f"effects more than once: {sorted(twice)[:20]}")
        if lost:
            failures.append(f"effects that never came: {sorted(lost)[:20]}")
        if effects.keys() - expected:
            failures.append("effects of nobody's")
        return failures
