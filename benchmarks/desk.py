"""Every list of the desk with 100,000 rows in it: as it opens, its next page, each of its filters, and searches.

`make bench-desk` prints the slowest of each list and writes build/bench/desk.json. The lists are those that are
registered: a new one fails until ``FILLED`` says how it is filled. Asked by an owner, who sees everything, and by a
teacher of a few courses, by Django's own handler in this process.

How the cost grows: pages, filters and what is found early cost the same however many rows there are; a search for what
nothing is called compares every row of the academy, and grows with them. The figures are taken at a fifth of the rows,
too, and what each search that finds nothing takes for a thousand rows more is printed at the end: beyond a million
rows in one list (at some 0.5 ms each thousand) its search needs a table of its own, decision 21.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from benchmarks.load.filling import Tables, fill

REPORT: Final = Path("build/bench/desk.json")
ROWS: Final = 100_000
GROUPS: Final = 1_000
"""Courses, exams and homework that the rows are spread over: 100 each."""
GOAL_MS: Final = 300.0
GOAL_QUERIES: Final = 10
ASKED: Final = 3
"""Times that a page is asked for; the median is its figure."""
FRAME: Final = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
"""What surrounds statements."""
CHOICES: Final = 6
"""Of one filter: what it is set to."""
NOTHING: Final = "없는 이름"
SEARCHED: Final = ("김", "수학", "김수학", "수학 777", "777", "540777", "01077700777", "없", NOTHING, "zzq")
"""One, two and three letters that all rows have, what a few have, numbers, a phone, and what nobody has."""

FILLED: Final[Tables] = {
    "accounts.User": {
        "phone": "'+82107' || lpad(n::text, 7, '0')",
        "name": "'김수학 ' || n",
        "role": "CASE WHEN n % 50 = 0 THEN 'teacher' WHEN n % 2 = 0 THEN 'student' ELSE 'guardian' END",
        "passkey_handle": "NULL",
    },
    "students.Student": {"number": "lpad((500000 + n)::text, 6, '0')", "name": "'김수학 ' || n", "user_id": "NULL"},
    "courses.Course": {"name": "'중2 수학 ' || n", "is_archived": "n % 3 = 0"},
    "courses.Enrolment": {"student_id": "{students.Student} + n - 1", "course_id": "{courses.Course} + n % {groups}"},
    "courses.CourseTeacher": {
        "course_id": "{courses.Course} + n - 1",
        "user_id": "CASE WHEN n <= 5 THEN known.user_id ELSE {accounts.User} + n - 1 END",
    },
    "storage.Upload": {"key": "'t/0/uploads/' || n", "file_name": "'답안지 ' || n || '.jpg'"},
    "jobs.Job": {
        "state": "CASE WHEN n % 20 = 0 THEN 'failed' ELSE 'succeeded' END",
        "error_code": "CASE WHEN n % 20 = 0 THEN 'blurred' ELSE '' END",
        "created_at": "now() - n * interval '1 minute'",
        "finished_at": "now() - n * interval '1 minute'",
    },
    "exams.Exam": {
        "title": "'김수학 ' || n || '회 시험'",
        "sheet_code": "'B' || n",
        "course_id": "{courses.Course} + n % {groups}",
        "created_at": "now() - n * interval '1 hour'",
    },
    "exams.Batch": {
        "exam_id": "{exams.Exam} + n % {groups}",
        "upload_id": "{storage.Upload} + n - 1",
        "created_at": "now() - n * interval '1 minute'",
    },
    "exams.Scan": {
        "exam_id": "{exams.Exam} + n % {groups}",
        "batch_id": "{exams.Batch} + n - 1",
        "job_id": "{jobs.Job} + n - 1",
        "student_id": "{students.Student} + n - 1",
        "asked_count": "CASE WHEN n % 40 = 0 THEN 1 ELSE 0 END",
    },
    "exams.BlankSheet": {"title": "'김수학 ' || n", "upload_id": "{storage.Upload} + n - 1"},
    "homework.Worksheet": {"title": "'김수학 ' || n || '단원'", "upload_id": "{storage.Upload} + n - 1"},
    "homework.Assignment": {
        "title": "'김수학 ' || n || '단원'",
        "course_id": "{courses.Course} + n % {groups}",
        "created_at": "now() - n * interval '1 hour'",
        "due_at": "now() + (n % 20 - 10) * interval '1 day'",
    },
    "homework.Assignee": {
        "assignment_id": "{homework.Assignment} + n % {groups}",
        "student_id": "{students.Student} + n - 1",
    },
    "homework.Submission": {
        "assignment_id": "{homework.Assignment} + n % {groups}",
        "student_id": "{students.Student} + n - 1",
        "job_id": "{jobs.Job} + n - 1",
    },
    "videos.Video": {
        "title": "'김수학 ' || n",
        "upload_id": "{storage.Upload} + n - 1",
        "job_id": "{jobs.Job} + n - 1",
    },
    "lectures.Lecture": {
        "title": "'김수학 ' || n || '강'",
        "course_id": "{courses.Course} + n % {groups}",
        "position": "n / {groups} + 1",
        "upload_id": "{storage.Upload} + n - 1",
        "job_id": "{jobs.Job} + n - 1",
    },
    "documents.Document": {
        "title": "'김수학 유인물 ' || n",
        "upload_id": "{storage.Upload} + n - 1",
        "created_at": "now() - n * interval '1 minute'",
    },
    "documents.Page": {"document_id": "{documents.Document} + n - 1", "job_id": "{jobs.Job} + n - 1"},
    "rosters.Roster": {"file_name": "'김수학 ' || n || '.xlsx'", "job_id": "NULL"},
    "trash.Deletion": {"title": "'김수학 ' || n", "row_id": "n", "job_id": "NULL"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A page of a list, and what it took."""

    who: str
    list: str
    url: str
    milliseconds: float
    cpu_milliseconds: float
    queries: int
    rows: int = ROWS


def measure() -> list[Asked]:
    import tests.environment  # noqa: F401  a database of its own, before the settings are read

    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.test.utils import override_settings

    hasher = "django.contrib.auth.hashers.MD5PasswordHasher"
    with override_settings(PASSWORD_HASHERS=[hasher]):
        return list(_asked())


def _asked() -> Iterator[Asked]:
    from django.db import transaction

    from apps.accounts.roles import Role
    from tests.factories import client_of, make_world

    with transaction.atomic():
        hana = make_world().hana
    first: dict[str, int] = {"groups": GROUPS}
    _fill(hana, range(1, ROWS // 5 + 1), first)
    owner = client_of(hana.users[Role.OWNER])
    for name, url in _urls(owner):
        if url.endswith(f"?q={NOTHING}"):
            yield _ask(owner, Role.OWNER, name, url, ROWS // 5)
    _fill(hana, range(ROWS // 5 + 1, ROWS + 1), first)
    for role in (Role.OWNER, Role.TEACHER):
        client = client_of(hana.users[role])
        for name, url in _urls(client):
            if client.get(url).status_code != 302:  # a filter that the list does not take
                yield _ask(client, role, name, url, ROWS)


def _ask(client: Any, role: Any, name: str, url: str, rows: int) -> Asked:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    taken, worked = [], []
    for _ in range(ASKED):
        begun, busy = time.perf_counter(), _worked_seconds()
        answer = client.get(url)
        taken.append((time.perf_counter() - begun) * 1000)
        worked.append((_worked_seconds() - busy) * 1000)
        assert answer.status_code == 200, (url, answer.status_code)
    with CaptureQueriesContext(connection) as sent:
        client.get(url)
    ours = [one["sql"] for one in sent if not one["sql"].startswith(FRAME)]
    return Asked(role.value, name, url, statistics.median(taken), statistics.median(worked), len(ours), rows)


def _worked_seconds() -> float:
    """CPU time of this process and of its server process in PostgreSQL, which no other load of the machine adds to.

    Parallel workers of the query are not in it. 0 of the server's where the kernel does not tell.
    """
    from django.db import connection

    connection.ensure_connection()
    told = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return time.process_time() + (int(told.read_text().split()[0]) / 1e9 if told.exists() else 0)


def _urls(client: Any) -> Iterator[tuple[str, str]]:
    """Of every list that the person has: as it opens, further on, by each filter, by words; then the home page."""
    import academy.urls  # noqa: F401  registers every list
    from academy.desk.site import academy_desk

    for model, admin in academy_desk._registry.items():
        if "view" not in admin.permissions:
            continue
        assert model._meta.label in FILLED, f"benchmarks/desk.py: FILLED knows no {model._meta.label}"
        url = admin.url("changelist")
        answer = client.get(url)
        if answer.status_code == 403:
            continue
        assert answer.status_code == 200, (url, answer.status_code)
        listed = answer.context_data["cl"]
        queries = ["", listed.next_url]
        for spec in listed.filter_specs:
            queries += [choice["query_string"] for choice in list(spec.choices(listed))[1 : CHOICES + 1]]
        if admin.search_fields:
            queries += [f"?q={words}" for words in SEARCHED]
        yield from ((model._meta.label, url + query) for query in queries if query is not None)
    yield "home", "/admin/"
    yield from (("everything", f"/admin/search/?q={words}") for words in SEARCHED)
    if "/missing/" in client.get("/admin/").content.decode():
        yield "not handed in", "/admin/homework/assignment/missing/"


def _fill(hana: Any, numbers: range, first: dict[str, int]) -> None:
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as connection:
        fill(connection, hana.tenant.pk, FILLED, dict.fromkeys(FILLED, numbers), first)
        connection.execute("ANALYZE")


def main() -> None:
    every = measure()
    asked = [one for one in every if one.rows == ROWS]
    report: dict[str, dict[str, object]] = {}
    print(
        f"{'':28}{'asked by':>10}{'slowest':>10}{'CPU':>10}{'queries':>9}   goal {GOAL_MS:g} ms, {GOAL_QUERIES} queries"
    )
    for name in dict.fromkeys(one.list for one in asked):
        for who in dict.fromkeys(one.who for one in asked if one.list == name):
            of_list = [one for one in asked if (one.list, one.who) == (name, who)]
            slowest = max(of_list, key=lambda one: one.milliseconds)
            most = max(one.queries for one in of_list)
            is_met = slowest.milliseconds <= GOAL_MS
            print(
                f"{name:28}{who:>10}{slowest.milliseconds:>10.1f}"
                f"{slowest.cpu_milliseconds:>10.1f}{most:>9}   {'met' if is_met else 'NOT MET'}"
                f"  {slowest.url} ({len(of_list)} pages)"
            )
            report[f"{name}, {who}: slowest page"] = {
                "value": round(slowest.milliseconds, 1),
                "goal": GOAL_MS,
                "unit": "ms",
                "is_met": is_met,
            }
            report[f"{name}, {who}: most CPU of a page"] = {
                "value": round(max(one.cpu_milliseconds for one in of_list), 1),
                "goal": GOAL_MS,
                "unit": "ms",
                "is_met": max(one.cpu_milliseconds for one in of_list) <= GOAL_MS,
            }
            report[f"{name}, {who}: queries"] = {
                "value": most,
                "goal": GOAL_QUERIES if name != "home" else None,
                "unit": "statements",
                "is_met": most <= GOAL_QUERIES if name != "home" else None,
            }
    print(f"a search that finds nothing, at {ROWS // 5:,} rows, at {ROWS:,}, and for each thousand more")
    for few in (one for one in every if one.rows < ROWS):
        many = next(one for one in asked if (one.who, one.url) == (few.who, few.url))
        more = (many.cpu_milliseconds - few.cpu_milliseconds) / ((ROWS - few.rows) / 1000)
        print(f"{few.list:28}{few.cpu_milliseconds:>10.1f}{many.cpu_milliseconds:>10.1f}{more:>10.2f} ms of CPU")
        report[f"{few.list}: a search that finds nothing, per thousand rows"] = {
            "value": round(more, 3),
            "goal": None,
            "unit": "ms",
            "is_met": None,
        }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
