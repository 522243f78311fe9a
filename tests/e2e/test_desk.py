"""The desk in a real browser, on the stack as `make dev` starts it: log in, make what a day needs, see it read.

Pictures of every page at the sizes of a desk, a tablet and a phone go to build/screenshots, for people to look at.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pytest
from PIL import Image

from infra.demo.__main__ import PASSWORD, Academy, create_academy
from infra.demo.client import StaffClient
from infra.demo.paper import FLAT, as_one_pdf, make_sheet, make_sheets
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.supervisor import Stack
from sheets.layout import design_layout
from tests.e2e.conftest import NEEDS_CHROMIUM
from tests.vision.foreign_sheet import draw_sheet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

BUILD: Final = Path(__file__).resolve().parents[2] / "build"
STATE: Final = BUILD / "e2e-desk"
SCREENSHOTS: Final = BUILD / "screenshots"
AXE: Final = BUILD.parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
ACADEMY: Final = Academy("hana", "하나수학학원", "010-1234-5678", "중2 심화반", "박하나", "11월 월말평가", 7_000)
SIZES: Final = {"desktop": (1280, 900), "tablet": (820, 1180), "phone": (390, 844)}
QUESTIONS: Final = 20
KEY: Final = {number: (number - 1) % 5 + 1 for number in range(1, QUESTIONS + 1)}
Answers: TypeAlias = Mapping[str, tuple[str, ...]]
Meant: TypeAlias = Mapping[str, tuple[Answers, list[int]]]
ORDER_OF_B: Final = [2, 1, *range(3, QUESTIONS + 1)]
KEYS: Final = {"누구의 답안지인가요?": "Digit1", "어떤 답을 표시했나요?": "Digit2", "어느 유형인가요?": "Digit2"}
NOT_READ: Final = "이 페이지는 읽지 못했습니다."
MAX_ASKED: Final = 8
# Of the sheets that the demo's generator draws, with a field for the version: A and B all clear; A with a digit of the
# number off; B with a faint trace beside 2 of question 12; one without a version.
CLEAR_A, CLEAR_B, NUMBER_OFF, FAINT, NO_VERSION = 7_005, 7_015, 7_006, 7_495, 7_003
CLASS: Final = {
    "강서연": "960904",
    "윤채원": "581469",
    "조민준": "041342",
    "한지호": "832711",
    "최도윤": "670620",
    "백지우": "500001",
}

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as running:
        assert running.wait_for_web()
        create_academy(running.environment, ACADEMY)
        yield running


class Desk:
    """A browser at the desk of one academy, which fails the test for whatever the console complains about."""

    def __init__(self, browser: Browser, port: int, size: str) -> None:
        width, height = SIZES[size]
        self.size, self.origin = size, f"http://hana.localhost:{port}"
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": height}, locale="en-US", has_touch=size != "desktop"
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} {message.location['url']}")

    def open(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def picture(self, name: str) -> None:
        """Save a picture of the whole page, which must not be wider than the screen."""
        self.page.evaluate("[...document.images].forEach((one) => { one.loading = 'eager'; })")
        self.page.evaluate("Promise.all([document.fonts.ready, ...[...document.images].map((one) => one.decode())])")
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{self.size}-{name}.png", full_page=True)

    def is_for_everybody(self, name: str) -> None:
        """No serious violation of accessibility."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [
            (rule["id"], [node["html"] for node in rule["nodes"]])
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
        ]
        assert serious == [], name

    def log_in(self) -> None:
        self.open("/admin/")
        self.page.get_by_label("전화번호").press_sequentially("01012345678")
        assert self.page.get_by_label("전화번호").input_value() == "010-1234-5678"
        self.page.get_by_label("비밀번호").fill(PASSWORD)
        self.picture("log-in")
        self.page.get_by_role("button", name="로그인", exact=True).click()
        self.page.wait_for_url("**/admin/")


def test_a_teachers_first_day(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    """Log in, add a student, make an exam with its key, hand in a sheet by the page, see it read and scored."""
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()
    desk.picture("home-empty")

    exam_id, number, pictures = _sheets(stack, tmp_path)
    desk.open("/admin/students/student/add/")
    page.get_by_label("이름").fill("김하늘")
    page.get_by_label("학생 번호").fill(number)
    desk.picture("student-add")
    page.get_by_role("button", name="등록", exact=True).click()
    page.get_by_text("김하늘 학생을 등록했습니다.").wait_for()
    desk.picture("student")

    desk.open("/admin/exams/exam/add/")
    page.get_by_label("시험 이름").fill("12월 쪽지시험")
    page.get_by_label("객관식 문항 수").fill("5")
    page.get_by_label("정답표").fill("1 2 3")
    page.get_by_role("button", name="시험 만들기").click()
    page.get_by_text("문항은 5개인데 정답은 3개입니다.").wait_for()
    page.get_by_label("정답표").fill("12345")
    desk.picture("exam-add")
    page.get_by_role("button", name="시험 만들기").click()
    page.get_by_text("시험을 만들었습니다.").wait_for()

    desk.open(f"/admin/exams/exam/{exam_id}/key/")
    page.get_by_label("정답표").fill("1 2 3 4 5 " * (QUESTIONS // 5))
    page.get_by_role("button", name="저장하고 채점하기").first.click()
    page.get_by_text("정답표를 저장하고").wait_for()
    page.get_by_role("link", name="답안지 제출").click()
    page.locator("#files").set_input_files(pictures)
    page.locator("#uploads .desk-success").nth(1).wait_for(timeout=90_000)
    desk.picture("hand-in")
    page.get_by_role("link", name=pictures[0].name).click()
    page.get_by_role("link", name="김하늘").first.wait_for()
    desk.picture("batch")
    page.get_by_role("link", name="김하늘").first.click()
    page.locator(".desk-overlay").wait_for()
    assert page.evaluate("document.querySelector('.desk-overlay').naturalWidth") > 500
    assert page.get_by_text("학생 확인됨").count() == 1
    desk.picture("scan")
    assert desk.complaints == []

    page.get_by_role("button", name="English").click()
    page.get_by_role("heading", name="Answers").wait_for()
    page.get_by_role("button", name="한국어").click()
    page.get_by_role("button", name="로그아웃").click()
    page.get_by_role("button", name="로그인", exact=True).wait_for()
    desk.open(f"/admin/exams/exam/{exam_id}/")
    page.get_by_label("비밀번호").wait_for()
    assert desk.complaints == []
    desk.context.close()


def test_the_whole_way_of_an_exam(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    """Make it with its key and versions, print, hand in a mixed PDF, check by keys, publish, correct the key, analyse.

    The PDF: sheets of two versions, one upside down, a blank page, and a page of another exam.
    """
    _make_class(stack)
    desk = Desk(browser, stack.port, "desktop")
    page = desk.page
    desk.log_in()

    desk.open("/admin/exams/exam/add/")
    page.get_by_label("시험 이름").fill("기말 모의고사")
    page.get_by_label("강좌").select_option(label=ACADEMY.course)
    page.get_by_text("다른 문항 종류, 시험지 유형, 감점").click()
    page.get_by_label("시험지 유형").select_option(label="A, B")
    page.get_by_label("오답 감점").fill("1")
    page.get_by_label("정답표").fill("\n".join(f"{number}\t{KEY[number]}\t5" for number in range(1, QUESTIONS + 1)))
    page.get_by_role("button", name="시험 만들기").click()
    page.get_by_text("시험을 만들었습니다.").wait_for()
    exam_id = int(page.url.rstrip("/").rsplit("/", 1)[1])

    page.get_by_role("link", name="정답표").click()
    page.get_by_label("B형 문항 순서").fill(" ".join(map(str, ORDER_OF_B)))
    desk.picture("key-versions")
    page.locator("form", has=page.get_by_label("B형 문항 순서")).get_by_role("button", name="저장하고 채점하기").click()
    page.get_by_text("정답표를 저장하고").wait_for()

    page.get_by_role("link", name="답안지 인쇄").click()
    page.get_by_label("옆자리 학생과 다른 유형 배부").check()
    page.get_by_text("일부 학생만 선택").click()
    page.get_by_label("백지우").check()
    page.get_by_role("button", name="답안지 만들기").click()
    printed = page.get_by_role("link", name="열기")
    printed.wait_for()
    desk.picture("sheets")
    handed_in, meant = _files(stack, exam_id, tmp_path, printed.get_attribute("href") or "")

    page.get_by_role("link", name="답안지 제출").click()
    _drop(page, handed_in)
    page.locator("#uploads .desk-success").wait_for(timeout=90_000)  # the printed sheet
    page.locator("#uploads .desk-warning").wait_for(timeout=90_000)  # the PDF, of which two pages are none of ours
    desk.picture("hand-in-dropped")
    page.get_by_role("link", name="답안 확인").click()
    assert _decide_by_keys(desk) == {*KEYS, NOT_READ}
    page.get_by_text("모두 확인했습니다.").wait_for()
    page.get_by_role("link", name="결과 공개하러 가기").click()
    page.get_by_role("button", name="결과 6건 공개").click()
    page.get_by_text("결과를 공개했습니다.").wait_for()
    desk.picture("publish")
    expected = {name: _scored(answers, order) for name, (answers, order) in meant.items()}
    assert _points(stack, exam_id) >= expected.items()

    page.get_by_role("link", name="정답표").click()
    page.get_by_label("정답표").fill(" ".join(["1/2/3/4/5", *map(str, list(KEY.values())[1:])]))
    page.get_by_role("button", name="바뀌는 점수 미리 보기").first.click()
    page.locator("#preview").wait_for()
    assert page.locator("#preview tbody tr").count() > 0
    desk.picture("key-preview")
    page.get_by_role("button", name="저장하고 채점하기").first.click()
    page.get_by_text("정답표를 저장하고 답안지 6장을").wait_for()
    page.get_by_role("link", name="분석").click()
    page.get_by_text("신뢰도 (크론바흐 알파)").wait_for()
    desk.picture("analysis")
    desk.is_for_everybody("analysis")
    page.get_by_label("파일의 용도").fill("학부모 상담")
    with page.expect_download() as download:
        page.get_by_role("button", name="내려받기").click()
    assert download.value.suggested_filename.startswith(f"results-{exam_id}-")
    assert download.value.path().read_bytes().startswith(b"PK")
    assert desk.complaints == []
    desk.context.close()


def test_a_sheet_of_another_maker_is_drawn_by_dragging(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    """One drag round all questions makes a box of every even run; boxes move by keys; the filled sheet is read."""
    blank, filled = tmp_path / "빈 답안지.jpg", tmp_path / "답안.jpg"
    blank.write_bytes(_jpeg(Image.fromarray(draw_sheet({}))))
    filled.write_bytes(_jpeg(Image.fromarray(draw_sheet(dict.fromkeys(range(1, 46), 3), number="500009"))))
    desk = Desk(browser, stack.port, "tablet")
    page = desk.page
    desk.log_in()
    desk.open("/admin/exams/blanksheet/add/")
    page.get_by_label("답안지 이름").fill("모의고사 45문항")
    page.locator("input[type=file]").set_input_files(blank)
    desk.picture("blank-add")
    page.get_by_role("button", name="올리기").click()
    page.locator("#sheet").wait_for(timeout=90_000)
    page.evaluate("document.querySelector('.desk-drawing').style.maxHeight = 'none'")
    page.set_viewport_size({"width": 820, "height": 1600})
    page.get_by_role("button", name="문항", exact=True).click()
    _drag(page, (0.07, 0.44), (0.95, 0.95))
    page.get_by_role("button", name="학생 번호", exact=True).click()
    _drag(page, (0.58, 0.15), (0.9, 0.42))
    boxes = page.locator("#box-list button")
    assert boxes.all_inner_texts() == [
        *(f"{place}. 문항 {5 * place - 4}–{5 * place}" for place in range(1, 10)),
        "10. 학생 번호",
    ]
    boxes.nth(8).click()
    page.locator(".desk-box.is-here").focus()
    before = float(page.locator("[data-field=x1]").input_value())
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowLeft", "Shift+ArrowLeft", "ArrowRight"):
        page.keyboard.press(key)
    assert float(page.locator("[data-field=x1]").input_value()) == before + 1
    desk.picture("blank-drawn")
    desk.is_for_everybody("blank-drawn")
    page.get_by_label("시험 이름").fill("3월 모의고사")
    page.get_by_role("button", name="시험 만들기").click()
    page.get_by_text("시험을 만들었습니다. 작성한 답안지를").wait_for()
    page.get_by_role("link", name="답안지 제출").click()
    page.locator("#files").set_input_files(filled)
    page.locator("#uploads .desk-success").wait_for(timeout=90_000)
    page.get_by_role("link", name=filled.name).click()
    page.get_by_role("link", name="500009").first.click()
    page.locator(".desk-overlay").wait_for()
    assert page.locator("tbody tr", has_text="3").count() >= 45
    desk.picture("scan-of-other")
    assert desk.complaints == []
    desk.context.close()


def _drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the picture of the sheet, from and to shares of its width and height."""
    box = page.locator("#sheet").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=4)
    page.mouse.up()


@pytest.mark.parametrize("size", SIZES)
def test_every_page_fits_the_screen(stack: Stack, browser: Browser, size: str) -> None:
    desk = Desk(browser, stack.port, size)
    desk.log_in()
    for name, path in (
        ("home", "/admin/"),
        ("exams", "/admin/exams/exam/"),
        ("exam", "/admin/exams/exam/1/"),
        ("key", "/admin/exams/exam/1/key/"),
        ("sheets-empty", "/admin/exams/exam/1/sheets/"),
        ("inbox", "/admin/exams/exam/1/inbox/"),
        ("publish-first", "/admin/exams/exam/1/publish/"),
        ("analysis-first", "/admin/exams/exam/1/analysis/"),
        ("hand-in-empty", "/admin/exams/batch/add/"),
        ("batches", "/admin/exams/batch/"),
        ("blank-sheets", "/admin/exams/blanksheet/"),
        ("blank-sheet", "/admin/exams/blanksheet/1/"),
        ("template", "/admin/exams/blanksheet/template/"),
        ("scans", "/admin/exams/scan/"),
        ("to-check", "/admin/exams/scan/?review=1"),
        ("scan-narrow", "/admin/exams/scan/1/"),
        ("students", "/admin/students/student/"),
        ("people", "/admin/accounts/user/"),
        ("person", "/admin/accounts/user/1/"),
        ("invite", "/admin/accounts/user/add/"),
        ("jobs", "/admin/jobs/job/"),
        ("account", "/admin/account/"),
    ):
        desk.open(path)
        desk.picture(name)
        if size == "tablet":
            desk.is_for_everybody(name)
    if size != "desktop":
        desk.page.locator(".desk-burger").click()
        desk.page.get_by_role("link", name="확인할 답안").wait_for()
        desk.page.screenshot(path=SCREENSHOTS / f"{size}-menu.png")
    assert desk.complaints == []
    desk.open("/admin/nothing/")
    desk.page.get_by_text("페이지를 찾을 수 없습니다").wait_for()
    desk.page.screenshot(path=SCREENSHOTS / f"{size}-missing.png")
    desk.context.close()


def _sheets(stack: Stack, folder: Path) -> tuple[int, str, list[Path]]:
    """An exam, a student number, and pictures: the sheet with that number, and one whose number is not clear."""
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6)
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        exam_id = int(staff.post("/exams", {"title": ACADEMY.exam, "question_count": QUESTIONS})["id"])
        pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
    unclear, clear = make_sheets(pdf, layout, {FLAT: 2}, seed=ACADEMY.seed)
    pictures = [folder / "김하늘 답안지.jpg", folder / "스캔 2.jpg"]
    for picture, sheet in zip(pictures, (clear, unclear), strict=True):
        picture.write_bytes(sheet.picture)
    assert clear.truth.student_number is not None
    return exam_id, clear.truth.student_number, pictures


def _make_class(stack: Stack) -> None:
    """A course with its students: those of the drawn sheets, one of them with another last digit, and one more."""
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        course = {"name": ACADEMY.course, "schedule": "월수금 17:00", "starts_on": "2026-03-02"}
        course_id = int(staff.post("/courses", course)["id"])
        students = [staff.post("/students", {"name": name, "number": number})["id"] for name, number in CLASS.items()]
        staff.post(f"/courses/{course_id}/students", {"students": students})


def _files(stack: Stack, exam_id: int, folder: Path, printed_url: str) -> tuple[list[Path], Meant]:
    """A mixed PDF, and the sheet printed for one student, handed in as it is; and what two of the sheets say."""
    layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6, version_count=2)
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
        other = staff.post("/exams", {"title": "다른 시험", "question_count": QUESTIONS, "version_count": 2})
        other_pdf = staff.get_bytes(f"/exams/{other['id']}/sheet.pdf")
        printed = staff.picture(printed_url)
    clear_a, clear_b, *doubtful = [
        make_sheet(pdf, layout, FLAT, seed) for seed in (CLEAR_A, CLEAR_B, NUMBER_OFF, FAINT, NO_VERSION)
    ]
    blank = replace(clear_a, picture=_jpeg(Image.new("L", (1240, 1754), 250)))
    upside_down = replace(clear_b, picture=_jpeg(Image.open(BytesIO(clear_b.picture)).rotate(180)))
    pages = [clear_a, upside_down, *doubtful, blank, make_sheet(other_pdf, layout, FLAT, CLEAR_A)]
    files = {"스캔 묶음.pdf": as_one_pdf(pages), "백지.pdf": printed}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    meant = {
        "강서연": (clear_a.truth.answers, list(KEY)),
        "윤채원": (clear_b.truth.answers, ORDER_OF_B),
    }
    return [folder / name for name in files], meant


def _jpeg(picture: Image.Image) -> bytes:
    target = BytesIO()
    picture.save(target, "JPEG", quality=88)
    return target.getvalue()


def _scored(answers: Answers, order: list[int]) -> float:
    """Five points for a right answer, one off for a wrong one; ``order``: the key's questions as they are printed."""
    marked = [answers[f"q{number}"] for number in range(1, QUESTIONS + 1)]
    return sum(
        5 if choices[0] == str(KEY[number]) else -1
        for choices, number in zip(marked, order, strict=True)
        if len(choices) == 1
    )


def _points(stack: Stack, exam_id: int) -> AbstractSet[tuple[str, float]]:
    with StaffClient(stack.port, "hana.localhost") as staff:
        staff.log_in(ACADEMY.phone, PASSWORD)
        rows: Any = staff.get(f"/exams/{exam_id}/results")
        return {row["name"]: float(row["points"]) for row in rows if row["points"] is not None}.items()


def _decide_by_keys(desk: Desk) -> set[str]:
    """Clear the inbox by keys, and by a button what no key is for: pages that are no sheet. Returns what was asked."""
    page = desk.page
    asked: set[str] = set()
    for number in range(MAX_ASKED):
        page.locator("#review, .desk-empty").first.wait_for()
        if page.locator("#review").count() == 0:
            return asked
        desk.picture(f"inbox-{number}")
        desk.is_for_everybody("inbox")
        if page.get_by_text(NOT_READ).count():
            asked.add(NOT_READ)
            with page.expect_navigation():
                page.get_by_role("button", name="채점에서 제외").click()
            continue
        for question in page.locator("[data-item] legend").all_inner_texts():
            asked |= {known for known in KEYS if known in question}
            [key] = [KEYS[known] for known in KEYS if known in question]
            page.keyboard.press(key)
        assert page.locator("[data-item]:not(.is-decided)").count() == 0
        with page.expect_navigation():
            page.keyboard.press("Enter")
    raise AssertionError("the inbox never ends")


def _drop(page: Page, files: list[Path]) -> None:
    """Let go of ``files`` over the page's field, as a mouse does."""
    sent = [{"name": file.name, "data": b64encode(file.read_bytes()).decode()} for file in files]
    held = page.evaluate_handle(
        """files => {
            const held = new DataTransfer();
            for (const file of files) {
                const bytes = Uint8Array.from(atob(file.data), (one) => one.charCodeAt(0));
                held.items.add(new File([bytes], file.name, { type: "application/pdf" }));
            }
            return held;
        }""",
        sent,
    )
    page.locator("#drop").dispatch_event("drop", {"dataTransfer": held})
