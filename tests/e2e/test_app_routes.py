"""Every address that the app's router knows, full of what people see there: pictures in both languages and two widths.

The addresses are the router's own: one that is added is opened without being named here, and fails where it needs to
be told what its parameters are. Also that nothing is too wide and that nobody is kept out (axe): ``Phone.picture``.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import pytest
from PIL import Image

from benchmarks.homework.worksheets import DPI, draw_worksheet
from benchmarks.video.generator import Dials
from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import File, StaffClient
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from tests.e2e.conftest import NEEDS_APP
from tests.e2e.test_app import ACADEMY, GUARDIAN_PHONE, STUDENT_PHONE, Phone
from tests.e2e.test_objections import CLASS_SIZE, QUESTIONS, class_sheets, key_with
from tests.vision.films import draw_film, spoken_film

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STATE: Final = ROOT / "build" / "e2e-app-routes"
STUDENT_PASSWORD: Final = "correct-horse-42"

STUDENT, GUARDIAN, STAFF, NOBODY = "student", "guardian", "staff", "nobody"
# Who sees something there; all other pages are the student's.
READERS: Final[Mapping[str, tuple[str, ...]]] = {
    "/": (STUDENT, GUARDIAN, STAFF),
    "/account": (STUDENT, GUARDIAN, STAFF),
    "/children": (GUARDIAN,),
    "/children/$studentId/consent": (GUARDIAN,),
    "/hand-in": (STAFF,),
    "/log-in": (NOBODY,),
}

pytestmark = NEEDS_APP


@dataclass(frozen=True, slots=True)
class School:
    """An academy in which a student has something on every page, with the ids that addresses name."""

    port: int
    parameters: Mapping[str, int]


@pytest.fixture(scope="module")
def school(browser: Browser) -> Iterator[School]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as stack:
        assert stack.wait_for_web()
        create_academy(stack.environment, ACADEMY)
        with StaffClient(stack.port, "hana.localhost") as staff, StaffClient(stack.port, "hana.localhost") as student:
            staff.log_in(ACADEMY.phone, PASSWORD)
            course = int(staff.post("/courses", {"name": ACADEMY.course, "starts_on": "2026-03-02"})["id"])
            worksheet = _send_worksheet(staff)
            lecture = _send_lecture(staff, course)
            exam, mine = _sit_exam(staff, course)
            staff.post(f"/courses/{course}/students", {"students": [mine]})
            _wait(stack, lambda: staff.get(f"/worksheets/{worksheet}")["page_count"] is not None)
            homework = _give_homework(staff, worksheet)
            _set_password(browser, stack.port)
            student.log_in(STUDENT_PHONE, STUDENT_PASSWORD)
            film = _send_film(student)
            photo = File("1쪽.jpg", "image/jpeg", _photo_of_worksheet())
            wish = {"uploads": [student.upload(photo)]}
            student.post(f"/me/homework/{homework}/submissions", wish, expect=202)
            _wait(stack, lambda: len(_read_scans(staff, exam)) == CLASS_SIZE)
            shown = {"shows_rank": True, "shows_answers": True, "waived_reason": "먼저 보여 주기"}
            staff.post(f"/exams/{exam}/publish", shown, expect=200)
            page = student.get(f"/me/results/{exam}")["pages"][0]["id"]
            student.post(f"/me/results/{exam}/objections", {"page": page, "label": "q3", "values": ["4"]})
            student.post(f"/me/results/{exam}/objections", {"page": page, "note": "두 번째 장이 제 것이 아니에요"})
            _wait(stack, lambda: bool(staff.get(f"/lectures/{lecture}")["is_ready"]))
            staff.patch(f"/lectures/{lecture}", {"is_published": True})
            _wait(stack, lambda: student.get("/videos")["results"][0]["state"] == "succeeded")
            _wait(stack, lambda: _is_read(student, homework))
            parameters = {"examId": exam, "assignmentId": homework, "lectureId": lecture, "videoId": film}
            yield School(stack.port, {**parameters, "studentId": mine})


def _wait(stack: Stack, is_so: Callable[[], bool]) -> None:
    for _ in range(1_500):
        if is_so():
            return
        stack.revive()
        time.sleep(0.2)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _send_worksheet(staff: StaffClient) -> int:
    pdf = BytesIO()
    Image.fromarray(draw_worksheet(4).page).save(pdf, "PDF", resolution=DPI)
    upload = staff.upload(File("익힘책.pdf", "application/pdf", pdf.getvalue()))
    return int(staff.post("/worksheets", {"title": "3단원 함수 익힘책", "upload": upload}, expect=202)["id"])


def _photo_of_worksheet() -> bytes:
    photo = BytesIO()
    Image.fromarray(draw_worksheet(4).page).save(photo, "JPEG", quality=90)
    return photo.getvalue()


def _give_homework(staff: StaffClient, worksheet: int) -> int:
    ids = []
    for days, title in ((2, "3단원 함수 익힘책"), (-1, "2단원 일차방정식과 부등식의 활용 심화 문제 다시 풀기")):
        due_at = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        ids.append(int(staff.post("/homework", {"title": title, "worksheet": worksheet, "due_at": due_at})["id"]))
    return ids[0]


def _send_lecture(staff: StaffClient, course: int) -> int:
    film = File("1강.mp4", "video/mp4", spoken_film(20))
    wish = {"course": course, "title": "1강 이차함수의 뜻과 그래프", "upload": staff.upload(film)}
    return int(staff.post("/lectures", wish, expect=202)["id"])


def _send_film(student: StaffClient) -> int:
    path = STATE / "3단원 공책.mp4"
    draw_film(path, Dials("notebook", pages=2, stay=(2.5, 3.0)))
    upload = student.upload(File(path.name, "video/mp4", path.read_bytes()))
    return int(student.post("/videos", {"upload": upload, "title": "3단원 공책"}, expect=202)["id"])


def _sit_exam(staff: StaffClient, course: int) -> tuple[int, int]:
    """A class hands in; returns the exam's id and that of the student with a telephone and a guardian."""
    wish = {"title": ACADEMY.exam, "question_count": QUESTIONS, "course": course}
    exam = int(staff.post("/exams", wish)["id"])
    sheets = class_sheets(staff, exam, CLASS_SIZE)
    key = key_with(sheets[0].truth.answers, right=14)
    staff.put(f"/exams/{exam}/key", {"answers": key, "points": dict.fromkeys(key, "5")})
    ids = [
        int(staff.post("/students", {"number": sheet.truth.student_number, "name": "남궁하윤"})["id"])
        for sheet in sheets
    ]
    for child, born in zip(ids[:2], (2008, 2016), strict=True):
        staff.put(f"/students/{child}/birth-year", {"birth_year": born})
        staff.post(f"/students/{child}/guardians", {"phone": GUARDIAN_PHONE, "name": "이정민"})
    staff.post(f"/students/{ids[0]}/account", {"phone": STUDENT_PHONE})
    for sheet in sheets:
        staff.hand_in(exam, File("답안지.jpg", "image/jpeg", sheet.picture))
    return exam, ids[0]


def _read_scans(staff: StaffClient, exam: int) -> list[Any]:
    return [scan for scan in staff.scans(exam) if scan["state"] == "succeeded"]


def _is_read(student: StaffClient, homework: int) -> bool:
    (mine,) = [one for one in student.get("/me/homework") if one["assignment"] == homework]
    return bool(mine["submission"]["state"] == "succeeded")


def _set_password(browser: Browser, port: int) -> None:
    phone = Phone(browser, port)
    phone.open("/")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.page.get_by_label("새 비밀번호").first.fill(STUDENT_PASSWORD)
    phone.tap("저장")
    phone.see("안녕하세요")
    phone.close()


def _reader(browser: Browser, school: School, who: str) -> Phone:
    """A telephone whose owner is signed in, and has chosen their child."""
    phone = Phone(browser, school.port)
    phone.open("/")
    if who in {STUDENT, STAFF}:
        phone.tap("비밀번호로 로그인")
        number, password = (STUDENT_PHONE, STUDENT_PASSWORD) if who == STUDENT else (ACADEMY.phone, PASSWORD)
        phone.page.get_by_label("휴대폰 번호").fill(number)
        phone.page.get_by_label("비밀번호").first.fill(password)
        phone.tap("로그인")
        phone.see("안녕하세요")
    elif who == GUARDIAN:
        phone.log_in_by_code(GUARDIAN_PHONE)
        phone.tap("나중에")
        phone.page.get_by_role("button", name=re.compile("남궁하윤")).first.click()
        phone.see(ACADEMY.exam)
    return phone


def _routes(phone: Phone) -> list[str]:
    """What the router knows, as it says in the page."""
    found: list[str] = phone.page.evaluate("Object.keys(window.__TSR_ROUTER__.routesByPath)")
    return sorted(found)


@pytest.mark.parametrize("who", [STUDENT, GUARDIAN, STAFF, NOBODY])
def test_every_route_fits_and_can_be_read_in_both_languages(browser: Browser, school: School, who: str) -> None:
    phone = _reader(browser, school, who)
    routes = _routes(phone)
    assert len(routes) > 15, routes
    assert set(READERS) <= set(routes), "a route that is named here is gone"
    for route in routes:
        if who not in READERS.get(route, (STUDENT,)):
            continue
        path = re.sub(r"\$(\w+)", lambda found: str(school.parameters[found[1]]), route)
        phone.open(path)
        phone.page.locator("h1").first.wait_for()
        phone.page.wait_for_load_state("networkidle")
        phone.page.get_by_role("status").filter(has_text="불러오는 중").wait_for(state="detached")
        phone.page.evaluate("scrollTo(0, document.body.scrollHeight)")  # what is loaded when it is seen
        phone.page.wait_for_function("() => [...document.images].every(one => one.complete && one.naturalWidth > 0)")
        assert phone.page.evaluate("location.pathname") == path, route
        assert phone.page.get_by_role("alert").count() == 0, (route, phone.page.get_by_role("alert").all_inner_texts())
        phone.picture(f"route-{who}{path.rstrip('/').replace('/', '-')}")
    phone.close()
