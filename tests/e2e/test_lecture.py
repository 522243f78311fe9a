"""A lecture from the teacher's upload to the student's phone: watched, left, gone on with; suspended, and out."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import File, StaffClient
from infra.local.children import Command, Output, application_commands
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from tests.e2e.conftest import NEEDS_APP, make_student
from tests.e2e.test_app import Phone
from tests.e2e.test_desk import ACADEMY, SIZES, Desk
from tests.vision.films import spoken_film

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STATE: Final = ROOT / "build" / "e2e-lecture"
STUDENT_PHONE: Final = "010-2222-0011"
TITLE: Final = "1강 이차함수의 뜻과 그래프"
SECONDS: Final = 40
SIZE: Final = (854, 480)  # the smallest that has two qualities

pytestmark = NEEDS_APP


@dataclass(frozen=True, slots=True)
class School:
    port: int
    staff: StaffClient
    lecture_id: int


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    video = Command("video", (sys.executable, "-m", "workers", "video"), grace_seconds=60)
    commands = (*application_commands(), video)
    with (
        (STATE / "log").open("w") as log,
        Stack(STATE, output=Output(log), port=free_port(), commands=commands) as stack,
    ):
        assert stack.wait_for_web()
        create_academy(stack.environment, ACADEMY, plan="premium")
        with StaffClient(stack.port, "hana.localhost") as staff:
            staff.log_in(ACADEMY.phone, PASSWORD)
            student = make_student(staff, "240777", "박서준", STUDENT_PHONE)
            course = staff.post("/courses", {"name": "중2 수학 심화", "starts_on": "2026-03-02"})
            staff.post(f"/courses/{course['id']}/students", {"students": [student]})
            film = File("1강.mp4", "video/mp4", spoken_film(SECONDS, size=SIZE, is_noisy=True))
            wish = {"course": course["id"], "title": TITLE, "upload": staff.upload(film)}
            lecture_id = int(staff.post("/lectures", wish, expect=202)["id"])
            _wait_until_ready(stack, staff, lecture_id)
            yield School(stack.port, staff, lecture_id)


def _wait_until_ready(stack: Stack, staff: StaffClient, lecture_id: int) -> None:
    for _ in range(600):
        lecture = staff.get(f"/lectures/{lecture_id}")
        if lecture["state"] == "failed" or lecture["renditions_state"] in {"succeeded", "failed"}:
            assert (lecture["is_ready"], lecture["error_code"], lecture["renditions_error"]) == (True, "", ""), lecture
            assert lecture["seconds"] == pytest.approx(SECONDS, abs=0.2)
            return
        stack.revive()
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _second(phone: Phone) -> float:
    return float(phone.page.evaluate("document.querySelector('video').currentTime"))


def _lines_shown(phone: Phone, lines: int) -> None:
    """Wait until the player shows the quality of so many lines, put together by the app."""
    phone.page.wait_for_function(f"() => document.querySelector('video')?.videoHeight === {lines}")
    assert phone.page.evaluate("document.querySelector('video').src").startswith("blob:")


def _watched(school: School) -> Any:
    (row,) = school.staff.get(f"/lectures/{school.lecture_id}/watchers")
    return row


def test_it_is_published_at_the_desk(browser: Browser, school: School) -> None:
    desk = Desk(browser, school.port, "desktop")
    desk.log_in()
    desk.open("/admin/lectures/lecture/")
    desk.page.get_by_text(TITLE).first.wait_for()
    desk.picture("lectures")
    desk.open("/admin/lectures/lecture/add/")
    desk.picture("lecture-add")
    desk.open(f"/admin/lectures/lecture/{school.lecture_id}/")
    desk.page.wait_for_function("document.querySelector('video').readyState >= 1")
    desk.page.get_by_role("button", name="강의 공개").click()
    desk.page.get_by_text("강의를 공개했습니다").wait_for()
    for name, (width, height) in SIZES.items():
        desk.page.set_viewport_size({"width": width, "height": height})
        desk.picture(f"lecture-{name}")
        desk.is_for_everybody(f"lecture-{name}")
    desk.context.close()
    assert desk.complaints == []


def test_a_student_watches_leaves_goes_on_and_is_out_when_suspended(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/lectures")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.see("환영합니다")
    phone.page.get_by_label("새 비밀번호").first.fill("correct-horse-42")
    phone.tap("저장")
    phone.see("아직 안 봤어요")
    phone.picture("lectures")
    phone.page.get_by_role("link", name=TITLE).click()
    phone.page.wait_for_function("() => document.querySelector('video')?.readyState >= 1")
    phone.page.get_by_role("group", name="화질").wait_for()
    phone.picture("lecture")
    phone.tap("데이터 절약")
    phone.tap("2×")
    phone.page.evaluate("document.querySelector('video').muted = true; document.querySelector('video').play()")
    phone.page.wait_for_function("() => document.querySelector('video').currentTime > 6")
    _lines_shown(phone, 360)  # from the next segment on
    phone.page.evaluate("document.querySelector('video').pause()")
    left_at = _second(phone)
    phone.tap("뒤로")
    phone.see("봤어요")
    assert _watched(school)["watched_seconds"] == pytest.approx(left_at, abs=2)

    phone.page.get_by_role("link", name=TITLE).click()
    phone.page.wait_for_function(f"() => document.querySelector('video')?.currentTime > {left_at - 1}")
    assert _second(phone) == pytest.approx(left_at, abs=1)
    phone.page.get_by_role("button", name="0:30부터 보기").click()
    phone.page.wait_for_function("() => document.querySelector('video').currentTime > 30")
    phone.page.reload()
    phone.page.wait_for_function("() => document.querySelector('video')?.currentTime > 28")
    _lines_shown(phone, 360)
    phone.tap("높음")
    phone.page.get_by_role("button", name="0:00부터 보기").click()
    _lines_shown(phone, 480)
    assert _watched(school)["watched_seconds"] < 15, "what was jumped over was not watched"

    (session,) = school.staff.get(f"/lectures/{school.lecture_id}/sessions")
    people = school.staff.get("/people?role=student")["results"]
    (student,) = [one for one in people if one["id"] == session["user"]["id"]]
    school.staff.post(f"/people/{student['id']}/suspend", None, expect=200)
    phone.see("문자로 인증번호 받기")
    assert phone.page.locator("video").count() == 0
    phone.close()
