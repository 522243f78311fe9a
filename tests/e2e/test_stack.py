"""The whole stack as `make dev` starts it: real processes, real queues, and a worker that dies in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.demo.__main__ import PASSWORD, Academy, create_academy
from infra.demo.client import File, StaffClient
from infra.demo.paper import FLAT, PDF, PHONE, Sheet, as_one_pdf, make_sheets
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.supervisor import Stack
from sheets.layout import design_layout
from tests.collector import Collected, collecting

STATE = Path(__file__).resolve().parents[2] / "build" / "e2e-stack"
ACADEMY = Academy("hana", "하나수학학원", "010-1234-5678", "쪽지시험반", "박하나", "쪽지시험", 7_000)
QUESTIONS, DIGITS = 20, 6
VISIBILITY_SECONDS = 6
WAIT_SECONDS = 120.0


@pytest.fixture(scope="module")
def collected() -> Iterator[Collected]:
    """What the processes send to a collector of traces, and to Sentry."""
    with collecting() as told:
        yield told


@pytest.fixture(scope="module")
def stack(collected: Collected) -> Iterator[Stack]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch, (STATE / "log").open("w") as log:
        patch.setenv("JOB_VISIBILITY_SECONDS", str(VISIBILITY_SECONDS))
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.otlp_url)
        patch.setenv("OTEL_TRACES_SAMPLER_ARG", "1")
        patch.setenv("SENTRY_DSN", collected.dsn)
        with Stack(STATE, output=Output(log), port=free_port()) as running:
            assert running.wait_for_web()
            yield running


@pytest.fixture
def staff(stack: Stack) -> Iterator[StaffClient]:
    create_academy(stack.environment, ACADEMY)
    with StaffClient(stack.port, "hana.localhost") as client:
        client.log_in(ACADEMY.phone, PASSWORD)
        yield client


def test_a_worker_killed_in_the_middle_of_a_batch_loses_nothing(stack: Stack, staff: StaffClient) -> None:
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=DIGITS)
    exam_id = int(staff.post("/exams", {"title": "쪽지시험", "question_count": QUESTIONS})["id"])
    pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
    sheets = make_sheets(pdf, layout, {FLAT: 10, PHONE: 6}, seed=ACADEMY.seed)
    staff.put(f"/exams/{exam_id}/key", {"answers": {label: ["1"] for label in layout.question_labels}})
    for number in {sheet.truth.student_number for sheet in sheets}:
        if number and "?" not in number:
            staff.post("/students", {"number": number, "name": f"학생 {number}"})
    flat = [sheet for sheet in sheets if sheet.condition == FLAT]
    batches = {staff.hand_in(exam_id, File("묶음.pdf", PDF, as_one_pdf(flat))): flat}
    for sheet in sheets:
        if sheet.condition == PHONE:
            batches[staff.hand_in(exam_id, File("사진.jpg", "image/jpeg", sheet.picture))] = [sheet]

    _wait_until(stack, lambda: _read(staff, exam_id) >= 2)
    worker = stack.pid_of("worker")
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    _wait_until(stack, lambda: _read(staff, exam_id) == len(sheets))

    scans = {(scan["batch"], scan["page_index"]): scan for scan in staff.scans(exam_id)}
    assert len(scans) == len(sheets)
    for batch_id, members in batches.items():
        for index, sheet in enumerate(members):
            scan = scans[batch_id, index]
            assert scan["state"] == "succeeded"
            _assert_as_meant(sheet, staff.get(f"/scans/{scan['id']}"))
    matched = Counter(scan["student"]["number"] for scan in scans.values() if scan["match"] == "matched")
    assert set(matched.values()) == {1}
    results = staff.get(f"/exams/{exam_id}/results")
    assert {row["number"] for row in results} == set(matched)


def test_a_page_watches_its_jobs_at_the_same_origin(stack: Stack, staff: StaffClient) -> None:
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=DIGITS)
    exam_id = int(staff.post("/exams", {"title": "한 장", "question_count": QUESTIONS})["id"])
    sheet = make_sheets(staff.get_bytes(f"/exams/{exam_id}/sheet.pdf"), layout, {PHONE: 1}, seed=ACADEMY.seed)[0]
    staff.put(f"/exams/{exam_id}/key", {"answers": {label: ["1"] for label in layout.question_labels}})
    with staff.stream("/events") as lines:
        assert next(lines).startswith("retry: ")
        staff.hand_in(exam_id, File("사진.jpg", "image/jpeg", sheet.picture))
        seen = [line for line in _until(lines, '"kind":"exams.read_scan","state":"succeeded"') if "data: " in line]
    scan = staff.scans(exam_id)[0]
    assert f'"object":{{"kind":"scan","id":{scan["id"]}}}' in seen[-1]
    assert scan["state"] == "succeeded"


def test_a_hand_in_is_one_trace_through_all_processes(stack: Stack, staff: StaffClient, collected: Collected) -> None:
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=DIGITS)
    exam_id = int(staff.post("/exams", {"title": "한 장", "question_count": QUESTIONS})["id"])
    sheet = make_sheets(staff.get_bytes(f"/exams/{exam_id}/sheet.pdf"), layout, {PHONE: 1}, seed=ACADEMY.seed)[0]
    staff.put(f"/exams/{exam_id}/key", {"answers": {label: ["1"] for label in layout.question_labels}})
    before = {span.trace_id for span in collected.spans}
    staff.hand_in(exam_id, File("표지인물.jpg", "image/jpeg", sheet.picture))

    def told() -> set[str]:
        by_trace: dict[bytes, set[str]] = defaultdict(set)
        for span in collected.spans:
            if span.trace_id not in before:
                by_trace[span.trace_id].add(span.name)
        return next((names for names in by_trace.values() if "POST exam-scans" in names), set())

    whole = {
        *("POST exam-scans", "job.enqueue", "job.send", "job.receive", "job.wait", "job.run"),
        *("storage.read", "sandbox.compute", "storage.write"),
    }
    _wait_until(stack, lambda: told() >= whole)
    assert not any(
        word in collected.text for word in ("표지인물", ACADEMY.phone, ACADEMY.phone.replace("-", ""), PASSWORD)
    )


def _until(lines: Iterator[str], part: str) -> Iterator[str]:
    for line in lines:
        yield line
        if part in line:
            return
    raise AssertionError("the stream ended first")


def _read(staff: StaffClient, exam_id: int) -> int:
    return sum(scan["read_at"] is not None for scan in staff.scans(exam_id))


def _assert_as_meant(sheet: Sheet, scan: Any) -> None:
    for answer in scan["answers"]:
        if answer["status"] != "unsure":
            assert tuple(answer["values"]) == sheet.truth.answers[answer["label"]], answer["label"]
    if scan["match"] != "number_unreadable":
        assert scan["number_read"] == sheet.truth.student_number


def _wait_until(stack: Stack, is_so: Any) -> None:
    """Poll while the supervisor's watch goes on, as it does in service."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, (STATE / "log").read_text()[-3000:]
        stack.revive()
        time.sleep(0.2)
