"""What a sandboxed call gives back: results, refusals, failures, progress; and that it serves the next job."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from academy.jobs import compute
from workers import progress
from workers.sandbox import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeFailed,
    ComputeRefused,
    JobCancelled,
    JobTimedOut,
    Sandbox,
    SandboxLimits,
    SandboxUnavailable,
)

MODULE = "tests.workers.sandbox_functions"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=[MODULE], allowed=[MODULE], limits=SandboxLimits(frame_bytes=32 * MIB)) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def _serves_the_next_job(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.reset()
    assert sandbox.run(f"{MODULE}:echo", "still here", timeout_seconds=10) == "still here"


def call(sandbox: Sandbox, name: str, *args: object, timeout_seconds: float = 20) -> object:
    return sandbox.run(f"{MODULE}:{name}", *args, timeout_seconds=timeout_seconds)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**40),
        0.1,
        "가나다",
        b"\x00\xff",
        b"x" * (2 * MIB),
        [],
        {"page": [{"words": ["한", 0.5], "picture": b"p" * 1000, "small": b"p"}], "none": None},
    ],
)
def test_value_crosses_both_ways_unchanged(sandbox: Sandbox, value: object) -> None:
    assert call(sandbox, "echo", value) == value


def test_sixteen_mebibytes_cross_both_ways(sandbox: Sandbox) -> None:
    picture = os.urandom(16 * MIB)

    assert call(sandbox, "echo", picture) == picture


def test_arguments_beyond_the_limit_are_refused_before_anything_runs(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="bytes of structure"):
        call(sandbox, "echo", bytes(33 * MIB))


def test_result_that_cannot_cross_is_a_failure(sandbox: Sandbox) -> None:
    with pytest.raises(ComputeFailed, match="object"):
        call(sandbox, "return_an_object")


def test_refusal_keeps_its_kind_reason_and_message(sandbox: Sandbox) -> None:
    with pytest.raises(ComputeRefused) as caught:
        call(sandbox, "refuse", "blurred", "Take the photo again.")

    assert caught.value.kind == f"{MODULE}.UnreadablePage"
    assert (caught.value.reason, caught.value.message) == ("blurred", "Take the photo again.")


def test_failure_brings_its_traceback_without_words(sandbox: Sandbox) -> None:
    with pytest.raises(ComputeFailed, match=r"builtins\.LookupError: no such page") as caught:
        call(sandbox, "fail", "no such page")

    assert "in fail" in caught.value.traceback_text
    assert caught.value.traceback_text.endswith("LookupError")
    assert "no such page" not in caught.value.traceback_text


@pytest.mark.parametrize(
    "function",
    [
        "os:system",
        f"{MODULE}x:echo",
        f"{MODULE}:_hidden",
        f"{MODULE}:os.system",
        MODULE,
        "",
        "builtins:eval",
    ],
)
def test_only_public_functions_of_allowed_modules_may_run(sandbox: Sandbox, function: str) -> None:
    with pytest.raises(ValueError, match="may not run"):
        sandbox.run(function, timeout_seconds=1)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_time_out_must_be_a_number_of_seconds(sandbox: Sandbox, seconds: float) -> None:
    with pytest.raises(ValueError, match="time-out"):
        call(sandbox, "nothing", timeout_seconds=seconds)


def test_segmentation_fault_is_a_crash(sandbox: Sandbox) -> None:
    with pytest.raises(ChildCrashed) as caught:
        call(sandbox, "crash")

    assert caught.value.signal == 11


def test_exit_without_an_answer_is_a_crash(sandbox: Sandbox) -> None:
    with pytest.raises(ChildCrashed, match=r"exited \(3\)"):
        call(sandbox, "exit_silently")


def test_a_crash_is_told_by_a_process_with_many_files(sandbox: Sandbox) -> None:
    """Descriptors from 1024 on, which select() refuses."""
    with ExitStack() as opened:
        for _ in range(1024):
            opened.enter_context(Path(os.devnull).open("rb"))

        with pytest.raises(ChildCrashed, match=r"exited \(3\)"):
            call(sandbox, "exit_silently")


def test_kill_from_outside_counts_as_out_of_memory(sandbox: Sandbox) -> None:
    with pytest.raises(ChildOutOfMemory):
        call(sandbox, "kill_myself")


def test_wall_clock_ends_a_job_that_sleeps(sandbox: Sandbox) -> None:
    began = time.monotonic()

    with pytest.raises(JobTimedOut) as caught:
        call(sandbox, "sleep", 60, timeout_seconds=0.2)

    assert caught.value.clock == "wall-clock"
    assert time.monotonic() - began < 30


def test_wall_clock_ends_a_job_that_reads_no_arguments(sandbox: Sandbox) -> None:
    with pytest.raises(JobTimedOut):
        call(sandbox, "echo", bytes(31 * MIB), timeout_seconds=0.001)


def test_errors_are_those_that_the_jobs_app_knows() -> None:
    assert issubclass(JobTimedOut, compute.JobTimedOut)
    assert issubclass(ChildCrashed, compute.ChildCrashed)
    assert issubclass(ChildOutOfMemory, compute.ChildOutOfMemory)
    assert (ComputeRefused, ComputeFailed, JobCancelled) == (
        compute.ComputeRefused,
        compute.ComputeFailed,
        compute.JobCancelled,
    )


def test_progress_arrives_in_order(sandbox: Sandbox) -> None:
    fractions: list[float] = []

    sandbox.run(f"{MODULE}:spin_and_report", 4, 0.12, timeout_seconds=20, on_progress=fractions.append)

    assert fractions
    assert fractions == sorted(fractions)
    assert set(fractions) <= {0.25, 0.5, 0.75, 1.0}


def test_report_outside_a_child_goes_nowhere() -> None:
    progress.report(0.5)


def test_progress_that_cannot_be_recorded_ends_the_job(sandbox: Sandbox) -> None:
    def fail(_fraction: float) -> None:
        raise ConnectionError("no database")

    with pytest.raises(ConnectionError):
        sandbox.run(f"{MODULE}:spin_and_report", 400, 0.1, timeout_seconds=60, on_progress=fail)


def test_nothing_of_a_job_is_left_for_the_next(sandbox: Sandbox) -> None:
    assert call(sandbox, "remember", "a pupil's name") is None
    assert call(sandbox, "remember", "another") is None


def test_kill_ends_the_running_job_at_once(sandbox: Sandbox) -> None:
    began = time.monotonic()

    def kill(_fraction: float) -> None:
        threading.Thread(target=sandbox.kill).start()

    with pytest.raises(JobCancelled):
        sandbox.run(f"{MODULE}:spin_and_report", 1000, 0.05, timeout_seconds=60, on_progress=kill)
    assert time.monotonic() - began < 30


def test_kill_between_two_jobs_ends_the_next_one_only(sandbox: Sandbox) -> None:
    sandbox.kill()
    sandbox.kill()

    with pytest.raises(JobCancelled):
        call(sandbox, "nothing")
    assert call(sandbox, "echo", 1) == 1


def test_reset_forgets_a_kill_that_found_no_job(sandbox: Sandbox) -> None:
    sandbox.kill()
    sandbox.reset()

    assert call(sandbox, "echo", 1) == 1


def while_running(sandbox: Sandbox, name: str, *args: object, look: Callable[[], object]) -> object:
    """What `look` gives while the function runs, called once it is under way."""

    def run() -> None:
        with pytest.raises(JobCancelled):
            call(sandbox, name, *args, timeout_seconds=60)

    thread = threading.Thread(target=run)
    thread.start()
    while sandbox._child is None:
        time.sleep(0.005)
    try:
        return look()
    finally:
        sandbox.kill()
        thread.join()


def wait_for_change(sandbox: Sandbox, seconds: float) -> bool:
    first = sandbox.progress_token()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sandbox.progress_token() != first:
            return True
        time.sleep(0.02)
    return False


def test_progress_token_moves_while_the_child_works(sandbox: Sandbox) -> None:
    assert while_running(sandbox, "spin", 60.0, look=lambda: wait_for_change(sandbox, 10))


def test_progress_token_stands_still_while_the_child_does(sandbox: Sandbox) -> None:
    def look() -> bool:
        wait_for_change(sandbox, 0.3)
        return wait_for_change(sandbox, 0.3)

    assert not while_running(sandbox, "sleep", 60.0, look=look)


def test_cpu_time_of_past_jobs_is_kept(sandbox: Sandbox) -> None:
    before = sandbox.cpu_seconds()

    call(sandbox, "spin", 0.1)

    assert 0.1 <= sandbox.cpu_seconds() - before < 30


def test_dead_zygote_is_replaced(sandbox: Sandbox) -> None:
    assert sandbox._zygote is not None
    sandbox._zygote._process.kill()
    sandbox._zygote._process.wait()

    assert call(sandbox, "echo", 1) == 1


def test_files_put_into_the_scratch_folder_are_there_for_the_child(sandbox: Sandbox) -> None:
    (sandbox.scratch / "lecture.mp4").write_bytes(b"moving pictures")

    assert call(sandbox, "read_file", "lecture.mp4") == b"moving pictures"


def test_input_file_is_there_for_the_child_and_gone_after_the_block(sandbox: Sandbox) -> None:
    with sandbox.input_file("lecture.mp4") as (path, file):
        file.write(b"moving pictures")
        file.close()
        for _ in range(2):
            assert sandbox.run(f"{MODULE}:read_file", path, timeout_seconds=10) == b"moving pictures"
        with pytest.raises(FileExistsError), sandbox.input_file("lecture.mp4"):
            pass
    with pytest.raises(ComputeFailed, match="FileNotFoundError"):
        sandbox.run(f"{MODULE}:read_file", path, timeout_seconds=10)


def test_input_file_survives_a_new_zygote_and_is_gone_after_reset(sandbox: Sandbox) -> None:
    with sandbox.input_file("a") as (path, file):
        file.write(b"x")
        file.close()
        assert sandbox._zygote is not None
        sandbox._zygote._process.kill()
        sandbox._zygote._process.wait()
        assert sandbox.run(f"{MODULE}:read_file", path, timeout_seconds=20) == b"x"
        sandbox.reset()
        assert not Path(path).exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../a", "a/b", "A", ".hidden", "a\0b", "a" * 65])
def test_what_is_no_name_of_an_input_is_refused(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ValueError, match="no name"), sandbox.input_file(name):
        pass


def test_files_that_the_child_leaves_can_be_opened_until_reset(sandbox: Sandbox) -> None:
    call(sandbox, "write_file", "poster.jpg", 1)

    with sandbox.open_output("poster.jpg") as file:
        assert len(file.read()) == MIB
    sandbox.reset()
    assert list(sandbox.scratch.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        sandbox.open_output("poster.jpg")


@pytest.mark.parametrize("name", ["link", "../secret", "", ".", "folder"])
def test_link_left_by_the_child_is_not_followed(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("credentials")
    call(sandbox, "make_link", str(secret), "link")
    (sandbox.scratch / "folder").mkdir()

    with pytest.raises(PermissionError):
        sandbox.open_output(name)


def test_two_hundred_jobs_leave_no_descriptor_process_or_file() -> None:
    with Sandbox(preload=[MODULE], allowed=[MODULE]) as sandbox:
        folder = sandbox.scratch.parent
        call(sandbox, "nothing")
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(200):
            if number % 20:
                assert call(sandbox, "echo", number) == number
            else:
                with pytest.raises(ChildCrashed):
                    call(sandbox, "crash")
        # Other tests' servers in this process open and close some meanwhile; a leak would be of hundreds.
        assert len(list(Path("/proc/self/fd").iterdir())) < before + 10
        assert sandbox._zygote is not None
        process = sandbox._zygote._process
    assert process.poll() is not None
    assert not folder.exists()


def test_closed_sandbox_says_so() -> None:
    sandbox = Sandbox(preload=[MODULE], allowed=[MODULE])
    sandbox.close()
    sandbox.close()
    sandbox.kill()

    with pytest.raises(SandboxUnavailable):
        call(sandbox, "nothing")


def test_module_that_cannot_be_loaded_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SandboxUnavailable, match="ModuleNotFoundError"):
        Sandbox(preload=["no.such.module"], allowed=[MODULE])
    assert "no.such.module" not in capfd.readouterr().out


def test_unlimited_is_no_limit() -> None:
    with pytest.raises(ValueError, match="memory_bytes"):
        SandboxLimits(memory_bytes=-1)
