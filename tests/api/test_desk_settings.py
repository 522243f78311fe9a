"""The settings of an academy at the desk: what it looks like, how its texts read, what its staff must have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.tenancy.models import Tenant
from academy.trail.models import TrailEntry
from apps.academies.models import Logo
from apps.accounts.roles import Role
from apps.accounts.services.texts import TextKind, text_of
from tests.api.conftest import Telephones
from tests.api.test_print_sheet import text_of as text_of_pdf
from tests.factories import Cast, World, client_of, make_upload, stranger_on
from tests.factories.looks import PNG, use_logo

SETTINGS = "/admin/settings/"
LOOKS = {"name": "하나수학", "has_colour": "on", "colour": "#1d4f91"}
WORDING = "[{학원}] {인증번호} 을 입력하세요"


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def manager(hana: Cast) -> Client:
    return client_of(hana.users[Role.MANAGER])


@pytest.fixture
def owner(hana: Cast) -> Client:
    return client_of(hana.owner)


def stored(cast: Cast) -> Tenant:
    return Tenant.objects.get(pk=cast.tenant.pk)


def body(answer: Any) -> str:
    return str(answer.content.decode())


def test_name_and_colour_are_on_the_log_in_page_and_in_the_apps_session(world: World, manager: Client) -> None:
    assert manager.post(SETTINGS, {**LOOKS, "name": "  하나   수학학원 "}).status_code == 302
    assert (stored(world.hana).name, stored(world.hana).colour) == ("하나 수학학원", "#1d4f91")
    page = body(stranger_on(world.hana.tenant).get("/admin/log-in/"))
    assert "하나 수학학원" in page
    assert "--color-primary-600: #1d4f91" in page
    academy = stranger_on(world.hana.tenant).get("/api/v1/session").json()["academy"]
    assert academy == {"slug": "hana", "name": "하나 수학학원", "colour": "#1d4f91", "logo": ""}
    assert stored(world.duri).name == "두리영어"
    assert "--color-primary" not in body(stranger_on(world.duri.tenant).get("/admin/log-in/"))


def test_every_page_of_the_desk_is_in_the_academys_colour(world: World, manager: Client) -> None:
    manager.post(SETTINGS, LOOKS)
    for path in ("/admin/", SETTINGS, "/admin/exams/exam/"):
        assert "--color-primary-600: #1d4f91" in body(manager.get(path))
        assert "--color-primary" not in body(client_of(world.duri.owner).get(path))


def test_going_without_a_colour_gives_the_products_own_back(hana: Cast, manager: Client) -> None:
    manager.post(SETTINGS, LOOKS)
    manager.post(SETTINGS, {"name": "하나수학", "colour": "#1d4f91"})
    assert stored(hana).colour == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "#ffd400"}, "잘 읽히지 않습니다"),
        ({"colour": "red"}, "#24476b처럼"),
        ({"colour": "#1d4f91;}"}, "최대 7"),
        ({"name": " "}, "필수"),
        ({"name": "하나\u202e수학"}, "1자에서 60자"),
        ({"name": "가" * 61}, "최대 60"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(given: dict[str, str], said: str, hana: Cast, manager: Client) -> None:
    before = stored(hana)
    answer = manager.post(SETTINGS, {**LOOKS, **given})
    assert answer.status_code == 200
    assert said in body(answer)
    assert (stored(hana).name, stored(hana).colour) == (before.name, "")


def test_a_refused_colour_comes_with_the_nearest_that_can_be_read(hana: Cast, manager: Client) -> None:
    page = body(manager.post(SETTINGS, {**LOOKS, "colour": "#ffd400"}))
    better = page.split("잘 읽히는 색은 ")[1][:7]
    assert manager.post(SETTINGS, {**LOOKS, "colour": better}).status_code == 302
    assert stored(hana).colour == better


def test_every_change_is_in_the_trail_with_what_it_was_before(hana: Cast, owner: Client) -> None:
    owner.post(SETTINGS, LOOKS)
    owner.post("/admin/settings/rules/", {"trail_months": "12", "sends_notices": "on"})
    owner.post(SETTINGS, LOOKS)
    with hana.acting():
        entries = TrailEntry.objects.filter(table_name="tenancy_tenant").order_by("pk")
        found = [(one.action, one.actor_id, one.old_values, one.new_values) for one in entries]
    assert found == [
        ("settings-looks.posted", hana.owner.pk, {"colour": ""}, {"colour": "#1d4f91"}),
        ("settings-rules.posted", hana.owner.pk, {"trail_months": 24}, {"trail_months": 12}),
    ], "what stays as it was is no change"


# ---------------------------------------------------------------- the logo


def sent(hana: Cast, content_type: str = "image/png") -> dict[str, str]:
    with hana.acting():
        upload = make_upload(created_by=hana.users[Role.MANAGER], content_type=content_type)
        s3.write_object(upload.key, b"bytes", content_type=content_type)
    return {"uploads": json.dumps([{"name": "logo", "id": upload.pk}])}


@pytest.mark.usefixtures("aws")
def test_a_logo_is_waited_for_and_a_bad_one_says_what_to_do(hana: Cast, manager: Client) -> None:
    page = body(manager.post("/admin/academies/logo/add/", sent(hana), follow=True))
    assert "처리 중" in page
    assert 'hx-trigger="every 2s"' in page
    with hana.acting():
        job = Job.objects.filter(pk__in=Logo.objects.filter(logo_key="").values("job_id"))
        job.update(state=JobState.FAILED, error_code="blank_logo")
    page = body(manager.get(SETTINGS))
    assert "흰 바탕에서는 이 그림이 보이지 않습니다" in page
    assert "hx-trigger" not in page


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("content_type", ["application/pdf", "video/mp4", "text/csv"])
def test_a_logo_is_a_picture(content_type: str, hana: Cast, manager: Client) -> None:
    page = body(manager.post("/admin/academies/logo/add/", sent(hana, content_type)))
    assert "로고는 PNG, JPEG, HEIC 그림으로" in page


def test_a_drawing_of_vectors_cannot_even_be_sent(manager: Client) -> None:
    answer = manager.post(
        "/api/v1/uploads", {"file_name": "logo.svg", "content_type": "image/svg+xml"}, content_type="application/json"
    )
    assert answer.status_code == 400


@pytest.mark.usefixtures("aws")
def test_the_logo_is_shown_to_who_is_about_to_log_in_and_to_nobody_elses_academy(world: World) -> None:
    with world.hana.acting():
        use_logo(Logo.objects.get())
    stranger = stranger_on(world.hana.tenant)
    url = stranger.get("/api/v1/session").json()["academy"]["logo"]
    answer = stranger.get(url)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, "image/png", PNG)
    assert "immutable" in answer["Cache-Control"]
    assert stranger.get("/api/v1/academy/logo?v=0-0")["Cache-Control"] == "no-cache"
    assert f'src="{url}"' in body(stranger.get("/admin/log-in/"))
    foreign = stranger_on(world.duri.tenant)
    assert foreign.get(url).status_code == 404
    assert foreign.get("/api/v1/session").json()["academy"]["logo"] == ""


@pytest.mark.usefixtures("aws")
def test_sheets_are_printed_with_name_colour_and_logo(hana: Cast, manager: Client) -> None:
    url = f"/api/v1/exams/{hana.exam.pk}/sheet.pdf"
    plain = manager.get(url).content
    with hana.acting():
        use_logo(Logo.objects.get())
    manager.post(SETTINGS, {**LOOKS, "name": "새이름학원"})
    branded = manager.get(url).content
    assert b"/Subtype /Image" in branded
    assert b"/Subtype /Image" not in plain
    assert "새이름학원" in "".join(text_of_pdf(branded))


@pytest.mark.usefixtures("aws")
def test_a_removed_logo_is_nowhere_any_more(hana: Cast, manager: Client) -> None:
    with hana.acting():
        use_logo(Logo.objects.get())
    manager.post("/admin/academies/logo/add/", sent(hana))
    assert manager.post("/admin/academies/logo/remove/").status_code == 302
    assert stored(hana).logo_place == ""
    assert manager.get("/api/v1/academy/logo").status_code == 404
    with hana.acting():
        assert Job.objects.get(pk__in=Logo.objects.filter(logo_key="").values("job_id")).state == JobState.CANCELLED


# ---------------------------------------------------------------- text messages


def test_a_wording_of_their_own_is_what_telephones_get(hana: Cast, manager: Client, telephones: Telephones) -> None:
    assert manager.post("/admin/settings/texts/", {"code": WORDING}).status_code == 302
    code = telephones.ask(stranger_on(hana.tenant), "010-2000-0001")
    assert telephones.texts[-1].body == f"[하나수학] {code} 을 입력하세요"
    assert stored(hana).texts == {"code": WORDING}
    manager.post("/admin/settings/texts/", {"code": ""})
    assert stored(hana).texts == {}
    with hana.acting():
        assert text_of(TextKind.PHONE_CHANGED, {}) == "[하나수학] 로그인 전화번호가 변경되었습니다."


@pytest.mark.parametrize(
    ("wording", "said"),
    [
        ("[{학원}] 로그인하세요", "{인증번호} 자리를"),
        ("[{학원}] {인증번호} {인증번호}", "{인증번호} 자리를"),
        ("[{학원}] {인증번호} {비밀번호}", "{비밀번호} 자리는 쓸 수 없습니다"),
        ("[{학원}] {인증번호} {", "중괄호의 짝"),
        ("[{학원}] {인증번호} 🎉", "쓸 수 없는 글자"),
        ("[{학원}] {인증번호} " + "가" * 40, "바이트"),
        ("[{학원}] {인증번호}\u2028끝", "한 줄로"),
    ],
)
def test_a_wording_that_says_too_little_or_too_much_is_refused(
    wording: str, said: str, hana: Cast, manager: Client
) -> None:
    for form in ({"code": wording}, {"code": wording, "_preview": "1"}):
        page = body(manager.post("/admin/settings/texts/", form))
        assert said in page
        assert stored(hana).texts == {}


def test_a_preview_shows_the_message_and_saves_nothing(hana: Cast, manager: Client) -> None:
    page = body(manager.post("/admin/settings/texts/", {"code": WORDING, "_preview": "1"}))
    assert "[하나수학] 482913 을 입력하세요" in page
    assert stored(hana).texts == {}


def test_a_name_that_looks_like_a_placeholder_is_only_a_name(hana: Cast, manager: Client) -> None:
    manager.post(SETTINGS, {**LOOKS, "name": "{인증번호}"})
    page = body(manager.get("/admin/settings/texts/"))
    assert "[{인증번호}] 인증번호 482913" in page


# ---------------------------------------------------------------- sheets, rules, plan


def test_a_new_exam_begins_as_the_academy_decided(hana: Cast, manager: Client) -> None:
    form = {"choice_count": "4", "number_digits": "8", "is_large_print": "on"}
    assert manager.post("/admin/settings/sheets/", form).status_code == 302
    page = body(client_of(hana.teacher).get("/admin/exams/exam/add/"))
    assert 'name="choice_count" value="4"' in page
    assert 'name="number_digits" value="8"' in page
    assert "checked" in page.split('name="is_large_print"')[1].split(">")[0]
    assert "2" in body(manager.post("/admin/settings/sheets/", {**form, "choice_count": "1"}))
    assert stored(hana).sheet_defaults["choice_count"] == 4


def test_who_lacks_a_second_factor_is_led_to_set_one_up_and_sees_nothing_else(hana: Cast, owner: Client) -> None:
    teacher = client_of(hana.teacher)
    assert teacher.get("/admin/").status_code == 200
    page = body(owner.get("/admin/settings/rules/"))
    assert "직원 5명 가운데 0명" in page
    assert "본인부터" in page
    owner.post("/admin/settings/rules/", {"mfa_required_for_staff": "on", "trail_months": "24"})
    for client in (teacher, owner):
        led = client.get("/admin/exams/exam/", follow=True)
        assert "/admin/log-in/set-up/" in led.redirect_chain[-1][0]


def test_an_owner_decides_whether_devices_are_told_of_news(hana: Cast, owner: Client) -> None:
    assert stored(hana).sends_notices is True
    owner.post("/admin/settings/rules/", {"trail_months": "24"})
    assert stored(hana).sends_notices is False
    assert "새 결과 알림 보내기" in body(owner.get("/admin/settings/rules/"))
    owner.post("/admin/settings/rules/", {"trail_months": "24", "sends_notices": "on"})
    assert stored(hana).sends_notices is True


def test_a_manager_sees_the_rules_and_an_owner_decides(hana: Cast, manager: Client) -> None:
    page = body(manager.get("/admin/settings/rules/"))
    assert "원장만 바꿀 수 있습니다" in page
    assert '<form method="post" novalidate>' not in page
    assert manager.post("/admin/settings/rules/", {"trail_months": "12"}).status_code == 403
    assert stored(hana).trail_months == 24


def test_plan_usage_and_hosts_are_shown(hana: Cast, manager: Client) -> None:
    page = body(manager.get("/admin/settings/plan/"))
    assert hana.host in page
    assert "답안지 읽기" in page
    assert "0 / " in page


def test_who_teaches_has_no_settings(hana: Cast) -> None:
    teacher = client_of(hana.teacher)
    assert teacher.get(SETTINGS).status_code == 403
    assert "학원 설정" not in body(teacher.get("/admin/"))
