"""An administrator's first day and a teacher's week at the desk, each as one story, on the stack with its workers.

The one at a desk, the other on a tablet. What the single pages can do is in the tests beside this.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from openpyxl import Workbook
from PIL import Image, ImageDraw

from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import StaffClient
from infra.demo.paper import FLAT, as_one_pdf, make_sheet
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.supervisor import Stack
from sheets.layout import design_layout
from tests.e2e.conftest import NEEDS_CHROMIUM
from tests.e2e.test_desk import ACADEMY, CLEAR_A, FAINT, QUESTIONS, SIZES, Desk, _decide_by_keys
from tests.e2e.test_desk_homework import READ_MS, blank_worksheet, photos_of_homework

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = NEEDS_CHROMIUM

STATE: Final = Path(__file__).resolve().parents[2] / "build" / "e2e-desk-stories"
STUDENTS: Final = 300
WRONG: Final = 7
COURSE: Final = "중2 심화반"
TEACHER: Final = ("박강사", "010-7777-0001")
FAMILIES, GIVEN = "김이박최정강조윤장임", ("하늘", "바다", "나무", "구름", "노을", "이슬")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as running:
        assert running.wait_for_web()
        create_academy(running.environment, ACADEMY)
        yield running


def sheets_of(stack: Stack, exam_id: int) -> list[bytes]:
    """Scans of two sheets: one all clear, one with a faint trace beside an answer."""
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6)
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
    return [as_one_pdf([make_sheet(pdf, layout, FLAT, seed)]) for seed in (CLEAR_A, FAINT)]


def number_on(seed: int) -> str:
    """The student number that the generator writes on a sheet of this seed."""
    from sheets.pdf import render_pdf

    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6)
    blank = render_pdf(layout, sheet_id="X", heading="X", academy="X")
    found = make_sheet(blank, layout, FLAT, seed).truth.student_number
    assert found is not None
    return found


def spreadsheet(folder: Path) -> Path:
    """Three hundred lines as an academy has them, seven of them with a mistake each."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["번호", "이름", "학부모 이름", "학부모 전화", "반"])
    known = [number_on(CLEAR_A), number_on(FAINT)]
    for place in range(STUDENTS - WRONG):
        name = FAMILIES[place % 10] + GIVEN[place // 10 % 6] + (str(place // 60) if place >= 60 else "")
        number = known[place] if place < len(known) else str(300_000 + place)
        sheet.append([number, name, f"{name} 어머니", f"010-5000-{place:04}", COURSE])
    for line in (
        ["310001", "", "가", "010-5001-0001", COURSE],
        ["310002", "전화짧음", "가", "010-12", COURSE],
        ["310003", "반없음", "가", "010-5001-0003", "없는 반"],
        ["", "번호없음", "가", "010-5001-0004", COURSE],
        ["번호 아님", "번호이상", "가", "010-5001-0005", COURSE],
        ["300010", "번호같음", "가", "010-5001-0006", COURSE],
        ["310007", "전화글자", "가", "전화 없음", COURSE],
    ):
        sheet.append(line)
    path = folder / "원생 300명.xlsx"
    book.save(path)
    return path


def logo(folder: Path) -> Path:
    picture = Image.new("RGBA", (600, 240), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 20, 240, 220), fill=(11, 98, 114))
    draw.rectangle((280, 90, 560, 150), fill=(11, 98, 114))
    path = folder / "logo.png"
    data = BytesIO()
    picture.save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


def log_in_by_code(desk: Desk, phone: str) -> None:
    """As somebody who was invited: by the code that comes to the telephone."""
    page = desk.page
    desk.open("/admin/log-in/code/")
    page.get_by_label("전화번호").fill(phone)
    page.get_by_role("button", name="인증번호 받기").click()
    page.wait_for_url("**/enter/**")
    outbox = desk.context.new_page()
    found = None
    for _ in range(40):  # it is sent beside the request
        outbox.goto(desk.origin + "/dev/outbox")
        found = re.search(r"인증번호 (\d{6})", outbox.locator("tr").first.inner_text())
        if found:
            break
        outbox.wait_for_timeout(250)
    outbox.close()
    assert found is not None
    page.get_by_label("인증번호").fill(found[1])
    page.get_by_role("button", name="로그인", exact=True).click()
    page.wait_for_url("**/admin/")


def test_an_administrators_first_day(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    """Name and looks, a class, 300 students from Excel with 7 bad lines, invitations, and a teacher shown out."""
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()
    desk.open("/admin/settings/")
    page.get_by_label("학원 색 사용").check()
    page.locator("input[type=color]").fill("#0b6272")
    page.get_by_role("button", name="저장").click()
    page.get_by_text("저장했습니다.").wait_for()
    page.get_by_role("link", name="로고 올리기").click()
    page.locator("input[type=file]").set_input_files(logo(tmp_path))
    page.get_by_role("button", name="올리기").click()
    page.locator(".desk-logo-frame").wait_for(timeout=READ_MS)
    desk.picture("story-settings")
    desk.is_for_everybody("story-settings")

    desk.open("/admin/courses/course/add/")
    page.get_by_label("이름").fill(COURSE)
    page.get_by_label("개강일").fill("2026-03-02")
    page.get_by_role("button", name="등록", exact=True).click()
    page.get_by_text(COURSE).first.wait_for()
    course = page.url

    desk.open("/admin/rosters/roster/add/")
    page.locator("#files").set_input_files(spreadsheet(tmp_path))
    page.get_by_role("button", name=f"{STUDENTS - WRONG}행 등록하기").wait_for(timeout=READ_MS)
    page.get_by_role("button", name=f"수정할 {WRONG}행 내려받기").wait_for()
    desk.picture("story-roster")
    desk.is_for_everybody("story-roster")
    page.get_by_role("button", name=f"{STUDENTS - WRONG}행 등록하기").click()
    page.get_by_role("heading", name="명단을 등록했습니다").wait_for(timeout=READ_MS)
    page.get_by_role("link", name="새로 등록한 분들 초대하기").click()
    page.get_by_role("button", name=re.compile("모두 초대")).click()
    page.get_by_text(re.compile(r"\d+명에게 초대 문자를 보냈습니다.")).wait_for(timeout=READ_MS)
    desk.picture("story-invited")

    desk.open("/admin/accounts/user/add/")
    page.get_by_label("이름").fill(TEACHER[0])
    page.get_by_label("전화번호").fill(TEACHER[1])
    page.get_by_label("역할").select_option("teacher")
    page.get_by_role("button", name="초대 문자 보내기").click()
    page.get_by_text(TEACHER[0]).first.wait_for()
    page.goto(course)
    page.get_by_label(TEACHER[0]).check()
    page.locator("form", has=page.get_by_label(TEACHER[0])).get_by_role("button", name="저장").click()
    page.get_by_text("저장했습니다.").first.wait_for()

    teacher = Desk(browser, stack.port, "tablet")
    log_in_by_code(teacher, TEACHER[1])
    teacher.picture("story-teachers-home")
    desk.open("/admin/accounts/user/?q=박강사")
    page.locator("#result_list").get_by_role("link", name=TEACHER[0]).click()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="이용 정지").click()
    page.get_by_role("button", name="정지 해제").wait_for()
    desk.picture("story-suspended")
    teacher.open("/admin/exams/exam/")
    teacher.page.get_by_label("비밀번호").wait_for()
    teacher.picture("story-shown-out")
    page.get_by_role("button", name="정지 해제").click()
    page.get_by_role("button", name="이용 정지").wait_for()
    assert desk.complaints == teacher.complaints == []
    desk.context.close()
    teacher.context.close()


@pytest.mark.parametrize("size", [size for size in SIZES if size != "phone"])
def test_a_teachers_week(stack: Stack, browser: Browser, tmp_path: Path, size: str) -> None:
    """Make an exam, print the class's sheets, scan, check, publish, give homework and see it; undo what was a slip."""
    desk = Desk(browser, stack.port, size)
    page = desk.page
    log_in_by_code(desk, TEACHER[1])
    desk.open("/admin/exams/exam/add/")
    page.get_by_label("시험 이름").fill(f"주간평가 {size}")
    page.get_by_label("강좌").select_option(label=COURSE)
    page.get_by_label("정답표").fill("12345" * (QUESTIONS // 5))
    page.get_by_role("button", name="시험 만들기").click()
    page.get_by_text("시험을 만들었습니다.").wait_for()
    exam = page.url
    exam_id = int(exam.rstrip("/").rsplit("/", 1)[1])

    page.get_by_role("link", name="답안지 인쇄").click()
    page.get_by_role("button", name="답안지 만들기").click()
    page.get_by_role("link", name="열기").wait_for(timeout=READ_MS)
    desk.picture("story-sheets")
    desk.is_for_everybody("story-sheets")

    files = []
    for index, data in enumerate(sheets_of(stack, exam_id)):
        files.append(tmp_path / f"스캔 {index}.pdf")
        files[-1].write_bytes(data)
    page.get_by_role("link", name="답안지 제출").click()
    page.locator("#files").set_input_files(files)
    page.locator("#uploads .desk-success").nth(1).wait_for(timeout=READ_MS)
    page.get_by_role("link", name="답안 확인").click()
    _decide_by_keys(desk)
    page.goto(exam + "publish/")
    page.get_by_role("button", name=re.compile("결과 .*공개")).click()
    page.get_by_text("결과를 공개했습니다.").wait_for()
    desk.picture("story-published")
    desk.is_for_everybody("story-published")

    desk.open("/admin/homework/worksheet/add/")
    page.get_by_label("학습지 이름").fill(f"익힘책 {size}")
    page.locator("input[type=file]").set_input_files(blank_worksheet(tmp_path))
    page.get_by_role("button", name="등록").click()
    page.get_by_role("link", name="이 학습지로 숙제 내기").click(timeout=READ_MS)
    page.get_by_label("숙제 이름").fill(f"주말 숙제 {size}")
    page.get_by_label("강좌").select_option(label=COURSE)
    due = date.today() + timedelta(days=1)  # noqa: DTZ011  the machine's, as the browser's
    page.get_by_label("마감").fill(f"{due:%Y-%m-%d}T22:00")
    page.get_by_role("button", name="숙제 내기").click()
    page.get_by_text(re.compile(r"\d+명 미제출")).first.wait_for()
    page.get_by_role("link", name="대신 제출").first.click()
    page.locator("input[type=file]").set_input_files(photos_of_homework(tmp_path))
    page.get_by_role("button", name="올리기").click()
    page.get_by_role("button", name="다시 읽기").wait_for(timeout=READ_MS)
    desk.picture("story-homework")
    desk.is_for_everybody("story-homework")

    page.goto(exam)
    page.get_by_role("link", name="삭제하기").click()
    page.get_by_text("답안지와 채점 결과").wait_for()
    desk.picture("story-delete")
    desk.is_for_everybody("story-delete")
    page.get_by_role("button", name="삭제").click()
    page.get_by_text("휴지통에서 복원할 수 있습니다.").wait_for()
    desk.open("/admin/trash/deletion/")
    desk.picture("story-trash")
    page.locator("#result_list").get_by_role("link", name=f"주간평가 {size}").click()
    page.get_by_role("button", name="복원").click()
    page.get_by_text("복원했습니다.").wait_for()
    assert page.url == exam
    desk.is_for_everybody("story-restored")
    assert desk.complaints == []
    desk.context.close()
