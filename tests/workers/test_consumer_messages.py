"""What becomes of messages: settled, deferred, kept from others while their job moves, let go when it does not."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from academy.jobs.disposition import Disposition, LeaseLost
from tests.workers.consumer_world import Run, World, done
from workers import acknowledger
from workers.consumer import ConsumerTimes


def test_finished_job_takes_its_message_away() -> None:
    world = World()

    with world.serving():
        world.send("basic", "1", "2", "3")
        world.send("lite", "4")
        world.await_runs(4, ended=True)
        world.await_left("basic", (0, 0))
        world.await_left("lite", (0, 0))

    assert sorted(run.message.body for run in world.runs) == ["1", "2", "3", "4"]
    assert Counter(run.message.queue.name for run in world.runs) == {"basic": 3, "lite": 1}


def test_deferred_message_comes_again_with_a_higher_count() -> None:
    world = World(["basic"])
    world.work = lambda run: Disposition.defer(0) if run.message.receive_count == 1 else done()

    with world.serving():
        world.send("basic", "job")
        world.await_runs(2, ended=True)
        world.await_left("basic", (0, 0))

    assert [run.message.receive_count for run in world.runs] == [1, 2]


def test_message_deferred_for_a_while_stays_away() -> None:
    world = World(["basic"])
    world.work = lambda _: Disposition.defer(600)

    with world.serving():
        world.send("basic", "job")
        world.await_runs(1, ended=True)
        time.sleep(0.5)

    assert len(world.runs) == 1
    assert world.left("basic") == (0, 1)


def test_exception_in_a_job_defers_its_message_and_the_slot_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    world = World(["basic"])

    def work(run: Run) -> Disposition:
        if run.message.body == "bad":
            raise LookupError("a bug")
        return done()

    world.work = work
    with world.serving(slots=1):
        world.send("basic", "bad")
        world.await_runs(1)
        world.send("basic", "good", "better")
        world.await_runs(3, ended=True)
        world.await_left("basic", (0, 1))

    assert "a bug" in caplog.text


def test_group_of_a_message_is_known() -> None:
    world = World(["basic"])

    with world.serving():
        world.send("basic", "job")
        world.await_runs(1)

    message = world.runs[0].message
    assert (message.group_id, message.receive_count, message.queue.name) == (None, 1, "basic")
    assert message.message_id


def test_no_more_messages_are_taken_than_slots_are_free() -> None:
    world = World(["basic"])
    world.work = Run.wait

    with world.serving(slots=2):
        world.send("basic", *map(str, range(10)))
        world.await_runs(2)
        world.await_left("basic", (8, 2))
        world.runs[0].released.set()
        world.await_runs(3)
        world.await_left("basic", (7, 2))


def test_lite_starts_within_a_second_when_basic_is_empty() -> None:
    world = World()

    with world.serving(slots=1, times=ConsumerTimes(long_poll=20)):
        while world.calls["ReceiveMessage"] < 2:
            time.sleep(0.01)
        sent_at = time.monotonic()
        world.send("lite", "job")
        world.await_runs(1)

    assert world.runs[0].started_at - sent_at < 1


def test_lite_is_served_at_full_speed_while_basic_is_empty() -> None:
    world = World()
    world.work = lambda _: time.sleep(0.1) or done()  # type: ignore[func-returns-value] # sleep, then be done
    world.send("lite", *map(str, range(30)))

    with world.serving(slots=1):
        runs = world.await_runs(30, ended=True)

    gaps = [later.started_at - (earlier.ended_at or 0) for earlier, later in itertools.pairwise(runs)]
    assert max(gaps) < 1


def test_basic_that_arrives_while_lite_fills_the_slots_is_noticed() -> None:
    world = World()
    world.work = lambda _: time.sleep(0.2) or done()  # type: ignore[func-returns-value] # sleep, then be done
    world.send("lite", *map(str, range(40)))

    with world.serving(slots=1):
        world.await_runs(3)
        sent_at = time.monotonic()
        world.send("basic", "urgent")
        world.await_left("basic", (0, 0))

    urgent = next(run for run in world.runs if run.message.body == "urgent")
    assert urgent.started_at - sent_at < 2


def test_both_backlogged_share_three_to_one() -> None:
    world = World()
    world.work = lambda _: time.sleep(0.02) or done()  # type: ignore[func-returns-value] # sleep, then be done
    for name in world.queues:
        world.send(name, *map(str, range(120)))

    with world.serving(slots=2):
        runs = world.await_runs(120)[20:120]

    part = Counter(run.message.queue.name for run in runs)["basic"] / 100
    assert part == pytest.approx(0.75, abs=0.08)


def test_short_jobs_cost_few_calls() -> None:
    world = World(["basic"])
    world.send("basic", *map(str, range(150)))
    world.calls.clear()

    with world.serving(slots=2):
        world.await_runs(150, ended=True)
        world.await_left("basic", (0, 0))
        del world.calls["GetQueueAttributes"]

    assert world.calls.total() / 150 <= 0.35, world.calls


# --- heartbeat ---------------------------------------------------------------------------------------------------
QUICK = ConsumerTimes(visibility=2, heartbeat=0.25, long_poll=1, backoff=0.05)


def test_job_that_moves_keeps_its_message_beyond_the_visibility_time_out() -> None:
    world = World(["basic"])
    world.work = Run.wait

    with world.serving(times=QUICK):
        world.send("basic", "long")
        world.await_runs(1)
        time.sleep(2.5)
        world.runs[0].released.set()
        world.await_left("basic", (0, 0))

    assert len(world.runs) == 1
    assert world.runs[0].beats >= 3


def test_job_that_stands_still_is_ended_and_comes_again() -> None:
    world = World(["basic"])
    world.beat = lambda run: run.message.receive_count > 1
    world.work = lambda run: run.wait() if run.message.receive_count == 1 else done()

    with world.serving(slots=1, times=QUICK):
        world.send("basic", "stuck")
        runs = world.await_runs(2, ended=True)
        world.await_left("basic", (0, 0))

    assert runs[0].ended_at is not None
    assert runs[0].ended_at - runs[0].started_at >= 1.9
    assert runs[1].message.receive_count == 2


def test_heartbeat_that_fails_extends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    world = World(["basic"])
    world.work = Run.wait

    def beat(_run: Run) -> bool:
        raise ConnectionError("no database")

    world.beat = beat
    with world.serving(slots=1, times=QUICK):
        world.send("basic", "job")
        world.await_runs(1)
        world.await_runs(2)

    assert "no database" in caplog.text
    assert world.calls["ChangeMessageVisibilityBatch"] <= 1, "only the last one, handed back at the end"


def test_lost_lease_kills_the_job_and_leaves_its_message_alone() -> None:
    world = World(["basic"])
    killed = threading.Event()

    def beat(_run: Run) -> bool:
        raise LeaseLost("overtaken")

    def work(run: Run) -> Disposition:
        run.wait()
        killed.set()
        return done()

    world.beat, world.work = beat, work
    with world.serving(times=ConsumerTimes(heartbeat=0.1)):
        world.send("basic", "job")
        world.await_runs(1)
        assert killed.wait(20)
        world.await_runs(1, ended=True)
        time.sleep(0.3)
        assert world.left("basic") == (0, 1)

    assert world.calls["DeleteMessageBatch"] == 0
    assert world.calls["ChangeMessageVisibilityBatch"] == 0


# --- SQS in trouble ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("operation", ["ReceiveMessage", "DeleteMessageBatch"])
def test_consumer_outlives_an_outage_of_sqs(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acknowledger, "BACKOFF_SECONDS", 0.01)
    world = World(["basic"])
    failures = 3

    def refuse(**_: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise EndpointConnectionError(endpoint_url="sqs")

    world.client.meta.events.register(f"before-call.sqs.{operation}", refuse)
    with world.serving(times=ConsumerTimes(backoff=0.02)):
        world.send("basic", "1", "2")
        world.await_runs(2, ended=True)
        world.await_left("basic", (0, 0))

    assert failures == 0


def test_outage_of_one_queue_does_not_hold_up_the_other() -> None:
    world = World()

    def refuse(params: dict[str, Any], **_: Any) -> None:
        if "/basic-" in str(params):
            raise EndpointConnectionError(endpoint_url="sqs")

    world.client.meta.events.register("before-call.sqs.ReceiveMessage", refuse)
    with world.serving(slots=1):
        world.send("lite", *map(str, range(20)))
        world.await_runs(20, ended=True)


def test_slot_without_a_sandbox_gets_one_later(caplog: pytest.LogCaptureFixture) -> None:
    world = World(["basic"])
    make = world._make_sandbox
    failures = 2

    def fail_first() -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise OSError("no memory")
        return make()

    world._make_sandbox = fail_first  # type: ignore[method-assign] # the test's own
    with world.serving(slots=1, times=ConsumerTimes(backoff=0.02)):
        world.send("basic", "job")
        world.await_runs(1, ended=True)

    assert "no memory" in caplog.text
