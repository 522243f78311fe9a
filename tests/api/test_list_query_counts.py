"""Every list costs as many queries with ten rows as with one; what is about people, one more for the trail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from apps.exams.models import Batch
from tests.db.kernel import job_id_of
from tests.factories import (
    World,
    client_of,
    make_attendance,
    make_batch,
    make_course,
    make_exam,
    make_scan,
    make_student,
    record_scan,
)


def add_students(world: World) -> None:
    for _ in range(9):
        make_student(course=world.hana.course)


def add_exams(world: World) -> None:
    for _ in range(9):
        make_exam(created_by=world.hana.teacher)


def add_read_scans(world: World) -> None:
    for index in range(9):
        student = make_student()
        batch = make_batch(world.hana.exam, created_by=world.hana.teacher)
        record_scan(make_scan(batch, page_index=index), number=student.number, answers={"q1": "1"})


def add_courses(world: World) -> None:
    for _ in range(9):
        make_course(teachers=[world.hana.teacher], students=[world.hana.student])


def add_lessons(world: World) -> None:
    for day in range(9, 18):
        make_attendance(world.hana.course, world.hana.student, by=world.hana.teacher, day=date(2026, 3, day))


def add_failed_pages(world: World) -> None:
    batch = Batch.objects.get(pk=world.hana.batch.pk)
    for index in range(1, 10):
        scan = make_scan(batch, page_index=index)
        Job.objects.filter(pk=job_id_of(scan)).update(state=JobState.FAILED, error_code="blurred")


def queries_of(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [row["sql"] for row in queries if "SAVEPOINT" not in row["sql"]]


@pytest.mark.parametrize(
    ("path", "add", "expected"),
    [
        ("students", add_students, 4),
        ("courses", add_courses, 4),
        ("courses/{course}", add_courses, 4),
        ("courses/{course}/students", add_students, 5),
        ("courses/{course}/attendance", add_lessons, 5),
        ("students/{student}/attendance", add_lessons, 5),
        ("exams", add_exams, 3),
        ("exams/{exam}/scans", add_read_scans, 5),
        ("exams/{exam}/results", add_read_scans, 5),
        ("exams/{exam}/sheet.pdf?prefilled=1", add_students, 5),
        ("exams/{exam}/key", add_exams, 4),
        ("batches/{batch}", add_failed_pages, 5),
        ("scans/{scan}", add_read_scans, 7),
    ],
)
def test_ten_rows_cost_what_one_costs(world: World, path: str, add: Callable[[World], None], expected: int) -> None:
    hana = world.hana
    ids = {"exam": hana.exam.pk, "batch": hana.batch.pk, "scan": hana.scan.pk}
    url = "/api/v1/" + path.format(course=hana.course.pk, student=hana.student.pk, **ids)
    client = client_of(world.hana.teacher)
    client.get("/api/v1/session")  # the host's academy is looked up now and then, not for each request
    one = queries_of(client, url)
    with world.hana.acting():
        add(world)
    ten = queries_of(client, url)
    assert len(one) == expected, "\n".join(one)
    assert len(ten) == expected, "\n".join(ten)


def test_taking_attendance_costs_the_same_for_thirty_as_for_one(world: World) -> None:
    client, url = client_of(world.hana.teacher), f"/api/v1/courses/{world.hana.course.pk}/attendance"
    client.get("/api/v1/session")
    with world.hana.acting():
        ids = [make_student(course=world.hana.course).pk for _ in range(30)]
    counts = []
    for day, students in (("2026-03-10", ids[:1]), ("2026-03-11", ids)):
        body = {"date": day, "attendance": [{"student": pk, "status": "present"} for pk in students]}
        with CaptureQueriesContext(connection) as queries:
            assert client.put(url, body, content_type="application/json").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
