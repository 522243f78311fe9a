"""Every list costs as many queries with ten rows as with one; what is about people, one more for the trail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from apps.exams.models import Batch
from tests.db.kernel import job_id_of
from tests.factories import World, client_of, make_batch, make_exam, make_scan, make_student, record_scan


def add_students(world: World) -> None:
    for _ in range(9):
        make_student()


def add_exams(world: World) -> None:
    for _ in range(9):
        make_exam(created_by=world.hana.teacher)


def add_read_scans(world: World) -> None:
    for index in range(9):
        student = make_student()
        batch = make_batch(world.hana.exam, created_by=world.hana.teacher)
        record_scan(make_scan(batch, page_index=index), number=student.number, answers={"q1": "1"})


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
        ("exams", add_exams, 3),
        ("exams/{exam}/scans", add_read_scans, 5),
        ("exams/{exam}/results", add_read_scans, 5),
        ("exams/{exam}/sheet.pdf?prefilled=1", add_students, 5),
        ("exams/{exam}/key", add_exams, 4),
        ("batches/{batch}", add_failed_pages, 5),
        ("scans/{scan}", add_read_scans, 5),
    ],
)
def test_ten_rows_cost_what_one_costs(world: World, path: str, add: Callable[[World], None], expected: int) -> None:
    url = "/api/v1/" + path.format(exam=world.hana.exam.pk, batch=world.hana.batch.pk, scan=world.hana.scan.pk)
    client = client_of(world.hana.teacher)
    client.get("/api/v1/session")  # the host's academy is looked up now and then, not for each request
    one = queries_of(client, url)
    with world.hana.acting():
        add(world)
    ten = queries_of(client, url)
    assert len(one) == expected, "\n".join(one)
    assert len(ten) == expected, "\n".join(ten)
