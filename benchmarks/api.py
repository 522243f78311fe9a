"""What the walls and the framework cost a request.

`uv run python -m benchmarks.api` prints a table and writes build/bench/api.json. Everything runs in this process, by
Django's own handler, in turns, so that what else the machine does falls on both sides alike:

* a view with three queries behind the tenancy middleware, against the same queries of the same rows by Django's own
  backend with no tenancy, in a transaction too;
* each list endpoint against a plain Django view behind the same middleware and walls, with the same query, whose rows
  go to JSON without a serializer; and how many statements it sends for one row and for a full page. The plain view of
  a list of people writes its entry of the trail by hand; what the entry costs a request is a figure of its own.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from uuid import uuid4

REPORT: Final = Path("build/bench/api.json")
REQUESTS: Final = 400
WARM_UP: Final = 30
ROWS: Final = 200
PAGE: Final = 50
OVERHEAD_GOAL: Final = 1.5
RATE_GOAL: Final = 0.85
P95_GOAL: Final = 1.3
LISTS: Final = {"students": "/api/v1/students", "exams": "/api/v1/exams"}
# Lists of people: whoever shows them has to record whom they were shown, the plain view as well as ours.
PERSONAL: Final = frozenset({"students"})
ENTRY: Final = (
    "INSERT INTO trail_trailentry (tenant_id, actor_id, actor_role, address, request_id, path, subjects, created_at,"
    " action, outcome, reason, operation, table_name, row_id, column_names)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, now(), 'students.viewed', 'done', '', '', '', '', '{}')"
)

urlpatterns: list[Any] = []
"""The product's URLs and the plain views beside them; this module is the measurement's URLconf."""


def take_turns(calls: Mapping[str, Callable[[], object]], times: int) -> dict[str, list[float]]:
    """Milliseconds of each call, all of them in turn, after a warm-up that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(times + WARM_UP):
        for name, call in calls.items():
            begun = time.perf_counter()
            call()
            if turn >= WARM_UP:
                taken[name].append((time.perf_counter() - begun) * 1000)
    return taken


def p95(taken: list[float]) -> float:
    return statistics.quantiles(taken, n=20)[-1]


def measure() -> dict[str, dict[str, object]]:
    import tests.environment  # noqa: F401  a database of its own, before the settings are read

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.test.utils import override_settings

    with ExitStack() as stack:
        hasher = "django.contrib.auth.hashers.MD5PasswordHasher"
        stack.enter_context(override_settings(ROOT_URLCONF=__name__, PASSWORD_HASHERS=[hasher]))
        return {**_middleware(), **_lists()}


def _row(value: float, goal: float | None, unit: str, is_met: bool | None) -> dict[str, object]:
    return {"value": round(value, 3), "goal": goal, "unit": unit, "is_met": is_met}


def _world() -> Any:
    from django.db import transaction

    from tests.factories import make_exam, make_student, make_world

    with transaction.atomic():
        world = make_world()
        for cast in (world.hana, world.duri):
            with cast.acting():
                for number in range(ROWS):
                    make_student(f"{500_000 + number}")
                    make_exam(f"모의고사 {number}", created_by=cast.teacher)
    return world


_worlds: list[Any] = []


def _shared_world() -> Any:
    if not _worlds:
        _worlds.append(_world())
    return _worlds[0]


def _middleware() -> dict[str, dict[str, object]]:
    from django.db import connections, transaction
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse, JsonResponse
    from django.test import RequestFactory

    from academy.tenancy.middleware import TenantMiddleware
    from apps.exams.models import Exam
    from apps.students.models import Student

    world = _shared_world()
    tenant_id, exam_id = world.hana.tenant.pk, world.hana.exam.pk
    plain = {**connections.settings["default"], "ENGINE": "django.db.backends.postgresql"}
    administrator = os.environ["ADMIN_DATABASE_URL"].split("@")[0].removeprefix("postgresql://").split(":")
    plain |= {"USER": administrator[0], "PASSWORD": administrator[1], "CONN_HEALTH_CHECKS": False}
    plain["OPTIONS"] = {**plain["OPTIONS"], "options": "-c search_path=pool,public"}
    connections.settings["plain"] = plain

    def answer(using: str) -> HttpResponse:
        students = QuerySet[Student](Student, using=using).filter(tenant_id=tenant_id).order_by("-pk")
        exams = QuerySet[Exam](Exam, using=using).filter(tenant_id=tenant_id)
        return JsonResponse(
            {
                "students": list(students.values("id", "number")[:20]),
                "exam": exams.values("id", "title").get(pk=exam_id),
                "count": exams.count(),
            }
        )

    def without_tenancy(_: HttpRequest) -> HttpResponse:
        with transaction.atomic(using="plain"):
            return answer("plain")

    behind = TenantMiddleware(lambda _: answer("default"))
    requests = RequestFactory(headers={"host": world.hana.host})
    request = requests.get("/x")
    assert behind(request).content == without_tenancy(request).content
    taken = take_turns({"with": lambda: behind(request), "without": lambda: without_tenancy(request)}, REQUESTS * 3)
    connections["plain"].close()
    ours, theirs = (statistics.median(taken[name]) for name in ("with", "without"))
    return {
        "view with tenancy, median": _row(ours, None, "ms", None),
        "view without tenancy, median": _row(theirs, None, "ms", None),
        "middleware overhead": _row(ours / theirs, OVERHEAD_GOAL, "x", ours / theirs <= OVERHEAD_GOAL),
    }


def _lists() -> dict[str, dict[str, object]]:
    from django.db import connection
    from django.http import HttpRequest, HttpResponse
    from django.test.utils import CaptureQueriesContext
    from django.urls import include, path
    from orjson import dumps

    from academy.trail import middleware
    from apps.exams.queries import exams_with_layout
    from apps.students.queries import students
    from tests.factories import client_of

    columns: dict[str, Callable[[], list[Any]]] = {
        "students": lambda: list(students().order_by("-id").values("id", "number", "name", "created_at")[: PAGE + 1]),
        "exams": lambda: list(
            exams_with_layout()
            .order_by("-id")
            .values("id", "title", "sheet_code", "created_at", "layout__labels", "layout__maker")[: PAGE + 1]
        ),
    }

    def enter_by_hand(request: HttpRequest, ids: list[int]) -> None:
        user: Any = request.user
        values = [user.tenant_id, user.pk, user.role, request.META["REMOTE_ADDR"], uuid4(), request.path]
        with connection.cursor() as cursor:
            cursor.execute(ENTRY, [*values, [f"student:{pk}" for pk in ids]])

    def plain_view(name: str) -> Callable[[HttpRequest], HttpResponse]:
        def view(request: HttpRequest) -> HttpResponse:
            user: Any = request.user
            if not user.is_authenticated or not user.may(f"{name}.view"):
                return HttpResponse(status=403)
            rows = columns[name]()
            if name in PERSONAL:
                enter_by_hand(request, [row["id"] for row in rows[:PAGE]])
            return HttpResponse(dumps({"results": rows[:PAGE]}), content_type="application/json")

        return view

    urlpatterns[:] = [
        path("", include("academy.urls")),
        *(path(f"api/plain/{name}", plain_view(name)) for name in columns),
    ]
    world = _shared_world()
    client = client_of(world.hana.owner)

    def without_trail(url: str) -> None:
        with patch.object(middleware, "record_answer"):
            client.get(url)

    report: dict[str, dict[str, object]] = {}
    for name, url in LISTS.items():
        floor = f"/api/plain/{name}"
        for asked in (url, floor):
            answer = client.get(asked)
            assert answer.status_code == 200, answer.content
            assert len(answer.json()["results"]) == PAGE
        counts = []
        for size in (1, PAGE):
            with CaptureQueriesContext(connection) as sent:
                assert len(client.get(f"{url}?page_size={size}").json()["results"]) == size
            counts.append(len(sent))
        turns: dict[str, Callable[[], object]] = {"ours": lambda: client.get(url), "floor": lambda: client.get(floor)}  # noqa: B023
        if name in PERSONAL:
            turns["untrailed"] = lambda: without_trail(url)  # noqa: B023
        taken = take_turns(turns, REQUESTS)
        rates = {side: 1000 / statistics.mean(values) for side, values in taken.items()}
        rate, tail = rates["ours"] / rates["floor"], p95(taken["ours"]) / p95(taken["floor"])
        report |= {
            f"{name}: requests/s": _row(rates["ours"], None, "1/s", None),
            f"{name}: requests/s, plain view": _row(rates["floor"], None, "1/s", None),
            f"{name}: share of the plain view's rate": _row(rate, RATE_GOAL, "x", rate >= RATE_GOAL),
            f"{name}: p95": _row(p95(taken["ours"]), None, "ms", None),
            f"{name}: p95 against the plain view's": _row(tail, P95_GOAL, "x", tail <= P95_GOAL),
            f"{name}: statements more for {PAGE} rows than for 1": _row(
                counts[1] - counts[0], 0, "statements", counts[0] == counts[1]
            ),
        }
        if name in PERSONAL:
            entry = statistics.median(taken["ours"]) - statistics.median(taken["untrailed"])
            report[f"{name}: its entry of the trail, median"] = _row(entry, None, "ms", None)
    return report


def main() -> None:
    report = measure()
    print(f"{'':52}{'value':>10}{'goal':>8}  unit")
    for name, row in report.items():
        goal = "" if row["goal"] is None else f"{row['goal']:g}"
        verdict = {True: "met", False: "NOT MET", None: ""}[row["is_met"]]  # type: ignore[index]
        print(f"{name:52}{row['value']:>10}{goal:>8}  {row['unit']:<10} {verdict}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
