"""Films on bad lines: the network is cut in the middle and the page loaded anew, and only the rest is sent."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import StaffClient
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from tests.e2e.conftest import NEEDS_APP, make_student
from tests.e2e.test_app import Phone
from tests.e2e.test_desk import ACADEMY, SIZES, Desk
from tests.vision.films import spoken_film

if TYPE_CHECKING:
    from playwright.sync_api import Browser, FilePayload, Page, Request, Route

STATE: Final = ROOT / "build" / "e2e-films"
PART: Final = 8 * 1024 * 1024
STUDENT_PHONE: Final = "010-2222-0021"
WAIT_MS: Final = 120_000

pytestmark = NEEDS_APP


@dataclass(frozen=True, slots=True)
class School:
    port: int
    staff: StaffClient
    film: Path
    part_count: int


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    film = STATE / "3단원 공책.mp4"
    data = spoken_film(8)
    # A box that players skip: as large as films are, and no slower to draw.
    box = 4 * PART + 12_345
    film.write_bytes(data + box.to_bytes(4, "big") + b"free" + os.urandom(box - 8))
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as stack:
        assert stack.wait_for_web()
        create_academy(stack.environment, ACADEMY)
        with StaffClient(stack.port, "hana.localhost") as staff:
            staff.log_in(ACADEMY.phone, PASSWORD)
            make_student(staff, "240777", "박서준", STUDENT_PHONE)
            staff.post("/courses", {"name": "중2 수학 심화", "starts_on": "2026-03-02"})
            yield School(stack.port, staff, film, -(-film.stat().st_size // PART))


@dataclass
class Line:
    """Which parts have arrived in storage, and the line there, which may be cut."""

    page: Page
    arrived: list[int] = field(default_factory=list)
    cut_after: int | None = None

    def __post_init__(self) -> None:
        self.page.route("**/t/*/uploads/**", self._carry)
        self.page.on("requestfinished", self._note)

    def _carry(self, route: Route) -> None:
        is_part = "partNumber=" in route.request.url and route.request.method == "PUT"
        if is_part and self.cut_after is not None:
            if self.cut_after == 0:
                route.abort("internetdisconnected")
                return
            self.cut_after -= 1
        route.continue_()

    def _note(self, request: Request) -> None:
        if request.method == "PUT" and "partNumber=" in request.url:
            answer = request.response()
            assert answer is not None
            assert answer.status == 200, answer.status
            self.arrived += [int(parse_qs(urlsplit(request.url).query)["partNumber"][0])]


def _wait_for(page: Page, is_so: Callable[[], bool]) -> None:
    for _ in range(WAIT_MS // 100):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _found_pages(school: School, title: str) -> None:
    """What arrived is the film: it could be read."""
    for _ in range(600):
        (video,) = [one for one in school.staff.get("/videos")["results"] if one["title"] == title]
        if video["state"] in {"succeeded", "failed"}:
            assert (video["state"], video["error_code"]) == ("succeeded", "")
            return
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def test_a_film_at_the_desk_goes_on_after_a_break_and_a_reload(browser: Browser, school: School) -> None:
    desk = Desk(browser, school.port, "desktop")
    desk.log_in()
    page, line = desk.page, Line(desk.page, cut_after=2)
    page.set_default_timeout(WAIT_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    desk.open("/admin/videos/video/add/")
    page.get_by_label("영상 이름").fill("3단원 공책")
    page.locator("input[type=file]").set_input_files(school.film)
    page.locator("form[data-send-first] button[type=submit]").click()
    page.get_by_text("연결되면 저절로 이어서 올립니다").wait_for()
    _wait_for(page, lambda: len(line.arrived) == 2)
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        desk.picture(f"film-waits-{name}")
    before = sorted(line.arrived)

    page.reload()
    line.arrived.clear()
    line.cut_after = 1
    page.get_by_label("영상 이름").fill("3단원 공책")
    page.locator("input[type=file]").set_input_files(school.film)
    page.locator("form[data-send-first] button[type=submit]").click()
    page.get_by_text("연결되면 저절로 이어서 올립니다").wait_for()
    assert float(page.locator("progress").evaluate("(bar) => bar.value")) > 30
    line.cut_after = None  # back again: it goes on by itself
    page.wait_for_url("**/admin/videos/video/1/")
    assert sorted(line.arrived + before) == list(range(1, school.part_count + 1)), "each part arrived once"
    _found_pages(school, "3단원 공책")
    desk.context.close()
    assert [one for one in desk.complaints if "ERR_INTERNET_DISCONNECTED" not in one] == []


def test_a_students_film_outlives_a_break_and_a_closed_tab(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/homework")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.see("환영합니다")
    phone.page.get_by_label("새 비밀번호").first.fill("correct-horse-42")
    phone.tap("저장")
    phone.page.get_by_role("link", name="공책을 영상으로 찍어 보내기").click()
    phone.see("아직 보낸 영상이 없어요")
    phone.picture("films")
    wrong: FilePayload = {"name": "공책.avi", "mimeType": "video/x-msvideo", "buffer": b"RIFF"}
    phone.page.get_by_label("영상 고르기").set_input_files(wrong)
    phone.see("MP4, MOV, WebM 영상만 보낼 수 있어요")
    line = Line(phone.page, cut_after=2)
    phone.page.get_by_label("이름").fill("4단원 공책")
    phone.page.get_by_label("영상 고르기").set_input_files(school.film)
    phone.see("아직 보내지 못했어요")
    phone.picture("film-waiting")
    assert line.arrived == [1, 2]
    phone.page.close()  # the tab, not the browser

    phone.page = phone.context.new_page()
    phone.page.set_default_timeout(WAIT_MS)
    line = Line(phone.page, cut_after=1)
    phone.open("/")
    phone.see("4단원 공책")  # also at home
    _wait_for(phone.page, lambda: line.arrived == [3])
    line.cut_after = None
    _wait_for(phone.page, lambda: len(line.arrived) == school.part_count - 2)
    assert line.arrived == list(range(3, school.part_count + 1)), "only the rest, each part once"
    phone.open("/films")
    phone.page.get_by_role("link", name="4단원 공책").wait_for()
    _found_pages(school, "4단원 공책")
    phone.see("쪽을 찾았어요")
    phone.picture("films-sent")
    phone.page.get_by_role("link", name="4단원 공책").click()
    phone.page.locator("img.thumb").first.wait_for()
    phone.page.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 50)")
    phone.picture("film-pages")
    assert (
        phone.page.evaluate(
            """new Promise((resolve) => {
            const asked = indexedDB.open("hand-in");
            asked.onsuccess = () => {
                const count = asked.result.transaction("slices").objectStore("slices").count();
                count.onsuccess = () => resolve(count.result);
            };
        })"""
        )
        == 0
    ), "it takes no room on the phone any more"
    phone.context.close()
    assert [one for one in phone.complaints if "ERR_INTERNET_DISCONNECTED" not in one] == []
