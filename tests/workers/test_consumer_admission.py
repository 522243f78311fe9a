"""Which queue is asked, and for how many: on a simulated clock, with simulated queues."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.admission import (
    HOLD_REDELIVERED_SECONDS,
    HOLD_SECONDS,
    LONG_POLL_SECONDS,
    PROBE_SECONDS,
    Admission,
    Grant,
)
from workers.messages import QueueSpec, ReceivedMessage

BASIC, LITE = QueueSpec("basic", "", 3.0), QueueSpec("lite", "", 1.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def message(queue: QueueSpec, receive_count: int = 1) -> ReceivedMessage:
    return ReceivedMessage(queue, "id", "body", "handle", receive_count, None)


def admission(slots: int, *queues: QueueSpec, clock: Clock | None = None) -> Admission:
    made = Admission(queues or (BASIC, LITE), clock=clock or Clock())
    for _ in range(slots):
        made.add_slot()
    return made


def granted(made: Admission, name: str) -> Grant:
    grant = made.grant(name)
    assert grant is not None
    return grant


def test_no_slot_no_receive() -> None:
    assert admission(0).grant("basic") is None


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_idle_worker_has_a_long_poll_out_on_every_queue(slots: int) -> None:
    made = admission(slots)

    assert granted(made, "basic").wait_seconds == LONG_POLL_SECONDS
    assert granted(made, "lite").wait_seconds == LONG_POLL_SECONDS


def test_one_queue_is_asked_once_at_a_time() -> None:
    made = admission(2)
    granted(made, "basic")

    assert made.grant("basic") is None


def test_idle_queues_are_asked_for_their_part_of_the_slots() -> None:
    made = admission(4)

    assert (granted(made, "basic").max_messages, granted(made, "lite").max_messages) == (3, 1)


def test_no_more_than_ten_are_asked_for() -> None:
    assert granted(admission(40, BASIC), "basic").max_messages == 10


def test_busy_worker_asks_nobody() -> None:
    made = admission(1)
    made.received(granted(made, "basic"), [message(BASIC)])
    assert made.take() is not None

    assert made.grant("basic") is None
    assert made.grant("lite") is None


def test_held_message_keeps_its_slot_from_further_receives() -> None:
    made = admission(1, BASIC)
    made.received(granted(made, "basic"), [message(BASIC)])

    assert made.grant("basic") is None


def test_while_a_rival_has_work_an_empty_queue_is_asked_briefly_and_seldom() -> None:
    clock = Clock()
    made = admission(2, clock=clock)
    made.received(granted(made, "basic"), [])
    made.received(granted(made, "lite"), [message(LITE)])
    assert made.take() is not None

    assert made.grant("basic") is None
    assert made.retry_seconds("basic") == pytest.approx(PROBE_SECONDS)
    clock.now += PROBE_SECONDS
    probe = granted(made, "basic")
    assert probe.wait_seconds == 0
    assert made.grant("lite") is None, "the free slot is kept for what the probe may bring"
    made.received(probe, [])
    assert granted(made, "lite").max_messages == 1


def test_queue_that_does_not_answer_holds_no_slot_back() -> None:
    made = admission(1)
    made.received(granted(made, "lite"), [message(LITE)])
    taken = made.take()
    assert taken is not None
    made.finished(taken[1], 1.0)
    made.failed(granted(made, "basic"))

    assert made.grant("lite") is not None


def test_message_beyond_the_slots_is_handed_back_soon() -> None:
    clock = Clock()
    made = admission(1, clock=clock)
    basic, lite = granted(made, "basic"), granted(made, "lite")
    made.received(basic, [message(BASIC)])
    assert made.take() is not None
    made.received(lite, [message(LITE), message(LITE, receive_count=3)])

    assert made.take_overdue() == []
    clock.now += HOLD_SECONDS
    assert [item.receive_count for item in made.take_overdue()] == [1]
    clock.now += HOLD_REDELIVERED_SECONDS
    assert [item.receive_count for item in made.take_overdue()] == [3]
    assert made.held_messages == 0


def test_short_jobs_are_fetched_ahead_and_long_ones_are_not() -> None:
    made = admission(1, BASIC)
    for seconds, ahead in ((0.01, 10), (2.0, 0)):
        for _ in range(8):
            made.received(granted(made, "basic"), [message(BASIC)])
            taken = made.take()
            assert taken is not None
            made.finished(taken[1], seconds)
        made.received(granted(made, "basic"), [message(BASIC)])
        assert made.take() is not None
        grant = made.grant("basic")
        assert (grant.max_messages if grant else 0) == ahead
        made = admission(1, BASIC)


# --- the same over time ------------------------------------------------------------------------------------------
@dataclass
class Simulation:
    """Slots, pollers and queues on one clock. A receive takes `latency` seconds beyond its wait."""

    slots: int
    service: Callable[[str], float]
    arrivals: list[tuple[float, str]]
    latency: float = 0.01
    clock: Clock = field(default_factory=Clock)
    starts: list[tuple[float, str]] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    handed_back: int = 0
    calls: int = 0
    idle_seconds: float = 0.0
    longest_idle: float = 0.0

    def run(self, until: float) -> None:
        made = admission(self.slots, clock=self.clock)
        end = self.clock.now + until
        depth: Counter[str] = Counter()
        waiting: dict[str, tuple[Grant, float]] = {}
        order = itertools.count()
        events: list[tuple[float, int, Callable[[], None]]] = []
        busy = 0

        def at(when: float, what: Callable[[], None]) -> None:
            heapq.heappush(events, (when, next(order), what))

        def arrive(name: str) -> None:
            depth[name] += 1
            if name in waiting:
                answer(waiting[name][0])

        def answer(grant: Grant) -> None:
            name = grant.queue.name
            waiting.pop(name, None)
            count = min(depth[name], grant.max_messages)
            depth[name] -= count
            at(self.clock.now + self.latency, lambda: made.received(grant, [message(grant.queue)] * count))

        def ask(grant: Grant) -> None:
            name = grant.queue.name
            if depth[name] or not grant.is_long:
                answer(grant)
                return
            waiting[name] = (grant, self.clock.now)
            asked = self.clock.now
            at(asked + grant.wait_seconds, lambda: give_up(grant, asked))

        def give_up(grant: Grant, asked: float) -> None:
            if waiting.get(grant.queue.name) == (grant, asked):
                answer(grant)

        def finish(turn: object, seconds: float, name: str) -> None:
            nonlocal busy
            busy -= 1
            self.served[name] += seconds  # type: ignore[assignment] # a Counter of seconds
            made.finished(turn, seconds)  # type: ignore[arg-type] # the turn that take() gave

        for when, name in self.arrivals:
            at(self.clock.now + when, lambda name=name: arrive(name))  # type: ignore[misc]
        idle_since: float | None = None
        while events and self.clock.now < end:
            now, _, what = heapq.heappop(events)
            if idle_since is not None:
                self.longest_idle = max(self.longest_idle, now - idle_since)
            self.clock.now = now
            what()
            for overdue in made.take_overdue():
                self.handed_back += 1
                depth[overdue.queue.name] += 1
            while (taken := made.take()) is not None:
                name, seconds = taken[0].queue.name, self.service(taken[0].queue.name)
                busy += 1
                self.starts.append((now, name))
                at(now + seconds, lambda turn=taken[1], seconds=seconds, name=name: finish(turn, seconds, name))  # type: ignore[misc]
            for name in ("basic", "lite"):
                if (grant := made.grant(name)) is not None:
                    self.calls += 1
                    ask(grant)
                elif (retry := made.retry_seconds(name)) is not None:
                    at(now + retry + 1e-6, lambda: None)
            has_idle_slot_and_work = busy < self.slots and sum(depth.values()) > 0
            if not has_idle_slot_and_work:
                idle_since = None
            elif idle_since is None:
                idle_since = now


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_both_backlogged_share_three_to_one_by_service_time(slots: int) -> None:
    chance = random.Random(slots)
    world = Simulation(slots, lambda _: chance.uniform(0.5, 3), [(0.0, name) for name in ("basic", "lite")] * 2000)

    world.run(until=1.75 * 400 / slots)

    assert len(world.starts) == pytest.approx(400, abs=40)
    assert world.served["basic"] / sum(world.served.values()) == pytest.approx(0.75, abs=0.02)
    assert world.handed_back <= slots
    assert world.longest_idle <= 1


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_short_jobs_cost_a_sixth_of_a_call_to_receive(slots: int) -> None:
    world = Simulation(slots, lambda _: 0.02, [(0.0, name) for name in ("basic", "lite")] * 2000)

    world.run(until=10)

    assert len(world.starts) > 400 * slots
    assert world.calls / len(world.starts) <= 0.17
    assert world.served["basic"] / sum(world.served.values()) == pytest.approx(0.75, abs=0.05)


@settings(max_examples=60, deadline=None)
@given(
    slots=st.integers(1, 6),
    seed=st.integers(0, 2**32),
    rates=st.tuples(st.floats(0, 4), st.floats(0, 4)),
    longest=st.floats(0.01, 5),
)
def test_no_slot_idles_a_second_while_a_queue_has_work(
    slots: int, seed: int, rates: tuple[float, float], longest: float
) -> None:
    chance = random.Random(seed)
    arrivals = []
    for name, rate in zip(("basic", "lite"), rates, strict=True):
        when = 0.0
        while rate > 0.01 and (when := when + chance.expovariate(rate)) < 60:
            arrivals += [(when, name)] * chance.choice([1, 1, 1, 20])

    world = Simulation(slots, lambda _: chance.uniform(longest / 10, longest), arrivals)
    world.run(until=120)

    assert world.longest_idle <= 1


def test_lite_starts_at_once_when_basic_is_empty() -> None:
    world = Simulation(2, lambda _: 1.0, [(45.0, "lite")])

    world.run(until=60)

    assert world.starts[0][0] - 145 < 0.1


def test_lite_keeps_all_slots_while_basic_is_empty() -> None:
    world = Simulation(1, lambda _: 1.0, [(0.0, "lite")] * 600)

    world.run(until=600)

    assert len(world.starts) > 570


def test_basic_that_comes_while_lite_fills_the_slots_starts_after_one_job() -> None:
    world = Simulation(2, lambda _: 2.0, [(0.0, "lite")] * 100 + [(30.5, "basic")])

    world.run(until=60)

    basic = next(when for when, name in world.starts if name == "basic")
    assert basic - 130.5 <= 2.0 + 0.5 + 0.1
