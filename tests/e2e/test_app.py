"""The students' and parents' app in a real browser at a phone's size, on the stack as `make dev` starts it.

Pictures of every page in Korean and English go to build/screenshots, for people to look at.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx
import pytest
from PIL import Image

from benchmarks.homework.generator import CONDITIONS, make_sample
from benchmarks.homework.worksheets import DPI, draw_worksheet
from benchmarks.homework.writing import WritingDials
from infra.demo.__main__ import PASSWORD, Academy, create_academy
from infra.demo.client import File, StaffClient
from infra.demo.paper import FLAT, PHONE, make_sheets
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from sheets.layout import design_layout
from tests.e2e.conftest import NEEDS_APP, make_student

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, FilePayload, Page, Route

STATE: Final = ROOT / "build" / "e2e-app"
SCREENSHOTS: Final = ROOT / "build" / "screenshots"
AXE: Final = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
ACADEMY: Final = Academy(
    "hana", "하나수학학원", "010-1234-5678", "중2 수학 심화반", "박하나", "11월 월말평가 중2 수학", 7_000
)
QUESTIONS: Final = 20
STUDENT_PHONE, GUARDIAN_PHONE, OTHER_STUDENT_PHONE = "010-2222-0001", "010-2222-0002", "010-2222-0003"
HOMEWORK, OTHER_HOMEWORK = "3단원 함수 익힘책", "3단원 함수 다시 풀기"
WORKSHEET_SEEDS: Final = (4, 6)  # one for each of its pages
WAIT_MS: Final = 30_000

pytestmark = NEEDS_APP


@dataclass(frozen=True, slots=True)
class School:
    """One academy with one exam that was read, its student, and the student's guardian of two children.

    All its students have two pieces of homework, on one worksheet of two pages.
    """

    port: int
    staff: StaffClient
    exam_id: int
    student: dict[str, Any]
    picture: bytes
    other_picture: bytes
    homework_id: int


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
        layout = design_layout(question_count=QUESTIONS, choice_count=5, number_digits=6)
        worksheet_id = _send_worksheet(staff)
        exam_id = int(staff.post("/exams", {"title": ACADEMY.exam, "question_count": QUESTIONS})["id"])
        sheets = make_sheets(staff.get_bytes(f"/exams/{exam_id}/sheet.pdf"), layout, {FLAT: 6, PHONE: 1}, seed=7_000)
        key = {label: [str(index % 5 + 1)] for index, label in enumerate(layout.question_labels)}
        staff.put(f"/exams/{exam_id}/key", {"answers": key, "points": dict.fromkeys(key, "5")})
        students: dict[str, dict[str, Any]] = {}
        for sheet in sheets[:6]:
            number = sheet.truth.student_number or ""
            if "?" not in number and number not in students:
                students[number] = staff.post("/students", {"number": number, "name": f"김하윤{len(students) or ''}"})
            staff.hand_in(exam_id, File("답안지.jpg", "image/jpeg", sheet.picture))
        results = _results_when_read(stack, staff, exam_id, len(sheets) - 1)
        shown = {"shows_answers": True, "waived_reason": "먼저 보여 주기"}
        staff.post(f"/exams/{exam_id}/publish", shown, expect=200)
        sure = next(row for row in results if row["unsure_count"] == 0)
        student = students[sure["number"]]
        _give_accounts(staff, student["id"], next(one["id"] for one in students.values() if one != student))
        homework_id = _give_homework(staff, worksheet_id)
        yield School(stack.port, staff, exam_id, student, sheets[-1].picture, sheets[0].picture, homework_id)


def _send_worksheet(staff: StaffClient) -> int:
    first, *others = [Image.fromarray(draw_worksheet(seed).page) for seed in WORKSHEET_SEEDS]
    pdf = BytesIO()
    first.save(pdf, "PDF", resolution=DPI, save_all=True, append_images=others)
    upload_id = staff.upload(File("익힘책.pdf", "application/pdf", pdf.getvalue()))
    return int(staff.post("/worksheets", {"title": HOMEWORK, "upload": upload_id}, expect=202)["id"])


def _give_homework(staff: StaffClient, worksheet_id: int) -> int:
    """Two pieces to every student, among them one more with a telephone of their own; returns the first one's id."""
    make_student(staff, "240777", "박서준", OTHER_STUDENT_PHONE)
    for _ in range(600):
        if staff.get(f"/worksheets/{worksheet_id}")["page_count"] is not None:
            ids = []
            for days, title in enumerate((HOMEWORK, OTHER_HOMEWORK), start=2):
                due_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
                homework = staff.post("/homework", {"title": title, "worksheet": worksheet_id, "due_at": due_at})
                ids.append(int(homework["id"]))
            return ids[0]
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _photograph_homework() -> list[bytes]:
    """A photo of each page, written on by a student and marked in red by their teacher."""
    condition = replace(CONDITIONS["phone"], is_turned=False, writing=WritingDials(marked=1.0))
    photos = []
    for index, seed in enumerate(WORKSHEET_SEEDS):
        photo = BytesIO()
        sample = make_sample(condition, index + 1, worksheet_seed=seed)
        Image.fromarray(sample.image[:, :, ::-1]).save(photo, "JPEG", quality=90)
        photos.append(photo.getvalue())
    return photos


def _results_when_read(stack: Stack, staff: StaffClient, exam_id: int, count: int) -> Any:
    for _ in range(600):
        scans = staff.scans(exam_id)
        if len(scans) == count and all(scan["state"] in {"succeeded", "failed"} for scan in scans):
            return staff.get(f"/exams/{exam_id}/results")
        stack.revive()
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _give_accounts(staff: StaffClient, student_id: int, sibling_id: int) -> None:
    staff.put(f"/students/{student_id}/birth-year", {"birth_year": 2008})
    staff.put(f"/students/{sibling_id}/birth-year", {"birth_year": 2016})
    staff.post(f"/students/{student_id}/account", {"phone": STUDENT_PHONE})
    for child in (student_id, sibling_id):
        staff.post(f"/students/{child}/guardians", {"phone": GUARDIAN_PHONE, "name": "이정민"})


class Phone:
    """A telephone with the app, which fails the test for what the page's policy or a script complains about."""

    used_codes: ClassVar[set[str]] = set()  # the newest on the page may be of an earlier log-in

    def __init__(self, browser: Browser, port: int, *, language: str = "ko") -> None:
        self.origin, self.language = f"http://hana.localhost:{port}", language
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 390, "height": 844},
            locale="ko-KR" if language == "ko" else "en-US",
            has_touch=True,
            is_mobile=True,
            device_scale_factor=2,
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        # What the network does is what the test does to it; answers of 4xx are the pages' to show.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(self.origin + path)

    def tap(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).or_(
            self.page.get_by_role("link", name=name, exact=True)
        ).first.click()

    def see(self, text: str | re.Pattern[str]) -> None:
        self.page.get_by_text(text).first.wait_for()

    def picture(self, name: str) -> None:
        """Save a picture in each language; the page must fit telephones down to 320 pixels, and people who hear it."""
        self.page.wait_for_load_state("networkidle")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for language in sorted(("ko", "en"), key=lambda one: one == self.language):  # its own comes last, and stays
            self._speak(language)
            for width, height in ((320, 640), (390, 844)):
                self.page.set_viewport_size({"width": width, "height": height})
                self.page.evaluate("scrollTo(0, 0)")  # what sticks to the top is drawn where the page is scrolled to
                file = SCREENSHOTS / f"app-{name}-{language}-{width}.png"
                self.page.screenshot(path=file, full_page=True)
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{name} ({language}) is {wide} pixels wide where there are {width}"
            self._is_for_everybody(f"{name} ({language})")

    def _speak(self, language: str) -> None:
        """As if the language were chosen in another tab."""
        self.page.evaluate(
            "language => dispatchEvent(new StorageEvent('storage', {key: 'language', newValue: language}))", language
        )
        self.page.wait_for_function("language => document.documentElement.lang === language", arg=language)
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def _is_for_everybody(self, name: str) -> None:
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run({resultTypes: ['violations']})")
        serious = [
            (rule["id"], [node["html"] for node in rule["nodes"]])
            for rule in found["violations"]
            if rule["impact"] in {"serious", "critical"}
        ]
        assert serious == [], name

    def log_in_by_code(self, phone: str) -> None:
        ko = self.language == "ko"
        self.page.get_by_label("휴대폰 번호" if ko else "Mobile number").fill(phone)
        self.tap("문자로 인증번호 받기" if ko else "Text me a code")
        self.page.get_by_label("인증번호" if ko else "Code", exact=True).fill(self.code_sent_to(phone))
        self.picture("code")
        self.tap("로그인" if ko else "Log in")

    def code_sent_to(self, phone: str) -> str:
        """The newest code on the page of development that shows what would have been texted."""
        number = "+82" + phone.replace("-", "")[1:]
        for _ in range(100):
            page = httpx.get(
                self.origin.replace("hana.localhost", "127.0.0.1") + "/dev/outbox",
                headers={"Host": self.origin.removeprefix("http://")},
            ).text
            found = re.search(rf"<td>{re.escape(number)}</td><td>[^<]*?인증번호 ([0-9]{{6}})", page)
            if found and found[1] not in self.used_codes:
                self.used_codes.add(found[1])
                return found[1]
            self.page.wait_for_timeout(100)
        raise AssertionError("no text came")

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


def test_a_student_gets_in_by_code_and_sees_their_sheet(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/results")
    phone.see("문자로 인증번호 받기")
    phone.picture("log-in")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.see("환영합니다")  # the first time there is no password yet
    phone.picture("first-password")
    phone.page.get_by_label("새 비밀번호").first.fill("correct-horse-42")
    phone.tap("저장")
    phone.page.get_by_role("link", name=ACADEMY.exam).click()  # where one wanted to go
    phone.see("맞음")
    sheet = phone.page.get_by_alt_text("읽은 답이 표시된")
    sheet.scroll_into_view_if_needed()
    phone.page.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 300)")
    phone.picture("result")
    phone.close()


def test_a_guardian_consents_and_chooses_the_child(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/")
    phone.log_in_by_code(GUARDIAN_PHONE)
    phone.tap("나중에")
    phone.see("누구의 소식을 볼까요?")
    phone.see("보호자 동의가 필요해요")
    phone.picture("children")
    phone.tap("보호자 동의가 필요해요 동의 보기")
    phone.see("법정대리인")
    phone.tap("동의합니다")
    phone.see(re.compile("님이 .*에 동의했어요"))
    phone.picture("consent-given")
    phone.tap("뒤로")
    phone.page.get_by_role("button", name=school.student["number"]).click()
    phone.see(ACADEMY.exam)
    phone.picture("guardian-home")
    phone.tap("숙제")
    phone.page.get_by_role("link", name=HOMEWORK).click()
    phone.see("사진 찍기")
    phone.picture("guardian-homework")
    phone.close()


def test_a_hand_in_outlives_a_lost_connection_and_a_reload_and_arrives_once(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/hand-in")
    phone.tap("비밀번호로 로그인")
    phone.page.get_by_label("휴대폰 번호").fill(ACADEMY.phone)
    phone.page.get_by_label("비밀번호").first.fill(PASSWORD)
    phone.picture("log-in-password")
    phone.tap("로그인")
    phone.page.get_by_label("어느 시험인가요?").select_option(label=ACADEMY.exam)
    before = len(school.staff.scans(school.exam_id))
    phone.page.get_by_label("사진·PDF 고르기").set_input_files(
        {"name": "내 답안지.jpg", "mimeType": "image/jpeg", "buffer": school.picture}
    )
    phone.see("잘 찍혔어요")
    phone.picture("hand-in")
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    phone.context.set_offline(True)
    phone.tap("1개 보내기")
    phone.see("아직 보내지 못했어요")
    phone.page.reload()
    phone.see("아직 보내지 못했어요")
    phone.picture("hand-in-waiting")
    phone.context.set_offline(False)
    phone.see(re.compile("다 읽었어요"))
    phone.picture("hand-in-read")
    phone.page.reload()
    phone.see("다 읽었어요")
    assert len(school.staff.scans(school.exam_id)) == before + 1
    phone.open("/")
    phone.see("다 읽었어요")
    phone.picture("staff-home")
    phone.close()


def test_what_is_no_sheet_is_warned_of_and_then_said_why(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/log-in?to=/hand-in")
    phone.tap("비밀번호로 로그인")
    phone.page.get_by_label("휴대폰 번호").fill(ACADEMY.phone)
    phone.page.get_by_label("비밀번호").first.fill(PASSWORD)
    phone.tap("로그인")
    phone.page.get_by_label("어느 시험인가요?").select_option(label=ACADEMY.exam)
    icon = ROOT / "frontend" / "public" / "icons" / "512.png"
    phone.page.get_by_label("사진·PDF 고르기").set_input_files(icon)
    phone.see("네 모서리의 검은 네모가 다 보이지 않아요.")
    phone.tap("1개 보내기")
    phone.see("읽지 못한 쪽이 있어요")
    phone.picture("hand-in-failed")
    phone.close()


class Tunnel:
    """The way of what a telephone sends: the second photo gets nowhere, and the first answer to a hand-in is lost."""

    def __init__(self, phone: Phone) -> None:
        self.is_cut = self.is_repaired = False
        self.photos_sent = 0
        self.answers: list[httpx.Response] = []
        phone.context.route(lambda url: "/api/" not in url, self._photo)
        phone.context.route(re.compile("/me/homework/[0-9]+/submissions$"), self._hand_in)

    def _photo(self, route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
        elif self.is_cut or (self.photos_sent == 1 and not self.is_repaired):
            self.is_cut = True
            route.abort("internetdisconnected")
        else:
            self.photos_sent += 1
            route.continue_()

    def repair(self) -> None:
        self.is_cut, self.is_repaired = False, True

    def _hand_in(self, route: Route) -> None:
        asked = route.request
        # By address: the container's resolver knows no hosts below localhost.
        url = asked.url.replace("hana.localhost", "127.0.0.1")
        headers = asked.all_headers() | {"host": asked.url.split("/")[2]}
        self.answers.append(httpx.post(url, content=asked.post_data_buffer, headers=headers, timeout=WAIT_MS / 1000))
        if len(self.answers) == 1:
            route.abort("internetdisconnected")
        else:
            answer = self.answers[-1]
            route.fulfill(status=answer.status_code, body=answer.content, content_type="application/json")


def test_homework_cut_off_between_two_photos_arrives_once_and_is_shown_problem_by_problem(
    browser: Browser, school: School
) -> None:
    phone = Phone(browser, school.port)
    phone.open("/")
    phone.log_in_by_code(OTHER_STUDENT_PHONE)
    phone.tap("나중에")
    phone.see("할 숙제")
    phone.picture("homework-home")
    phone.tap("숙제")
    phone.page.get_by_role("link", name=HOMEWORK).click()
    first, second = _photograph_homework()
    chosen: list[FilePayload] = [
        {"name": "둘째 쪽.jpg", "mimeType": "image/jpeg", "buffer": second},
        {"name": "첫 쪽.jpg", "mimeType": "image/jpeg", "buffer": first},
    ]
    phone.page.get_by_label("사진·PDF 고르기").set_input_files(chosen)
    phone.page.get_by_text("잘 찍혔어요").nth(1).wait_for()
    phone.tap("앞으로")
    phone.picture("homework-photos")
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    tunnel = Tunnel(phone)
    with phone.page.expect_event("requestfailed"):
        phone.tap("2개 보내기")
    assert (tunnel.is_cut, tunnel.photos_sent) == (True, 1)
    phone.see("아직 보내지 못했어요")
    phone.context.set_offline(True)
    phone.page.reload()
    phone.see("아직 보내지 못했어요")
    phone.picture("homework-waiting")
    tunnel.repair()
    phone.context.set_offline(False)
    phone.see("다 읽었어요")
    phone.page.get_by_text("2쪽", exact=True).wait_for()

    lost, answered = (answer.json() for answer in tunnel.answers)
    assert lost["id"] == answered["id"]
    assert tunnel.photos_sent == 2
    standing = school.staff.get(f"/homework/{school.homework_id}")
    (mine,) = [row for row in standing if row["number"] == "240777"]
    read = school.staff.get(f"/submissions/{mine['submission']['id']}")
    assert [page["worksheet_page"] for page in read["pages"]] == [1, 2]
    problems = [problem for page in read["pages"] for problem in page["problems"]]
    for verdict, shown in {"attempted": "풀었음", "blank": "빈 문제", "unsure": "확인 필요"}.items():
        count = sum(problem["verdict"] == verdict for problem in problems)
        assert phone.page.locator(".answer", has_text=shown).count() == count, verdict
    for mark, shown in {"right": "맞음", "wrong": "틀림"}.items():
        assert phone.page.locator(".mark", has_text=shown).count() == sum(one["mark"] == mark for one in problems)
    assert {"attempted", "blank"} <= {problem["verdict"] for problem in problems}
    phone.page.locator("button.answer").first.click()
    phone.page.get_by_alt_text(re.compile("문제에서 읽은 부분")).wait_for()
    for picture in phone.page.get_by_alt_text("읽은 결과가 표시된 숙제 사진").all():
        picture.scroll_into_view_if_needed()
    phone.page.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 30)")
    phone.picture("homework-read")
    phone.close()


def test_a_page_of_something_else_is_said_to_be_none_and_can_be_taken_again(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port, language="en")
    phone.open("/")
    phone.log_in_by_code(OTHER_STUDENT_PHONE)
    phone.tap("Later")
    phone.see("To do")
    phone.picture("homework-home")
    phone.tap("Homework")
    phone.see(OTHER_HOMEWORK)
    phone.picture("homework-list")
    phone.page.get_by_role("link", name=OTHER_HOMEWORK).click()
    first, _ = _photograph_homework()
    other = BytesIO()
    Image.fromarray(draw_worksheet(9).page).save(other, "JPEG")
    chosen: list[FilePayload] = [
        {"name": "page.jpg", "mimeType": "image/jpeg", "buffer": first},
        {"name": "other.jpg", "mimeType": "image/jpeg", "buffer": other.getvalue()},
    ]
    phone.page.get_by_label("Choose photos or PDF").set_input_files(chosen)
    phone.page.get_by_text("Looks good").nth(1).wait_for()
    phone.picture("homework-photos")
    phone.tap("Send 2")
    phone.see("Some pages were not recognised")
    phone.see("This was not recognised as a page of this homework.")
    phone.page.get_by_alt_text("Picture of the homework").scroll_into_view_if_needed()
    phone.page.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 300)")
    phone.picture("homework-unmatched")
    phone.tap("Take again")
    phone.see("Please send all pages again")
    phone.page.get_by_label("Choose photos or PDF").wait_for(state="attached")
    phone.close()


def test_whoever_is_suspended_is_out_without_touching_anything(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.open("/")
    phone.tap("비밀번호로 로그인")
    phone.page.get_by_label("휴대폰 번호").fill(STUDENT_PHONE)
    phone.page.get_by_label("비밀번호").first.fill("correct-horse-42")
    phone.tap("로그인")
    phone.see("안녕하세요")
    people = school.staff.get("/people?role=student")["results"]
    (student,) = [one for one in people if one["phone"].endswith("22220001")]
    school.staff.post(f"/people/{student['id']}/suspend", None, expect=200)
    phone.see("문자로 인증번호 받기")
    phone.close()
