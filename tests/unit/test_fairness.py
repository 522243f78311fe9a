"""Shares by service time, against the bounds of start-time fair queueing."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.fairness import FIRST_ESTIMATE_SECONDS, FairShare, Turn

WEIGHTS = {"basic": 3.0, "lite": 1.0}
Lengths = Callable[[str], float]


def serve(share: FairShare, slots: int, jobs: int, length: Lengths, waiting: tuple[str, ...]) -> dict[str, list[float]]:
    """Run `jobs` jobs with every queue of `waiting` backlogged; give the lengths in order of their starts."""
    served: dict[str, list[float]] = {queue: [] for queue in waiting}
    running: list[tuple[float, int, Turn, float]] = []
    now = 0.0
    for number in range(jobs):
        if len(running) == slots:
            now, _, turn, seconds = heapq.heappop(running)
            share.finish(turn, seconds)
        turn = share.start(share.choose(waiting))
        seconds = length(turn.queue)
        served[turn.queue].append(seconds)
        heapq.heappush(running, (now + seconds, number, turn, seconds))
    while running:
        _, _, turn, seconds = heapq.heappop(running)
        share.finish(turn, seconds)
    return served


@given(
    slots=st.integers(1, 16),
    longest=st.floats(0.05, 60),
    jobs=st.integers(1, 400),
    seed=st.integers(0, 2**32),
    weights=st.tuples(st.floats(0.5, 10), st.floats(0.5, 10)),
)
def test_two_backlogged_queues_never_part_by_more_than_the_bound(
    slots: int, longest: float, jobs: int, seed: int, weights: tuple[float, float]
) -> None:
    chance = random.Random(seed)
    share = FairShare({"a": weights[0], "b": weights[1]})
    bound = (slots + 1) * max(longest, FIRST_ESTIMATE_SECONDS) * (1 / weights[0] + 1 / weights[1])

    served = serve(share, slots, jobs, lambda _: chance.uniform(longest / 100, longest), ("a", "b"))

    assert abs(sum(served["a"]) / weights[0] - sum(served["b"]) / weights[1]) <= bound + 1e-6


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_basic_gets_three_quarters_of_the_service_time_of_400_starts(slots: int) -> None:
    chance = random.Random(7)

    served = serve(FairShare(WEIGHTS), slots, 400, lambda _: chance.uniform(0.5, 3), ("basic", "lite"))

    part = sum(served["basic"]) / (sum(served["basic"]) + sum(served["lite"]))
    assert part == pytest.approx(0.75, abs=0.02)


def test_share_is_of_time_and_not_of_starts() -> None:
    served = serve(FairShare(WEIGHTS), 2, 2000, lambda queue: 4.0 if queue == "lite" else 0.5, ("basic", "lite"))

    part = sum(served["basic"]) / (sum(served["basic"]) + sum(served["lite"]))
    assert part == pytest.approx(0.75, abs=0.02)
    assert len(served["basic"]) > 20 * len(served["lite"])


def test_alone_a_queue_gets_every_slot() -> None:
    share = FairShare(WEIGHTS)

    assert len(serve(share, 2, 50, lambda _: 1.0, ("lite",))["lite"]) == 50


def test_idle_queue_saves_nothing_up() -> None:
    share = FairShare(WEIGHTS)
    share.rest("basic")
    serve(share, 1, 1000, lambda _: 1.0, ("lite",))

    served = serve(share, 1, 8, lambda _: 1.0, ("basic", "lite"))

    assert len(served["lite"]) >= 1


def test_idle_queue_owes_nothing_either() -> None:
    share = FairShare(WEIGHTS)
    serve(share, 1, 1000, lambda _: 1.0, ("lite",))
    share.rest("lite")
    serve(share, 1, 3000, lambda _: 1.0, ("basic",))

    served = serve(share, 1, 8, lambda _: 1.0, ("basic", "lite"))

    assert len(served["lite"]) >= 1


def test_many_free_slots_are_planned_by_weight() -> None:
    share = FairShare(WEIGHTS)

    assert share.plan(("basic", "lite"), 8) == {"basic": 6, "lite": 2}
    assert share.plan(("lite",), 8) == {"lite": 8}
    assert share.plan((), 8) == {}


def test_first_of_equals_is_the_heavier_queue() -> None:
    assert FairShare(WEIGHTS).choose(("lite", "basic")) == "basic"


@given(estimates=st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_wrong_estimates_are_corrected(estimates: list[float]) -> None:
    share = FairShare({"only": 1.0, "other": 1.0})
    for seconds in estimates:
        share.finish(share.start("only"), seconds)

    assert share.plan(("only", "other"), 1) == {"only": 0, "other": 1}


@pytest.mark.parametrize("weights", [{}, {"basic": 0.0}, {"basic": 3.0, "lite": -1.0}])
def test_weight_of_nothing_is_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        FairShare(weights)
