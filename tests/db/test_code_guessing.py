"""A code under attack: guesses from many addresses, over several processes at once, through the whole stack."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from academy.sms import delivery
from academy.tenancy.context import acting_for
from apps.accounts.models import Session
from apps.accounts.roles import Role
from apps.accounts.services import codes
from tests.factories import make_academy, make_user, stranger_on
from tests.factories.guessing import guess

PROCESSES = 4
PHONE = "010-1234-5678"


@pytest.fixture
def asked(committed: None, monkeypatch: pytest.MonkeyPatch) -> tuple[Client, str]:
    """A browser on a committed academy that has asked for a code, and the code."""
    texts: list[str] = []
    monkeypatch.setattr(codes, "text_after_commit", lambda _, text: texts.append(text))
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        make_user(Role.STUDENT, phone=PHONE)
    client = stranger_on(tenant)
    assert client.post("/api/v1/session/code", {"phone": PHONE}, content_type="application/json").status_code == 202
    delivery.wait_until_sent(5)
    return client, texts[0].split("인증번호 ")[1][: codes.CODE_DIGITS]


def test_many_guesses_at_once_get_five_tries(asked: tuple[Client, str]) -> None:
    client, code = asked
    wrong = [f"{(int(code) + 1 + index) % 1_000_000:06d}" for index in range(400)]
    guesses = [[*wrong[start::PROCESSES], code] for start in range(PROCESSES)]
    answers = guess(str(client.defaults["SERVER_NAME"]), client.cookies[settings.CODE_COOKIE_NAME].value, guesses)
    assert sum(answer["compared"] for answer in answers) == 5
    assert {status for answer in answers for status in answer["statuses"]} == {401}


def test_the_right_code_at_once_from_everywhere_opens_one_session(asked: tuple[Client, str]) -> None:
    client, code = asked
    host = str(client.defaults["SERVER_NAME"])
    answers = guess(host, client.cookies[settings.CODE_COOKIE_NAME].value, [[code]] * PROCESSES)
    assert sorted(status for answer in answers for status in answer["statuses"]) == [201, 401, 401, 401]
    from academy.tenancy.models import Tenant

    with acting_for(Tenant.objects.get()), transaction.atomic():
        assert Session.objects.count() == 1
