"""A code under attack: guesses from many addresses, over several processes at once, through the whole stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

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

PROCESSES = 4
ADDRESSES = 20
PHONE = "010-1234-5678"

GUESS_FROM_A_PROCESS = """
import hmac, json, sys
import django
django.setup()
from django.test import Client
from apps.accounts.services import codes

class Counting:
    compared = 0
    @staticmethod
    def compare_digest(one, other):
        Counting.compared += 1
        return hmac.compare_digest(one, other)

codes.hmac = Counting
task = json.loads(sys.stdin.readline())
statuses = []
for index, code in enumerate(task["codes"]):
    client = Client(SERVER_NAME=task["host"], REMOTE_ADDR=task["addresses"][index % len(task["addresses"])])
    client.cookies["code"] = task["cookie"]
    answer = client.post("/api/v1/session/code/verify", {"code": code}, content_type="application/json")
    statuses.append(answer.status_code)
print(json.dumps({"statuses": statuses, "compared": Counting.compared}))
"""


def guess(host: str, cookie: str, guesses: list[list[str]]) -> list[dict[str, Any]]:
    """What each process was answered, all of them guessing at once."""
    command = [sys.executable, "-c", GUESS_FROM_A_PROCESS]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in guesses
    ]
    addresses = [f"203.0.113.{index}" for index in range(ADDRESSES)]
    for process, tried in zip(processes, guesses, strict=True):
        assert process.stdin is not None
        task = {"host": host, "cookie": cookie, "addresses": addresses, "codes": tried}
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
    return [json.loads(process.communicate(timeout=300)[0]) for process in processes]


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
