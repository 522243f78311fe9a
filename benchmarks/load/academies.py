"""Two hundred academies with a million rows, and who asks what of them.

python -m benchmarks.load.academies, with a stack's environment and ADMIN_DATABASE_URL: fills the stack's database and
prints a line of JSON: every request of the mix at every academy, and the statements that one of each kind sends.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import psycopg

from benchmarks.load.filling import Tables, fill

ACADEMIES: Final = 200
STUDENTS: Final = 250
EXAMS: Final = 40
PIECES: Final = 40
"""Of homework."""

# What an academy of a year has: 30 of the students sat each exam, 20 were given each piece of homework. Whoever asks
# as a student has sat them all.
TABLES: Final[Tables] = {
    "students.Student": {"number": "lpad((500000 + n)::text, 6, '0')", "name": "'김수학 ' || n", "user_id": "NULL"},
    "courses.Course": {"name": "'중2 수학 ' || n", "is_archived": "n % 3 = 0"},
    "courses.Enrolment": {
        "student_id": f"{{students.Student}} + (n - 1) % {STUDENTS}",
        "course_id": f"{{courses.Course}} + (n - 1) / {STUDENTS} * 5 + n % 5",
    },
    "storage.Upload": {"key": "'t/{tenant}/uploads/load-' || n", "file_name": "'답안지 ' || n || '.jpg'"},
    "jobs.Job": {
        "state": "CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END",
        "error_code": "CASE WHEN n % 50 = 0 THEN 'blurred' ELSE '' END",
        "created_at": "now() - n * interval '5 hours'",
        "finished_at": "now() - n * interval '5 hours'",
    },
    "exams.Exam": {
        "title": "'김수학 ' || n || '회 시험'",
        "sheet_code": "'L' || n",
        "course_id": "{courses.Course} + n % 10",
        "created_at": "now() - n * interval '1 week'",
    },
    "exams.Batch": {
        "exam_id": f"{{exams.Exam}} + n % {EXAMS}",
        "upload_id": "{storage.Upload} + n - 1",
        "created_at": "now() - n * interval '3 days'",
    },
    "exams.Scan": {
        "exam_id": f"{{exams.Exam}} + (n - 1) % {EXAMS}",
        "batch_id": "{exams.Batch} + (n - 1) % 100",
        "page_index": "(n - 1) / 100",
        "job_id": "{jobs.Job} + n - 1",
        "student_id": f"CASE WHEN n <= {EXAMS} THEN known.student_id ELSE {{students.Student}} + (n - 1) / {EXAMS} END",
        "asked_count": "CASE WHEN n % 40 = 0 THEN 1 ELSE 0 END",
    },
    "exams.Publication": {"exam_id": "{exams.Exam} + n - 1"},
    "homework.Assignment": {
        "title": "'김수학 ' || n || '단원'",
        "course_id": "{courses.Course} + n % 10",
        "created_at": "now() - n * interval '1 week'",
        "due_at": "now() + (n % 20 - 10) * interval '1 day'",
    },
    "homework.Assignee": {
        "assignment_id": f"{{homework.Assignment}} + (n - 1) % {PIECES}",
        "student_id": (
            f"CASE WHEN n <= {PIECES} THEN known.student_id ELSE {{students.Student}} + (n - 1) / {PIECES} END"
        ),
    },
}
COUNTS: Final = {
    "students.Student": STUDENTS,
    "courses.Course": 10,
    "courses.Enrolment": 2 * STUDENTS,
    "storage.Upload": 600,
    "jobs.Job": 1_400,
    "exams.Exam": EXAMS,
    "exams.Batch": 100,
    "exams.Scan": 1_200,
    "exams.Publication": EXAMS,
    "homework.Assignment": PIECES,
    "homework.Assignee": 20 * PIECES,
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request: who sends it, how often among all, and what."""

    name: str
    role: str
    weight: int
    url: str
    body: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody signed in, and the addresses of what they look at."""

    host: str
    cookies: str
    token: str
    role: str
    names: dict[str, int]


# Of 100 requests. Most people are students and parents who look; teachers look after what they sent in.
MIX: Final = (
    Kind("the session", "student", 14, "/api/v1/session"),
    Kind("own results", "student", 13, "/api/v1/me/results"),
    Kind("one own result", "student", 9, "/api/v1/me/results/{exam}"),
    Kind("own homework", "student", 12, "/api/v1/me/homework"),
    Kind("own lectures", "student", 6, "/api/v1/me/lectures"),
    Kind("begin an upload", "student", 4, "/api/v1/uploads", {"file_name": "1쪽.jpg", "content_type": "image/jpeg"}),
    Kind("states of jobs", "teacher", 10, "/api/v1/jobs"),
    Kind("students", "teacher", 5, "/api/v1/students"),
    Kind("exams", "teacher", 5, "/api/v1/exams"),
    Kind("scans of an exam", "teacher", 4, "/api/v1/exams/{exam}/scans"),
    Kind("inbox of an exam", "teacher", 3, "/api/v1/exams/{exam}/inbox"),
    Kind("homework of a class", "teacher", 4, "/api/v1/homework/{homework}"),
    Kind("search in documents", "teacher", 2, "/api/v1/documents/search?q=%EA%B7%B8%EB%9E%98%ED%94%84"),
    Kind(
        "a new exam", "teacher", 1, "/api/v1/exams", {"title": "쪽지시험", "question_count": 20, "course": "{course}"}
    ),
    Kind("the desk's home", "teacher", 4, "/admin/"),
    Kind("the desk's students", "teacher", 2, "/admin/students/student/"),
    Kind("the desk's scans", "teacher", 2, "/admin/exams/scan/"),
)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "academy.settings"
    import django

    django.setup()
    from django.test.utils import override_settings

    # Nobody logs in here, and 1,600 passwords by Argon2 take minutes.
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        told = _filled()
    print(json.dumps(told))


def _filled() -> dict[str, Any]:
    from tests.factories.world import make_cast

    casts = []
    for number in range(ACADEMIES):
        casts.append(make_cast(f"load{number}", f"학원 {number}"))
        if number % 50 == 49:
            print(f"{number + 1} academies", file=sys.stderr, flush=True)
    numbers = {name: range(1, count + 1) for name, count in COUNTS.items()}
    with psycopg.connect(os.environ["ADMIN_DATABASE_URL"], autocommit=True) as connection:
        for cast in casts:
            fill(connection, cast.tenant.pk, TABLES, numbers, {"tenant": cast.tenant.pk})
        rows = _ready(connection)
    askers = [asker for cast in casts for asker in _askers(cast)]
    return {"rows": rows, "askers": [asdict(one) for one in askers], "statements": _statements(askers)}


def _askers(cast: Any) -> Iterator[Asker]:
    from apps.accounts.roles import Role
    from tests.factories import client_of

    names = {"exam": cast.exam.pk, "homework": cast.assignment.pk, "course": cast.course.pk}
    for role in (Role.STUDENT, Role.TEACHER):
        client = client_of(cast.users[role], checks_csrf=True)
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
        yield Asker(cast.host, cookies, str(client.defaults["HTTP_X_CSRFTOKEN"]), role.value, names)


def _ready(connection: psycopg.Connection) -> int:
    """Give every sequence its place after the new rows; the rows of all tables."""
    from django.apps import apps

    rows = 0
    for model in apps.get_models():
        table = model._meta.db_table
        [found] = connection.execute("SELECT to_regclass(%s)", [table]).fetchone() or [None]
        if found is None:
            continue
        [count] = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or [0]
        rows += count
        if model._meta.label in TABLES:
            connection.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
    connection.execute("ANALYZE")
    return rows


def _statements(askers: list[Asker]) -> dict[str, int]:
    """What one request of each kind sends to the database, transactions not counted."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    found = {}
    for kind in MIX:
        asker = next(one for one in askers if one.role == kind.role)
        client = Client(SERVER_NAME=asker.host, HTTP_X_CSRFTOKEN=asker.token, HTTP_COOKIE=asker.cookies)
        for _ in range(2):
            with CaptureQueriesContext(connection) as sent:
                answer = client.get(url_of(kind, asker)) if kind.body is None else _post(client, kind, asker)
            assert answer.status_code in {200, 201}, (kind.name, answer.status_code, answer.content[:500])
        ours = [one["sql"] for one in sent if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]
        found[kind.name] = len(ours)
    return found


def _post(client: Any, kind: Kind, asker: Asker) -> Any:
    return client.post(kind.url, body_of(kind, asker), content_type="application/json")


def url_of(kind: Kind, asker: Asker) -> str:
    return kind.url.format(**asker.names)


def body_of(kind: Kind, asker: Asker) -> bytes:
    """JSON; a value in braces is the number of what the person has of it."""
    body = kind.body or {}
    return json.dumps(
        {
            name: asker.names[value[1:-1]] if isinstance(value, str) and value.startswith("{") else value
            for name, value in body.items()
        }
    ).encode()


if __name__ == "__main__":
    main()
