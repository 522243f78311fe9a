"""Notices on a telephone: asked for by a button, shown while the app is open, pushed to its service worker, tapped."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from infra.demo.__main__ import PASSWORD, create_academy
from infra.demo.client import File, StaffClient
from infra.local.children import Output
from infra.local.processes import free_port
from infra.local.state import ROOT
from infra.local.supervisor import Stack
from tests.e2e.conftest import NEEDS_APP, make_student
from tests.e2e.test_app import ACADEMY, STUDENT_PHONE, Phone
from tests.e2e.test_objections import QUESTIONS, class_sheets, key_with

if TYPE_CHECKING:
    from playwright.sync_api import Browser

STATE: Final = ROOT / "build" / "e2e-app-notices"

pytestmark = NEEDS_APP


@dataclass(frozen=True, slots=True)
class School:
    """An academy with an exam that a student sat and that is not published."""

    port: int
    staff: StaffClient
    exam_id: int


@pytest.fixture(scope="module")
def school() -> Iterator[School]:
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True)
    with (STATE / "log").open("w") as log, Stack(STATE, output=Output(log), port=free_port()) as stack:
        assert stack.wait_for_web()
        create_academy(stack.environment, ACADEMY)
        with StaffClient(stack.port, "hana.localhost") as staff:
            staff.log_in(ACADEMY.phone, PASSWORD)
            exam_id = int(staff.post("/exams", {"title": ACADEMY.exam, "question_count": QUESTIONS})["id"])
            (sheet,) = class_sheets(staff, exam_id, 1)
            key = key_with(sheet.truth.answers, right=12)
            staff.put(f"/exams/{exam_id}/key", {"answers": key, "points": dict.fromkeys(key, "5")})
            make_student(staff, sheet.truth.student_number, "김하윤", STUDENT_PHONE)
            staff.hand_in(exam_id, File("답안지.jpg", "image/jpeg", sheet.picture))
            for _ in range(900):
                if [scan["state"] for scan in staff.scans(exam_id)] == ["succeeded"]:
                    break
                stack.revive()
                time.sleep(0.2)
            yield School(stack.port, staff, exam_id)


def _shown(phone: Phone, count: int = 1) -> list[dict[str, Any]]:
    """The notices that the device shows, once there are so many."""
    for _ in range(300):
        found: list[dict[str, Any]] = phone.page.evaluate(
            """async () => {
                const registration = await navigator.serviceWorker.ready;
                const notices = await registration.getNotifications();
                return notices.map(({title, body, tag, data}) => ({title, body, tag, to: data.to}));
            }"""
        )
        if len(found) >= count:
            return found
        phone.page.wait_for_timeout(100)
    raise AssertionError((STATE / "log").read_text()[-3000:])


def _close_all(phone: Phone) -> None:
    phone.page.evaluate(
        """async () => {
            const registration = await navigator.serviceWorker.ready;
            for (const notice of await registration.getNotifications()) notice.close();
        }"""
    )


def _push(phone: Phone, message: dict[str, str]) -> None:
    """As the browser hands over what its push service brought, decrypted."""
    devtools = phone.context.new_cdp_session(phone.page)
    registrations: list[dict[str, Any]] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda one: registrations.extend(one["registrations"]))
    devtools.send("ServiceWorker.enable")
    phone.page.wait_for_timeout(200)
    (registration,) = {one["registrationId"] for one in registrations if not one["isDeleted"]}
    given = {"origin": phone.origin, "registrationId": registration, "data": json.dumps(message)}
    devtools.send("ServiceWorker.deliverPushMessage", given)
    devtools.detach()


def _tap(phone: Phone, tag: str) -> None:
    (worker,) = phone.context.service_workers
    worker.evaluate(
        """async (tag) => {
            const [notification] = await self.registration.getNotifications({tag});
            self.dispatchEvent(new NotificationEvent("notificationclick", {notification}));
        }""",
        tag,
    )


def test_a_result_is_told_of_while_the_app_is_open_and_by_push_and_a_tap_leads_there(
    browser: Browser, school: School
) -> None:
    phone = Phone(browser, school.port)
    phone.page.clock.install()  # a minute is waited for below
    phone.open("/")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.tap("나중에")
    phone.see("결과가 나오면 알려 드릴까요?")
    assert phone.page.evaluate("Notification.permission") != "granted", "nobody was asked yet"
    phone.picture("notices-offer")
    phone.context.grant_permissions(["notifications"], origin=phone.origin)
    phone.page.get_by_role("button", name="알림 켜기").click()
    phone.page.get_by_text("결과가 나오면 알려 드릴까요?").wait_for(state="detached")
    phone.page.reload()
    phone.see("아직 나온 성적이 없어요")
    assert phone.page.get_by_text("결과가 나오면 알려 드릴까요?").count() == 0, "asked once"

    shown = {"shows_answers": True, "waived_reason": "먼저 보여 주기"}
    school.staff.post(f"/exams/{school.exam_id}/publish", shown, expect=200)
    phone.page.wait_for_load_state("networkidle")
    phone.page.clock.fast_forward(61_000)
    result = f"/results/{school.exam_id}"
    assert _shown(phone) == [{"title": "새 결과가 나왔습니다", "body": ACADEMY.exam, "tag": "result", "to": result}]
    _close_all(phone)

    pushed = {"title": ACADEMY.name, "body": "이의 신청에 답변이 왔습니다.", "to": "/results", "tag": "objection"}
    _push(phone, {**pushed, "icon": "/icons/192.png"})
    assert _shown(phone) == [pushed]
    phone.page.evaluate("window.isSame = true")
    _tap(phone, "objection")
    phone.page.wait_for_url("**/results")
    assert phone.page.evaluate("window.isSame") is True, "what is being sent goes on: nothing was loaded anew"

    phone.open("/account/notices")
    phone.see("알림이 켜져 있어요.")
    phone.picture("notices-on")
    phone.tap("알림 끄기")
    phone.see("알림이 꺼져 있어요.")
    phone.picture("notices-off")
    phone.context.close()
    # The browsers of tests keep nothing, and such ones have no push service: what was turned on comes while it is open.
    assert [one for one in phone.complaints if "Push API in incognito mode" not in one] == []


def test_an_iphone_is_told_to_put_the_app_on_its_home_screen(browser: Browser, school: School) -> None:
    phone = Phone(browser, school.port)
    phone.context.add_init_script(
        """delete window.Notification;
        Object.defineProperty(navigator, "userAgent", {get: () => "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0)"});"""
    )
    phone.open("/account/notices")
    phone.log_in_by_code(STUDENT_PHONE)
    phone.tap("나중에")
    phone.see("홈 화면에 추가")
    phone.picture("notices-install")
    assert phone.page.get_by_role("button", name="알림 켜기").count() == 0
    phone.close()
