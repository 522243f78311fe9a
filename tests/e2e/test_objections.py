"""A student says on the phone that an answer was read wrong, a teacher decides it at the desk, and the points change.

Also what the app draws of results: how they went, exam by exam, and where one stands in the class.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import File, StaffClient
from infra.demo.paper import FLAT, make_sheets
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from sheets.layout import design_layout
from tests.e2e.conftest import NEEDS_APP, make_student
from tests.e2e.test_app import STUDENT_PHONE, Phone
from tests.e2e.test_desk import ACADEMY, SIZES, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_APP

STATE: Final = ROOT / "build" / "e2e-objections"
QUESTIONS: Final = 20
CLASS_SIZE: Final = 12
EARLIER: Final = ("9월 월말평가", "10월 월말평가")
LAST: Final = "11월 월말평가"
SEED: Final = 7_000
WRONG: Final = "q3"


@dataclass(frozen=True, slots=True)
class School:
    """One academy whose last exam a class sat and whose earlier exams its student did, all published."""

    port: int
    staff: StaffClient
    exam_id: int
    claimed: str  # what the student had marked in WRONG, as they say


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as running:
        assert running.wait_for_web()
        yield running


@pytest.fixture(scope="module")
def school(stack: Stack) -> Iterator[School]:
    create_academy(stack.environment, ACADEMY)
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        claimed, exam_id, course = "", 0, _make_course(staff)
        for turn, title in enumerate((*EARLIER, LAST)):
            size = CLASS_SIZE if title == LAST else 1
            exam_id = int(staff.post("/exams", {"title": title, "question_count": QUESTIONS, "course": course})["id"])
            sheets = class_sheets(staff, exam_id, size)
            if turn == 0:
                make_student(staff, sheets[0].truth.student_number or "", "김하윤", STUDENT_PHONE)
            key = key_with(sheets[0].truth.answers, right=9 + 3 * turn)
            claimed = key[WRONG][0]
            staff.put(f"/exams/{exam_id}/key", {"answers": key, "points": dict.fromkeys(key, "5")})
            for sheet in sheets[1:]:
                staff.post("/students", {"number": sheet.truth.student_number, "name": "이하늘"})
            for sheet in sheets:
                staff.hand_in(exam_id, File("답안지.jpg", "image/jpeg", sheet.picture))
            _wait(stack, staff, exam_id, size)
            shown = {"shows_rank": True, "waived_reason": "먼저 보여 주기"}
            staff.post(f"/exams/{exam_id}/publish", shown, expect=200)
        yield School(stack.port, staff, exam_id, claimed)


def _make_course(staff: StaffClient) -> int:
    return int(staff.post("/courses", {"name": ACADEMY.course, "starts_on": "2026-03-02"})["id"])


def class_sheets(staff: StaffClient, exam_id: int, count: int) -> list[Any]:
    """The first is always the same student's; numbers are whole and nobody has two."""
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6)
    pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
    found: dict[str, Any] = {}
    for sheet in make_sheets(pdf, layout, {FLAT: 2 * count + 4}, seed=SEED):
        number = sheet.truth.student_number or ""
        if number and "?" not in number:
            found.setdefault(number, sheet)
    return list(found.values())[:count]


def key_with(marked: dict[str, tuple[str, ...]], *, right: int) -> dict[str, list[str]]:
    """By which the student has so many right, and is wrong where they will say that it was read wrong."""
    key = {}
    for number in range(1, QUESTIONS + 1):
        label = f"q{number}"
        mark = int((marked.get(label) or ("1",))[0])
        is_right = number <= right and label != WRONG
        key[label] = [str(mark if is_right else mark % 5 + 1)]
    return key


def _wait(stack: Stack, staff: StaffClient, exam_id: int, count: int) -> None:
    for _ in range(900):
        scans = staff.scans(exam_id)
        if len(scans) == count and all(scan["state"] in {"succeeded", "failed"} for scan in scans):
            return
        stack.revive()
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def test_a_student_objects_and_a_teacher_decides(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/results")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.tap("나중에")
    phone.see("점수 흐름")
    assert phone.page.locator(".chart-dot").count() == len(EARLIER) + 1
    phone.picture("history")
    phone.page.get_by_role("link", name=LAST).click()
    phone.see("내 위치")
    before = _points(phone)
    phone.page.get_by_role("button", name="3 ", exact=False).filter(has_text="틀림").first.click()
    phone.page.get_by_role("radio", name=school.claimed, exact=True).check(force=True)
    phone.page.get_by_label("설명 (선택)").fill("지우고 다시 칠했어요")
    phone.picture("objection")
    phone.tap("이의 신청하기")
    phone.see("선생님의 확인을 기다리고 있어요.")
    phone.picture("objection-asked")
    assert _points(phone) == before, "asking changes nothing"

    for size in SIZES:
        _look(browser, school, size)
    _decide(browser, school)

    phone.page.reload()
    phone.see("고침")
    assert _points(phone) == before + 5
    phone.picture("objection-changed")
    phone.close()


def _points(phone: Phone) -> int:
    return int(phone.page.locator(".score-points").inner_text().removesuffix("점"))


def _look(browser: Browser, school: School, size: str) -> None:
    desk = Desk(browser, school.port, size)
    desk.log_in()
    desk.picture("home-objection")
    _to_the_objection(desk)
    desk.picture("inbox-objection")
    desk.is_for_everybody("inbox-objection")
    assert desk.complaints == []
    desk.context.close()


def _to_the_objection(desk: Desk) -> None:
    """From the first page: the tile, the sheet, the place."""
    desk.open("/admin/")
    desk.page.get_by_role("link", name="학생 이의 신청").first.click()
    desk.page.get_by_role("link", name="김하윤").first.click()
    desk.page.get_by_role("link", name="확인하기").click()
    desk.page.get_by_text("학생이 잘못 읽었다고 합니다").first.wait_for()


def _decide(browser: Browser, school: School) -> None:
    """One key says that the student is right, another goes on."""
    desk = Desk(browser, school.port, "desktop")
    desk.log_in()
    _to_the_objection(desk)
    desk.page.keyboard.press("Digit1")
    assert desk.page.locator("[data-item].is-decided").count() == 1
    desk.page.keyboard.press("Enter")
    desk.page.wait_for_url("**done=**")
    desk.open("/admin/")
    assert desk.page.get_by_role("link", name="학생 이의 신청").count() == 0
    assert desk.complaints == []
    desk.context.close()
