"""Results of an exam: one row per student, NULL where there is nothing to sum."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.api.answers import error_of
from tests.factories import World, client_of, make_batch, make_exam, make_reading, make_scan, make_student, record_scan


def results(client: Client, exam_id: int) -> Any:
    answer = client.get(f"/api/v1/exams/{exam_id}/results")
    assert answer.status_code == 200
    return answer.json()


def test_a_matched_student_has_points(world: World) -> None:
    assert results(client_of(world.hana.teacher), world.hana.exam.pk) == [
        {
            "student_id": world.hana.student.pk,
            "number": world.hana.student.number,
            "name": world.hana.student.name,
            "points": "1.00",
            "max_points": "3.00",
            "unsure_count": 0,
            "awaited_count": 0,
            "page_count": 1,
        }
    ]


def test_students_come_by_number_and_only_those_who_handed_in(world: World) -> None:
    with world.hana.acting():
        for number in ("240300", "240200"):
            make_student(number)
            record_scan(make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher)), number=number)
        make_student("240400")
    rows = results(client_of(world.hana.teacher), world.hana.exam.pk)
    assert [row["number"] for row in rows] == ["240101", "240200", "240300"]
    assert [row["points"] for row in rows] == ["1.00", "0.00", "0.00"]


def test_the_pages_of_one_sheet_are_summed(world: World) -> None:
    from apps.exams.grading import record_reading

    with world.hana.acting():
        scan = make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher))
        second_page = make_reading(world.hana.exam, number="240101", answers={"q3": "3"}, page=2)
        record_reading(scan, second_page, overlay_key="t/1/overlays/x.jpg")
    (row,) = results(client_of(world.hana.teacher), world.hana.exam.pk)
    assert (row["points"], row["max_points"], row["page_count"]) == ("2.00", "6.00", 2)


def test_a_duplicate_page_counts_once(world: World) -> None:
    with world.hana.acting():
        again = make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher))
        record_scan(again, number="240101", answers={"q1": "1", "q2": "2", "q3": "3"})
    (row,) = results(client_of(world.hana.teacher), world.hana.exam.pk)
    assert (row["points"], row["page_count"]) == ("1.00", 1)


def test_without_a_key_there_are_no_points_rather_than_zero(world: World) -> None:
    with world.hana.acting():
        exam = make_exam(created_by=world.hana.teacher)
        record_scan(make_scan(make_batch(exam, created_by=world.hana.teacher)), number="240101", answers={"q1": "1"})
    (row,) = results(client_of(world.hana.teacher), exam.pk)
    assert (row["points"], row["max_points"], row["unsure_count"]) == (None, None, 0)


def test_an_exam_nobody_sat_has_no_rows(world: World) -> None:
    with world.hana.acting():
        exam = make_exam(created_by=world.hana.teacher)
    assert results(client_of(world.hana.teacher), exam.pk) == []


def test_another_academys_results_are_missing(world: World) -> None:
    client = client_of(world.hana.owner)
    foreign = client.get(f"/api/v1/exams/{world.duri.exam.pk}/results")
    assert error_of(foreign, 404) == error_of(client.get("/api/v1/exams/987654321/results"), 404)
