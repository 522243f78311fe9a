"""A sheet of another maker, from its blank to its readings: sent and drawn over at the desk, filled, photographed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from django.test import Client
from numpy.typing import NDArray

from apps.exams.models import BlankSheet, Exam
from tests.factories import World, client_of, make_student
from tests.vision.foreign_sheet import QUESTIONS, SUM_QUESTION, draw_sheet, drawn_blocks
from tests.vision.printed_template import photographed
from tests.workers.test_whole_way import JPEG, get, hand_in, upload, work
from workers.sandbox import Sandbox

NUMBER = "240117"
ANSWERS = {number: (number * 3) % 5 + 1 for number in range(1, QUESTIONS + 1)}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(preload=["workers.compute"], allowed=["workers.compute"]) as warm:
        yield warm


@pytest.fixture
def teacher(committed_world: World, aws: None) -> Client:
    return client_of(committed_world.hana.teacher)


def jpeg(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()


def add_blank(client: Client, sandbox: Sandbox, world: World, data: bytes) -> BlankSheet:
    sent = json.dumps([{"name": "빈 답안지.jpg", "id": upload(client, data, JPEG)}])
    answer = client.post("/admin/exams/blanksheet/add/", {"title": "모의고사 답안지", "uploads": sent})
    assert answer.status_code == 302
    assert "잠시 후 그림이" in client.get(answer["Location"]).content.decode()
    work(sandbox)
    with world.hana.acting():
        return BlankSheet.objects.order_by("-pk")[0]


def make_exam(client: Client, world: World, blank: BlankSheet, blocks: list[dict[str, Any]]) -> Exam:
    form = {"title": "3월 모의고사", "blocks": json.dumps(blocks)}
    answer = client.post(f"/admin/exams/blanksheet/{blank.pk}/", form)
    assert answer.status_code == 302, answer.content.decode()
    with world.hana.acting():
        return Exam.objects.select_related("layout").order_by("-pk")[0]


def all_are_found(blocks: list[dict[str, Any]], found: list[list[float]]) -> bool:
    """Whether the machine saw every bubble of ``blocks``, and little else."""
    meant = [
        (x, y)
        for block in blocks
        for x in np.linspace(block["x1"], block["x2"], block["columns"])
        for y in np.linspace(block["y1"], block["y2"], block["rows"])
    ]
    distances = np.hypot(*(np.array(meant)[:, None] - np.array(found)[None, :, :2]).T)
    return bool((distances.min(axis=0) < 4).all()) and len(found) < 1.1 * len(meant)


@pytest.mark.parametrize("blank_is", ["scanned", "photographed"])
def test_a_sheet_drawn_at_the_desk_is_read_right(
    blank_is: str, teacher: Client, sandbox: Sandbox, committed_world: World
) -> None:
    empty = draw_sheet({})
    picture = empty if blank_is == "scanned" else photographed(empty, degrees=3, tilt=0.02, seed=5)
    blank = add_blank(teacher, sandbox, committed_world, jpeg(picture))
    assert blank.width is not None
    assert blank.height is not None
    page = html.unescape(teacher.get(f"/admin/exams/blanksheet/{blank.pk}/").content.decode())
    found = json.loads(re.findall(r'data-found="(\[\[.*?\]\])"', page)[0])
    blocks = drawn_blocks((blank.width, blank.height))
    assert all_are_found(blocks, found)
    exam = make_exam(teacher, committed_world, blank, blocks)
    with committed_world.hana.acting():
        make_student(NUMBER)
    filled = draw_sheet(ANSWERS, number=NUMBER, total="075")
    for seed, picture in enumerate((filled, photographed(filled, degrees=-4, tilt=0.03, seed=7))):
        hand_in(teacher, exam.pk, jpeg(picture), JPEG)
        work(sandbox)
        row = get(teacher, f"/exams/{exam.pk}/scans")["results"][0]
        scan = get(teacher, f"/scans/{row['id']}")
        assert scan["state"] == "succeeded", scan["error_message"]
        assert scan["match"] == ("matched" if seed == 0 else "duplicate")
        read = {answer["label"]: "".join(answer["values"]) for answer in scan["answers"]}
        assert read.pop("number") == NUMBER
        assert read == {f"q{number}": str(choice) for number, choice in ANSWERS.items()} | {f"q{SUM_QUESTION}": "075"}
    key = {f"q{number}": [str(choice)] for number, choice in ANSWERS.items()} | {f"q{SUM_QUESTION}": ["75"]}
    answer = teacher.put(f"/api/v1/exams/{exam.pk}/key", {"answers": key}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert float(get(teacher, f"/exams/{exam.pk}/results")[0]["points"]) == QUESTIONS + 1


def test_the_next_exam_begins_with_what_was_drawn(teacher: Client, sandbox: Sandbox, committed_world: World) -> None:
    blank = add_blank(teacher, sandbox, committed_world, jpeg(draw_sheet({})))
    blocks = drawn_blocks((blank.width or 0, blank.height or 0))
    first = make_exam(teacher, committed_world, blank, blocks)
    page = html.unescape(teacher.get(f"/admin/exams/blanksheet/{blank.pk}/").content.decode())
    kept = json.loads(re.findall(r'name="blocks" value="(\[\{.*?\}\])"', page)[0])
    second = make_exam(teacher, committed_world, blank, kept)
    assert second.layout_id == first.layout_id


def test_a_broken_picture_is_told_in_korean(teacher: Client, sandbox: Sandbox, committed_world: World) -> None:
    blank = add_blank(teacher, sandbox, committed_world, b"no picture at all " * 50)
    page = teacher.get(f"/admin/exams/blanksheet/{blank.pk}/").content.decode()
    assert "JPEG, PNG, HEIC, PDF" in page
    answer = teacher.post(f"/admin/exams/blanksheet/{blank.pk}/", {"title": "x", "blocks": "[]"})
    assert answer.status_code == 404
