"""Homework, videos and documents at the desk, in a real browser, on the stack with its workers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from PIL import Image

from benchmarks.homework.generator import CONDITIONS, make_sample
from benchmarks.homework.worksheets import DPI, draw_worksheet
from benchmarks.homework.writing import WritingDials
from benchmarks.video.generator import Dials
from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import StaffClient
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.supervisor import Stack
from tests.e2e.conftest import NEEDS_CHROMIUM
from tests.e2e.test_desk import ACADEMY, SIZES, Desk, _drag
from tests.vision.films import draw_film

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = NEEDS_CHROMIUM

NAMES: Final = ("김하늘", "이바다", "박나무", "최구름")
WORKSHEET_SEEDS: Final = (4, 6)  # one for each of its pages
READ_MS: Final = 120_000
STATE: Final = Path(__file__).resolve().parents[2] / "build" / "e2e-desk-homework"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """As `make dev` starts it."""
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (
        (STATE / "log").open("w") as log,
        Stack(STATE, output=Output(log), port=free_port()) as running,
    ):
        assert running.wait_for_web()
        create_academy(running.environment, ACADEMY)
        yield running


def blank_worksheet(folder: Path) -> Path:
    first, *others = [Image.fromarray(draw_worksheet(seed).page) for seed in WORKSHEET_SEEDS]
    path = folder / "익힘책.pdf"
    first.save(path, "PDF", resolution=DPI, save_all=True, append_images=others)
    return path


def photos_of_homework(folder: Path) -> list[Path]:
    """A photo of each page, written on by a student and marked in red."""
    condition = replace(CONDITIONS["phone"], is_turned=False, writing=WritingDials(marked=1.0))
    paths = []
    for index, seed in enumerate(WORKSHEET_SEEDS):
        photo = BytesIO()
        sample = make_sample(condition, index + 1, worksheet_seed=seed)
        Image.fromarray(sample.image[:, :, ::-1]).save(photo, "JPEG", quality=90)
        paths.append(folder / f"{index + 1}쪽.jpg")
        paths[-1].write_bytes(photo.getvalue())
    return paths


def make_course(stack: Stack) -> None:
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        course = staff.post("/courses", {"name": "중2 심화반", "starts_on": "2026-03-02"})
        ids = [
            staff.post("/students", {"number": f"24010{place}", "name": name})["id"]
            for place, name in enumerate(NAMES, start=1)
        ]
        staff.post(f"/courses/{course['id']}/students", {"students": ids})


def test_homework_from_the_blank_worksheet_to_the_correction(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    make_course(stack)
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()
    desk.open("/admin/homework/worksheet/add/")
    page.get_by_label("학습지 이름").fill("3단원 함수 익힘책")
    page.locator("input[type=file]").set_input_files(blank_worksheet(tmp_path))
    desk.picture("worksheet-add")
    page.get_by_role("button", name="등록").click()
    page.locator("#sheet").wait_for(timeout=READ_MS)
    desk.picture("worksheet")
    desk.is_for_everybody("worksheet")
    _edit(page, desk)
    page.get_by_role("button", name="저장하고 다음 쪽").click()
    page.get_by_text("저장했습니다.").wait_for()
    page.get_by_role("heading", name="2쪽의 문제").wait_for()

    page.get_by_role("link", name="이 학습지로 숙제 내기").click()
    page.get_by_label("숙제 이름").fill("3단원 주말 숙제")
    page.get_by_label("강좌").select_option(label="중2 심화반")
    due = date.today() + timedelta(days=1)  # noqa: DTZ011  the machine's, as the browser's
    page.get_by_label("마감").fill(f"{due:%Y-%m-%d}T22:00")
    desk.picture("homework-add")
    page.get_by_role("button", name="숙제 내기").click()
    page.get_by_text("4명 미제출").wait_for()

    for _ in range(2):
        page.get_by_role("link", name="대신 제출").first.click()
        page.locator("input[type=file]").set_input_files(photos_of_homework(tmp_path))
        page.get_by_role("button", name="올리기").click()
        page.get_by_role("heading", name="2쪽").wait_for(timeout=READ_MS)
        page.get_by_role("button", name="다시 읽기").wait_for(timeout=READ_MS)
        page.get_by_role("link", name="3단원 주말 숙제").click()
    page.get_by_text("2명 미제출").first.wait_for()
    page.locator("a.desk-did").first.wait_for()
    desk.picture("homework")
    desk.is_for_everybody("homework")

    page.locator(".desk-thumbs a").first.click()
    first = page.get_by_role("radiogroup").first
    first.get_by_text("빈 문제").click()
    desk.picture("submission")
    desk.is_for_everybody("submission")
    page.get_by_role("button", name="저장").first.click()
    page.get_by_text("저장했습니다.").wait_for()
    assert page.get_by_role("radiogroup").first.get_by_role("radio", name="빈 문제").is_checked()
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="3단원 주말 숙제").click()
    page.get_by_role("button", name="명단 복사").click()
    page.get_by_text("복사했습니다").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "240103 박나무\n240104 최구름"
    assert page.locator("a.desk-did.is-corrected").count() == 1
    assert desk.complaints == []
    desk.context.close()


def _edit(page: Page, desk: Desk) -> None:
    """A box is drawn, named, moved by keys, made smaller by its corner, copied below itself, and taken away again."""
    page.evaluate("document.querySelector('.desk-drawing').style.maxHeight = 'none'")
    page.set_viewport_size({"width": 1280, "height": 1900})
    boxes = page.locator("#box-list button")
    known = boxes.count()
    assert known > 0
    page.get_by_role("button", name="문제 그리기").click()
    _drag(page, (0.1, 0.02), (0.5, 0.06))
    assert boxes.count() == known + 1
    page.keyboard.press("Enter")
    page.keyboard.type("서술형 1")
    page.get_by_role("button", name="서술형 1").wait_for()
    page.get_by_text("위치 (mm)").click()
    left, right = (page.locator(f"[data-field={name}]") for name in ("x1", "x2"))
    before, end = float(left.input_value()), float(right.input_value())
    page.locator(".desk-box.is-here").focus()
    for key in ("Shift+ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert (float(left.input_value()), float(right.input_value())) == (before + 9, end + 9)
    page.locator(".desk-box.is-here [data-end=last]").focus()
    page.keyboard.press("ArrowLeft")
    assert (float(left.input_value()), float(right.input_value())) == (before + 9, end + 8)
    desk.picture("worksheet-drawn")
    page.get_by_role("button", name="아래에 추가").click()
    assert boxes.count() == known + 2
    page.keyboard.press("Delete")
    assert boxes.count() == known + 1
    page.get_by_role("button", name="서술형 1").click()
    page.get_by_role("button", name="문제 삭제").click()
    assert boxes.count() == known


def test_a_video_becomes_a_strip_and_a_document_is_searched(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    film = tmp_path / "공책.mp4"
    draw_film(film, Dials("slides", pages=3, stay=(2.5, 3.0), frame_rate=10, size=(640, 360)))
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()
    desk.open("/admin/videos/video/add/")
    page.locator("input[type=file]").set_input_files(film)
    desk.picture("video-add")
    page.get_by_role("button", name="올리기").click()
    page.locator(".desk-film a").first.wait_for(timeout=READ_MS)
    assert page.locator(".desk-film a").count() == 3
    desk.picture("video")
    desk.is_for_everybody("video")

    desk.open("/admin/documents/document/add/")
    page.get_by_label("문서 이름").fill("3단원 유인물")
    page.locator("input[type=file]").set_input_files(blank_worksheet(tmp_path))
    page.get_by_role("button", name="올리기").click()
    page.get_by_role("button", name="검색용 PDF 만들기").wait_for(timeout=READ_MS)
    text = page.locator(".desk-text").inner_text()
    word = max(text.split(), key=len)
    page.get_by_role("button", name="검색용 PDF 만들기").click()
    page.get_by_role("link", name="검색용 PDF").wait_for(timeout=READ_MS)
    page.get_by_label("문서 내용 검색").fill(word)
    page.get_by_role("button", name="검색", exact=True).click()
    page.locator("mark").first.wait_for()
    desk.picture("search")
    desk.is_for_everybody("search")
    page.get_by_role("link", name="3단원 유인물").first.click()
    page.locator(".desk-read rect").first.wait_for()
    desk.picture("document")
    desk.is_for_everybody("document")
    assert desk.complaints == []
    desk.context.close()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_the_screen(stack: Stack, browser: Browser, size: str) -> None:
    desk = Desk(browser, stack.port, size)
    desk.log_in()
    for name, path in (
        ("homework-list", "/admin/homework/assignment/"),
        ("homework", "/admin/homework/assignment/1/"),
        ("submissions", "/admin/homework/submission/"),
        ("submission", "/admin/homework/submission/1/"),
        ("worksheets", "/admin/homework/worksheet/"),
        ("worksheet", "/admin/homework/worksheet/1/"),
        ("videos", "/admin/videos/video/"),
        ("video", "/admin/videos/video/1/"),
        ("documents", "/admin/documents/document/"),
        ("document", "/admin/documents/document/1/"),
        ("home-of-homework", "/admin/"),
    ):
        desk.open(path)
        desk.picture(name)
    assert desk.complaints == []
    desk.context.close()
