"""Signing in at the desk: the same doors as the API's, for staff alone, with pages that say in Korean what is wrong."""

from __future__ import annotations

from base64 import b32decode
from time import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import second_factors
from apps.accounts.services.people import suspend_person
from tests.api.conftest import Telephones
from tests.factories import PASSWORD, World, client_of, stranger_on
from tests.factories.world import PHONES

LOG_IN = "/admin/log-in/"


def log_in(client: Client, role: Role, password: str = PASSWORD, **more: str) -> Any:
    return client.post(LOG_IN, {"phone": PHONES[role], "password": password, **more})


@pytest.mark.parametrize("role", [Role.OWNER, Role.MANAGER, Role.TEACHER, Role.ASSISTANT])
def test_staff_log_in_by_phone_as_people_write_it(world: World, role: Role) -> None:
    client = stranger_on(world.hana.tenant)
    assert "하나수학" in client.get(LOG_IN).content.decode()
    assert log_in(client, role)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("role", [Role.STUDENT, Role.GUARDIAN, Role.OPERATOR])
def test_who_does_not_work_here_is_answered_as_with_a_wrong_password(world: World, role: Role) -> None:
    client = stranger_on(world.hana.tenant)
    refused = log_in(client, role)
    assert refused.status_code == 200
    assert "전화번호 또는 비밀번호가 올바르지 않습니다." in refused.content.decode()
    assert "전화번호 또는 비밀번호가 올바르지 않습니다." in log_in(client, Role.OWNER, "wrong").content.decode()
    assert client.get("/admin/")["Location"].startswith(LOG_IN)
    assert client.get("/api/v1/session").json()["person"] is None


@pytest.mark.parametrize(
    ("wanted", "leads_to"),
    [
        ("/admin/exams/exam/", "/admin/exams/exam/"),
        ("https://evil.test/admin/", "/admin/"),
        ("//evil.test/admin/", "/admin/"),
        ("/admin/\\\\evil.test", "/admin/"),
        ("/api/v1/exams", "/admin/"),
        ("javascript:alert(1)", "/admin/"),
    ],
)
def test_the_log_in_leads_nowhere_but_to_a_page_of_this_site(world: World, wanted: str, leads_to: str) -> None:
    assert log_in(stranger_on(world.hana.tenant), Role.OWNER, next=wanted)["Location"] == leads_to


def test_a_page_that_was_asked_for_is_shown_after_the_log_in(world: World) -> None:
    client = stranger_on(world.hana.tenant)
    sent = client.get("/admin/exams/exam/?q=a")["Location"]
    assert sent == f"{LOG_IN}?next=%2Fadmin%2Fexams%2Fexam%2F%3Fq%3Da"


def test_log_in_by_a_code(world: World, telephones: Telephones) -> None:
    client = stranger_on(world.hana.tenant)
    with telephones._capture(execute=True):
        asked = client.post("/admin/log-in/code/", {"phone": PHONES[Role.TEACHER]})
    assert asked["Location"] == "/admin/log-in/code/enter/"
    from academy.sms.delivery import wait_until_sent

    wait_until_sent(10)
    wrong = client.post("/admin/log-in/code/enter/", {"code": "nonsense"})
    assert "인증번호가 올바르지 않거나 만료되었습니다." in wrong.content.decode()
    entered = client.post("/admin/log-in/code/enter/", {"code": telephones.texts[-1].code})
    assert entered["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_code_of_a_guardian_opens_no_desk(world: World, telephones: Telephones) -> None:
    from academy.sms.delivery import wait_until_sent

    client = stranger_on(world.hana.tenant)
    with telephones._capture(execute=True):
        client.post("/admin/log-in/code/", {"phone": PHONES[Role.GUARDIAN]})
    wait_until_sent(10)
    entered = client.post("/admin/log-in/code/enter/", {"code": telephones.texts[-1].code})
    assert "인증번호가 올바르지 않거나 만료되었습니다." in entered.content.decode()
    assert client.get("/api/v1/session").json()["person"] is None


def test_the_second_factor_comes_before_every_page(world: World) -> None:
    with world.hana.acting():
        user = User.objects.get(pk=world.hana.teacher.pk)
        user.has_second_factor = True
        user.save(update_fields=["has_second_factor"])
        code = second_factors.new_recovery_codes(user)[0]
    client = stranger_on(world.hana.tenant)
    assert log_in(client, Role.TEACHER)["Location"] == "/admin/log-in/second-factor/"
    assert client.get("/admin/exams/exam/")["Location"].startswith(LOG_IN)
    assert client.get(LOG_IN)["Location"] == "/admin/log-in/second-factor/"
    assert client.post("/admin/log-in/second-factor/", {"code": "000000"}).status_code == 200
    assert client.get("/admin/").status_code == 302
    assert client.post("/admin/log-in/second-factor/", {"code": code})["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_a_second_factor_that_the_academy_requires_is_set_up_on_the_way_in(world: World) -> None:
    tenant = world.hana.tenant
    tenant.mfa_required_for_staff = True
    tenant.save(update_fields=["mfa_required_for_staff"])
    client = stranger_on(tenant)
    assert log_in(client, Role.MANAGER)["Location"] == "/admin/log-in/set-up/"
    page = client.get("/admin/log-in/set-up/").content.decode()
    secret = page.split("<code>")[1].split("</code>")[0]
    assert "<svg" in page
    wrong = client.post("/admin/log-in/set-up/", {"code": "000000"}).content.decode()
    assert secret not in wrong
    totp = TOTP(b32decode(secret), second_factors.DIGITS, SHA1(), second_factors.STEP_SECONDS)
    confirmed = client.post("/admin/log-in/set-up/", {"code": totp.generate(int(time())).decode()})
    assert confirmed.content.decode().count("<li><code>") == second_factors.RECOVERY_CODES
    assert client.get("/admin/").status_code == 200


def test_who_is_suspended_is_out_at_the_next_request(world: World) -> None:
    client = client_of(world.hana.teacher)
    assert client.get("/admin/").status_code == 200
    with world.hana.acting():
        suspend_person(by=world.hana.owner, user_id=world.hana.teacher.pk)
    assert client.get("/admin/")["Location"].startswith(LOG_IN)


def test_who_ends_their_own_session_is_signed_out_without_an_error(world: World) -> None:
    owner = world.hana.owner
    client = client_of(owner)
    answer = client.post(f"/admin/accounts/user/{owner.pk}/sign-out/")
    assert answer.status_code == 302
    assert client.get(answer["Location"])["Location"].startswith(LOG_IN)


def test_forms_need_their_token(world: World) -> None:
    client = stranger_on(world.hana.tenant, checks_csrf=True)
    refused = log_in(client, Role.OWNER)
    assert refused.status_code == 403
    assert "화면을 연 지 오래되었습니다" in refused.content.decode()


def test_the_desk_speaks_korean_until_somebody_chooses_otherwise(world: World) -> None:
    client = stranger_on(world.hana.tenant)
    assert "로그인" in client.get(LOG_IN, headers={"Accept-Language": "en"}).content.decode()
    assert client.post("/admin/language/", {"language": "en", "next": LOG_IN})["Location"] == LOG_IN
    assert "Log in" in client.get(LOG_IN, headers={"Accept-Language": "ko"}).content.decode()
    client.post("/admin/language/", {"language": "../../etc"})
    assert client.cookies[settings.LANGUAGE_COOKIE_NAME].value == "en"


def test_every_answer_says_what_browsers_may_do_with_it(world: World) -> None:
    client = client_of(world.hana.owner)
    assert client.get("/api/v1/exams")["Content-Security-Policy"].startswith("default-src 'none'; base-uri 'none'")
    assert "script-src" not in client.get("/api/v1/exams")["Content-Security-Policy"]
    page = client.get("/admin/")
    policy = page["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-eval';" in policy
    assert "frame-ancestors 'none'" in policy
    text = page.content.decode()
    assert "<style" not in text
    assert "<script>" not in text
    assert " on" + "click=" not in text
    assert Client(SERVER_NAME="nobody.test").get("/admin/").headers["Content-Security-Policy"]
