"""A student's own results: theirs or the chosen child's, and only what nobody has yet to look at."""

from __future__ import annotations

from typing import Any

from django.test import Client

from apps.accounts.roles import Role
from apps.exams.models import Scan
from apps.students.models import Guardianship
from tests.api.answers import error_of
from tests.factories import (
    Cast,
    World,
    client_of,
    make_batch,
    make_exam,
    make_scan,
    make_student,
    record_scan,
)


def results(client: Client) -> Any:
    answer = client.get("/api/v1/me/results")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def student_client(cast: Cast) -> Client:
    return client_of(cast.users[Role.STUDENT])


def guardian_client(cast: Cast) -> Client:
    return client_of(cast.users[Role.GUARDIAN])


def test_a_student_sees_their_own_points_and_nobody_elses(world: World) -> None:
    with world.hana.acting():
        other = make_student("240200")
        record_scan(make_scan(make_batch(world.hana.exam, created_by=world.hana.teacher)), number=other.number)
    (row,) = results(student_client(world.hana))
    assert (row["id"], row["title"]) == (world.hana.exam.pk, world.hana.exam.title)
    assert (row["points"], row["max_points"], row["page_count"]) == ("1.00", "3.00", 1)
    assert row["read_at"]


def test_one_result_shows_what_was_read_and_the_picture(world: World) -> None:
    answer = student_client(world.hana).get(f"/api/v1/me/results/{world.hana.exam.pk}").json()
    (page,) = answer["pages"]
    with world.hana.acting():
        overlay_key = Scan.objects.get(pk=world.hana.scan.pk).overlay_key
    assert overlay_key in page["overlay_url"]
    outcomes = {answer["label"]: answer["outcome"] for answer in page["answers"]}
    assert outcomes["q1"] == "right"


def test_a_guardian_sees_the_child_they_chose_and_no_other(world: World) -> None:
    client = guardian_client(world.hana)
    assert [row["id"] for row in results(client)] == [world.hana.exam.pk]
    with world.hana.acting():
        second = make_student("240300")
        Guardianship(user=world.hana.users[Role.GUARDIAN], student=second).save()
    assert client.put("/api/v1/me/child", {"student": second.pk}, "application/json").status_code == 200
    assert results(client) == []
    missing = client.get(f"/api/v1/me/results/{world.hana.exam.pk}")
    assert error_of(missing, 404) == error_of(client.get("/api/v1/me/results/987654321"), 404)


def test_a_guardianship_that_ended_shows_nothing_more(world: World) -> None:
    with world.hana.acting():
        Guardianship.objects.filter(user=world.hana.users[Role.GUARDIAN]).delete()
    assert guardian_client(world.hana).get("/api/v1/me/results").status_code == 404


def test_an_exam_without_a_key_has_no_result_yet(world: World) -> None:
    with world.hana.acting():
        exam = make_exam(created_by=world.hana.teacher)
        record_scan(make_scan(make_batch(exam, created_by=world.hana.teacher)), number="240101", answers={"q1": "1"})
    assert [row["id"] for row in results(student_client(world.hana))] == [world.hana.exam.pk]


def test_a_sheet_that_only_names_the_student_in_doubt_is_nobodys(world: World) -> None:
    with world.hana.acting():
        Scan.objects.filter(pk=world.hana.scan.pk).update(match="duplicate")
    assert results(student_client(world.hana)) == []


def test_another_academys_results_are_missing(world: World) -> None:
    client = student_client(world.hana)
    foreign = client.get(f"/api/v1/me/results/{world.duri.exam.pk}")
    assert error_of(foreign, 404) == error_of(client.get("/api/v1/me/results/987654321"), 404)
