"""The way of one hand-in, in one process: API, S3, dispatcher, SQS, runner, real sandbox, and back to the API."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pikepdf
import pytest
from django.test import Client
from PIL import Image

from academy.jobs.dispatcher import connect, dispatch_once
from academy.jobs.queues import Tier, queue_url, sqs_client
from academy.jobs.runner import JobRun
from infra.demo.paper import FLAT, PDF, PHONE, PHONE_HEIC, SCAN_300, Sheet, as_one_pdf, make_sheet
from sheets.layout import Layout, design_layout
from tests.factories import World, client_of, make_student
from workers.sandbox import Sandbox

QUESTIONS, DIGITS = 20, 6
JPEG, PNG, HEIC = "image/jpeg", "image/png", "image/heic"
OTHER_MAKERS = Path(__file__).resolve().parents[3] / "shared" / "data" / "omr_templates"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=["workers.compute"], allowed=["workers.compute"]) as warm:
        yield warm


@pytest.fixture
def teacher(committed_world: World, aws: None) -> Client:
    return client_of(committed_world.hana.teacher)


@pytest.fixture(scope="module")
def layout() -> Layout:
    return design_layout(question_count=QUESTIONS, number_digits=DIGITS)


def post(client: Client, path: str, body: Any, expect: int) -> Any:
    answer = client.post(f"/api/v1{path}", body, content_type="application/json")
    assert answer.status_code == expect, answer.content
    return answer.json()


def get(client: Client, path: str) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def upload(client: Client, data: bytes, content_type: str, name: str = "답안지") -> int:
    form = post(client, "/uploads", {"file_name": name, "content_type": content_type}, 201)
    sent = httpx.post(form["url"], data=form["fields"], files={"file": (name, data)})
    assert sent.is_success, sent.text
    return int(form["id"])


def hand_in(client: Client, exam_id: int, data: bytes, content_type: str) -> int:
    body = {"upload": upload(client, data, content_type)}
    return int(post(client, f"/exams/{exam_id}/scans", body, 202)["id"])


def new_exam(client: Client) -> tuple[int, bytes]:
    exam_id = int(post(client, "/exams", {"title": "쪽지시험", "question_count": QUESTIONS}, 201)["id"])
    return exam_id, client.get(f"/api/v1/exams/{exam_id}/sheet.pdf").content


def work(sandbox: Sandbox) -> None:
    """Dispatch and run until nothing is left to do."""
    client, url = sqs_client(), queue_url(Tier.BASIC)
    with contextlib.closing(connect()) as connection:
        while True:
            sent = dispatch_once(connection)
            messages = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
                "Messages", []
            )
            if not sent and not messages:
                return
            for message in messages:
                sandbox.reset()
                disposition = JobRun(message["Body"], 1, sandbox).run()
                assert disposition.is_delete
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def assert_read_as_meant(sheet: Sheet, scan: Any) -> None:
    assert scan["state"] == "succeeded", scan["error_message"]
    assert scan["is_sheet_confirmed"]
    for answer in scan["answers"]:
        if answer["status"] != "unsure":
            assert tuple(answer["values"]) == sheet.truth.answers[answer["label"]], answer["label"]
    assert sum(answer["status"] == "unsure" for answer in scan["answers"]) <= 2
    if "?" not in (sheet.truth.student_number or ""):
        assert scan["number_read"] == sheet.truth.student_number


@pytest.mark.parametrize(("kind", "content_type"), [(PHONE, JPEG), (PHONE_HEIC, HEIC), (SCAN_300, JPEG), (FLAT, PNG)])
def test_a_picture_comes_back_as_answers_and_an_overlay(
    kind: str, content_type: str, teacher: Client, layout: Layout, sandbox: Sandbox, committed_world: World
) -> None:
    exam_id, pdf = new_exam(teacher)
    sheet = make_sheet(pdf, layout, kind, seed=31)
    picture = sheet.picture
    if content_type == PNG:
        target = io.BytesIO()
        Image.open(io.BytesIO(picture)).save(target, "PNG")
        picture = target.getvalue()
    number = sheet.truth.student_number
    assert number is not None
    assert "?" not in number
    with committed_world.hana.acting():
        make_student(number)
    with committed_world.duri.acting():
        make_student(number)  # a look-alike in the other academy
    hand_in(teacher, exam_id, picture, content_type)
    work(sandbox)
    (row,) = get(teacher, f"/exams/{exam_id}/scans")["results"]
    scan = get(teacher, f"/scans/{row['id']}")
    assert_read_as_meant(sheet, scan)
    assert scan["match"] == "matched"
    assert scan["student"]["number"] == number
    overlay = httpx.get(scan["overlay_url"]).content
    drawn = cv2.imdecode(np.frombuffer(overlay, np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert min(drawn.shape[:2]) > 700


def test_a_pdf_of_many_pages_becomes_a_scan_a_page_each_read_once(
    teacher: Client, layout: Layout, sandbox: Sandbox
) -> None:
    exam_id, pdf = new_exam(teacher)
    sheets = [make_sheet(pdf, layout, FLAT, seed=seed) for seed in range(40, 43)]
    upright = cv2.imdecode(np.frombuffer(sheets[1].picture, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert upright is not None
    upside_down = cv2.rotate(upright, cv2.ROTATE_180)
    sheets[1] = Sheet(FLAT, cv2.imencode(".jpg", upside_down)[1].tobytes(), sheets[1].truth)
    batch_id = hand_in(teacher, exam_id, as_one_pdf(sheets), PDF)
    work(sandbox)
    batch = get(teacher, f"/batches/{batch_id}")
    assert (batch["page_count"], batch["read"], batch["failed"], batch["is_finished"]) == (3, 3, 0, True)
    scans = sorted(get(teacher, f"/exams/{exam_id}/scans")["results"], key=lambda scan: scan["page_index"])
    for sheet, scan in zip(sheets, scans, strict=True):
        assert_read_as_meant(sheet, get(teacher, f"/scans/{scan['id']}"))


def huge_png() -> bytes:
    """30,000 x 30,000 pixels in about 110 KB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * (30_000 * (30_000 // 8 + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def locked_pdf() -> bytes:
    target = io.BytesIO()
    pdf = pikepdf.new()
    pdf.add_blank_page()
    pdf.save(target, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    return target.getvalue()


def test_what_cannot_be_read_fails_with_its_reason_and_the_next_file_is_served(
    teacher: Client, layout: Layout, sandbox: Sandbox, committed_world: World
) -> None:
    exam_id, pdf = new_exam(teacher)
    good = make_sheet(pdf, layout, PHONE, seed=31)
    _, other_pdf = new_exam(client_of(committed_world.duri.teacher))
    flat = cv2.imencode(".jpg", np.full((1600, 1200), 128, np.uint8))[1].tobytes()
    broken = [
        (b"no picture at all " * 50, JPEG, "not_a_picture"),
        (huge_png(), PNG, "too_large"),
        (good.picture[: len(good.picture) // 2], JPEG, "truncated"),
        (locked_pdf(), PDF, "encrypted"),
        (make_sheet(other_pdf, layout, FLAT, seed=31).picture, JPEG, "other_sheet"),
        (flat, JPEG, "no_sheet"),
    ]
    batches = [hand_in(teacher, exam_id, data, content_type) for data, content_type, _ in broken]
    last = hand_in(teacher, exam_id, good.picture, JPEG)
    work(sandbox)
    for batch_id, (_, _, code) in zip(batches, broken, strict=True):
        batch = get(teacher, f"/batches/{batch_id}")
        assert [failure["code"] for failure in batch["failures"]] == [code]
        assert batch["is_finished"]
        assert len(batch["failures"][0]["message"]) > 20
    assert get(teacher, f"/batches/{last}")["read"] == 1


@pytest.mark.skipif(not OTHER_MAKERS.is_dir(), reason="the other makers' sheets are not here")
def test_another_makers_sheet_travels_the_whole_way(teacher: Client, sandbox: Sandbox, committed_world: World) -> None:
    folder = OTHER_MAKERS / "sample1"
    body = {
        "title": "OMRChecker 표본",
        "template_upload": upload(teacher, (folder / "template.json").read_bytes(), "application/json"),
        "asset_uploads": {"omr_marker.jpg": upload(teacher, (folder / "omr_marker.jpg").read_bytes(), JPEG)},
        "number_label": "Roll",
    }
    exam = post(teacher, "/exams/on-template", body, 201)
    with committed_world.hana.acting():
        make_student("E503110026")
    hand_in(teacher, exam["id"], (folder / "MobileCamera" / "sheet1.jpg").read_bytes(), JPEG)
    work(sandbox)
    (row,) = get(teacher, f"/exams/{exam['id']}/scans")["results"]
    scan = get(teacher, f"/scans/{row['id']}")
    assert (scan["state"], scan["match"]) == ("succeeded", "matched"), scan["error_message"]
    expected = json.loads((OTHER_MAKERS / "expected.json").read_text())["sample1/MobileCamera/sheet1.jpg"]
    read = {answer["label"]: "".join(answer["values"]) for answer in scan["answers"]}
    assert read == {label: value for label, value in expected.items() if label in read}
    assert set(read) | {"Roll"} == set(expected) | {"Roll"}
