"""Somebody who guesses codes from many addresses, over several processes at once, through the whole stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

ADDRESSES = 20

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
