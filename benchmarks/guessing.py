"""What 10,000 guesses at one code get: from 20 addresses, over 4 processes at once.

`uv run python -m benchmarks.guessing` prints how many of them were looked at, and writes build/bench/guessing.json.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

GUESSES = 10_000
PROCESSES = 4
GOAL = 5
REPORT = Path("build/bench/guessing.json")


def main() -> None:
    from tests import environment  # noqa: F401  a PostgreSQL of our own, migrated, and the settings for it

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections, transaction

    from academy.tenancy.context import acting_for
    from apps.accounts.models import Session
    from apps.accounts.roles import Role
    from tests.factories import make_academy, make_user, stranger_on
    from tests.factories.guessing import guess

    tenant = make_academy("hana")
    with acting_for(tenant), transaction.atomic():
        make_user(Role.STUDENT, phone="010-1234-5678")
    client = stranger_on(tenant)
    asked = client.post("/api/v1/session/code", {"phone": "010-1234-5678"}, content_type="application/json")
    assert asked.status_code == 202
    cookie = client.cookies[settings.CODE_COOKIE_NAME].value
    connections.close_all()
    codes = [f"{number:06d}" for number in range(GUESSES)]
    start = time.perf_counter()
    answers = guess(str(client.defaults["SERVER_NAME"]), cookie, [codes[part::PROCESSES] for part in range(PROCESSES)])
    seconds = time.perf_counter() - start
    compared = sum(answer["compared"] for answer in answers)
    statuses = [status for answer in answers for status in answer["statuses"]]
    with acting_for(tenant), transaction.atomic():
        is_inside = Session.objects.exists()
    print(f"{len(statuses)} guesses from 20 addresses over {PROCESSES} processes in {seconds:.0f} s:")
    print(
        f"  looked at {compared} (goal: at most {GOAL}); {statuses.count(401)} refused, {statuses.count(429)} too many"
    )
    print(f"  anybody inside: {'YES' if is_inside else 'no'}")
    is_met = compared <= GOAL and len(statuses) == GUESSES
    report = {"guesses looked at": {"value": compared, "goal": GOAL, "unit": "guesses", "is_met": is_met}}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
