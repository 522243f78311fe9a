"""Courses, lists of students and invitations at the desk, in a real browser, on the stack with its workers."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from openpyxl import Workbook

from tests.e2e.conftest import NEEDS_CHROMIUM
from tests.e2e.test_desk import SIZES, Desk, stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from infra.local.supervisor import Stack

__all__ = ["stack"]  # a fixture
pytestmark = NEEDS_CHROMIUM

NAMES = (
    "김하늘",
    "이바다",
    "박나무",
    "최구름",
    "정노을",
    "강이슬",
    "조은별",
    "윤슬기",
    "장미소",
    "임하람",
    "한결",
    "오로라",
)


def spreadsheet(folder: Path) -> Path:
    """A list as an academy has it: a title, Korean headings, a phone without its zero, two lines with mistakes."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["2026년 2학기 원생 명단"])
    sheet.append(["번호", "이름", "생년월일", "학부모 전화", "반", "비고"])
    for place, name in enumerate(NAMES):
        sheet.append([240101 + place, name, "2011-03-04", 1_050_000_001 + place, "중2 심화반", ""])
    sheet.append([240120, "", "2011", "010-5000-0020", "중2 심화반", "이름이 빠짐"])
    sheet.append([240121, "서하늘", "2011", "010-12", "없는 반", ""])
    path = folder / "원생 명단.xlsx"
    book.save(path)
    return path


def test_an_academy_brings_its_list_and_takes_attendance(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()
    desk.open("/admin/courses/course/add/")
    page.get_by_label("이름").fill("중2 심화반")
    page.get_by_label("학년").fill("중2")
    page.get_by_label("시간표").fill("월수금 17:00-18:30")
    page.get_by_label("개강일").fill("2026-03-02")
    desk.picture("course-add")
    page.get_by_role("button", name="등록", exact=True).click()
    page.get_by_text("중2 심화반").first.wait_for()

    desk.open("/admin/rosters/roster/add/")
    desk.picture("roster-add")
    page.locator("#files").set_input_files(spreadsheet(tmp_path))
    page.get_by_text("이름이 없습니다.").wait_for(timeout=60_000)
    page.get_by_text("없는 강좌입니다: 없는 반").wait_for()
    desk.picture("roster-preview")
    desk.is_for_everybody("roster-preview")
    with page.expect_download() as download:
        page.get_by_role("button", name="수정할 2행 내려받기").click()
    assert "보호자 전화번호가 올바르지 않습니다: 010-12" in Path(download.value.path()).read_text("utf-8-sig")
    page.get_by_role("button", name="12행 등록하기").click()
    page.get_by_role("heading", name="명단을 등록했습니다").wait_for()
    desk.picture("roster-taken")

    page.get_by_role("link", name="새로 등록한 분들 초대하기").click()
    page.get_by_role("button", name="표시된 12명 모두 초대").wait_for()
    desk.picture("invite-many")
    desk.is_for_everybody("invite-many")
    page.get_by_role("button", name="표시된 12명 모두 초대").click()
    page.get_by_text("12명에게 초대 문자를 보냈습니다.").wait_for()

    for size in SIZES:
        _look(Desk(browser, stack.port, size))
    assert desk.complaints == []


def _look(desk: Desk) -> None:
    """Every page of a course, at this size; a day's attendance is taken on the way."""
    page = desk.page
    desk.log_in()
    desk.open("/admin/courses/course/")
    desk.picture("courses")
    page.locator("#result_list").get_by_role("link", name="중2 심화반").click()
    page.get_by_role("link", name="김하늘").wait_for()
    desk.picture("course")
    desk.is_for_everybody("course")
    course = page.url.removeprefix(desk.origin)
    desk.open(f"{course}enrol/")
    desk.picture("enrol")
    desk.open(f"{course}attendance/")
    row = page.get_by_role("radiogroup", name="이바다")
    row.get_by_text("지각").click()
    assert row.get_by_role("radio", name="지각").is_checked()
    page.get_by_role("button", name="나머지 모두 출석").click()
    desk.picture("attendance")
    desk.is_for_everybody("attendance")
    page.get_by_role("button", name="출석 저장").click()
    page.get_by_text("학생 12명의 출석을 저장했습니다.").wait_for()
    desk.open(f"{course}attendance/month/?month={date.today():%Y-%m}")  # noqa: DTZ011  the machine's, as the browser's
    assert page.get_by_title("지각").count() == 1
    desk.picture("attendance-month")
    desk.is_for_everybody("attendance-month")
    desk.open("/admin/students/student/export/")
    desk.picture("export")
    desk.open("/admin/students/student/")
    desk.picture("students-list")
    page.locator("#result_list").get_by_role("link", name="김하늘").click()
    page.get_by_role("link", name="열람·변경 기록").click()
    page.get_by_text("조회").first.wait_for()
    desk.picture("history")
    assert desk.complaints == []
