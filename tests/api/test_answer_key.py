"""The answer key: set in parts, and what was read already is scored anew at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.exams.models import Scan
from tests.api.answers import error_of, put
from tests.factories import World, client_of, make_exam


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def url_of(world: World) -> str:
    return f"/api/v1/exams/{world.hana.exam.pk}/key"


def scan_of(world: World, client: Client) -> Any:
    return client.get(f"/api/v1/scans/{world.hana.scan.pk}").json()


def test_the_key_is_shown_with_what_each_question_is_worth(world: World, teacher: Client) -> None:
    body = teacher.get(url_of(world)).json()
    assert body["answers"]["q1"] == ["1"]
    assert body["answers"]["q20"] == []
    assert body["points"]["q20"] == "1.00"
    assert list(body["answers"])[:3] == ["q1", "q2", "q3"]


def test_a_changed_key_regrades_at_once(world: World, teacher: Client) -> None:
    before = scan_of(world, teacher)
    assert (before["points"], before["max_points"]) == ("1.00", "3.00")
    answer = put(teacher, url_of(world), {"answers": {"q2": ["5"]}})
    assert (answer.status_code, answer.json()["regraded"]) == (200, 1)
    (change,) = answer.json()["changes"]
    assert (change["student_id"], change["points_before"], change["points_after"]) == (
        world.hana.student.pk,
        "1.00",
        "2.00",
    )
    after = scan_of(world, teacher)
    assert (after["points"], after["max_points"]) == ("2.00", "3.00")
    assert {row["label"]: row["outcome"] for row in after["answers"]}["q2"] == "right"


def test_changed_points_regrade_at_once(world: World, teacher: Client) -> None:
    put(teacher, url_of(world), {"points": {"q1": "4.5"}})
    assert (scan_of(world, teacher)["points"], scan_of(world, teacher)["max_points"]) == ("4.50", "6.50")


def test_what_is_not_named_is_not_changed(world: World, teacher: Client) -> None:
    before = teacher.get(url_of(world)).json()
    put(teacher, url_of(world), {"answers": {"q4": ["2", "3"]}})
    after = teacher.get(url_of(world)).json()
    assert after["answers"] == {**before["answers"], "q4": ["2", "3"]}
    assert after["points"] == before["points"]


def test_a_key_is_taken_back_by_an_empty_list(world: World, teacher: Client) -> None:
    put(teacher, url_of(world), {"answers": {"q1": [], "q2": [], "q3": []}})
    scan = scan_of(world, teacher)
    assert (scan["points"], scan["max_points"]) == (None, None)
    assert {row["outcome"] for row in scan["answers"]} == {"no_key"}


def test_nothing_named_changes_nothing(world: World, teacher: Client) -> None:
    before = teacher.get(url_of(world)).json()
    assert put(teacher, url_of(world), {}).status_code == 200
    assert teacher.get(url_of(world)).json() == before


@pytest.mark.parametrize("answer", ["0", "6", "A", "1+2"])
def test_an_answer_that_nobody_can_mark_is_refused(world: World, teacher: Client, answer: str) -> None:
    before = teacher.get(url_of(world)).json()
    response = teacher.put(url_of(world), {"answers": {"q1": ["1", answer]}}, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["attr"] == "answers"
    assert teacher.get(url_of(world)).json() == before


def test_an_unknown_question_changes_none(world: World, teacher: Client) -> None:
    before = teacher.get(url_of(world)).json()
    error = error_of(put(teacher, url_of(world), {"answers": {"q1": ["5"], "q21": ["1"]}}), 400)
    assert error["attr"] == "answers"
    assert "q21" in error["detail"]
    error = error_of(put(teacher, url_of(world), {"answers": {"q1": ["5"]}, "points": {"q99": 2}}), 400)
    assert error["attr"] == "points"
    assert teacher.get(url_of(world)).json() == before


def test_what_is_no_key_is_invalid_and_changes_nothing(
    world: World, teacher: Client, subtests: pytest.Subtests
) -> None:
    cases: list[object] = [
        {"answers": []},
        {"answers": {"q1": "1"}},
        {"answers": {"q1": [1, [2]]}},
        {"answers": {"q1": [""]}},
        {"answers": {"q1": [None]}},
        {"answers": {"q1": ["1"] * 11}},
        {"answers": {"q1": ["x" * 41]}},
        {"answers": {"q1": ["a\x00"]}},
        {"answers": {"q\x00": ["1"]}},
        {"answers": None},
        {"points": {"q1": -1}},
        {"points": {"q1": "NaN"}},
        {"points": {"q1": "Infinity"}},
        {"points": {"q1": "1.005"}},
        {"points": {"q1": 1000}},
        {"points": {"q1": "1e400"}},
        {"points": {"q1": [1]}},
        {"points": {"q1": None}},
        {"points": 5},
    ]
    for data in cases:
        with subtests.test(data=data):
            before = teacher.get(url_of(world)).json()
            error_of(put(teacher, url_of(world), data), 400)
            assert teacher.get(url_of(world)).json() == before


def test_the_largest_exam_with_the_largest_points_still_has_a_sum(world: World) -> None:
    from tests.factories import make_batch, make_scan, record_scan

    labels = [f"q{number}" for number in range(1, 201)]
    with world.hana.acting():
        exam = make_exam(question_count=200, key=dict.fromkeys(labels, "1"), created_by=world.hana.teacher)
        scan = make_scan(make_batch(exam, created_by=world.hana.teacher))
        record_scan(scan, number="240101", answers=dict.fromkeys(labels, "1"))
    answer = put(client_of(world.hana.teacher), f"/api/v1/exams/{exam.pk}/key", {"points": dict.fromkeys(labels, 999)})
    assert answer.status_code == 200
    with world.hana.acting():
        assert Scan.objects.get(pk=scan.pk).points == Decimal(200 * 999)


def test_the_other_academys_scans_keep_their_points(world: World, teacher: Client) -> None:
    put(teacher, url_of(world), {"answers": {"q2": ["5"]}})
    with world.duri.acting():
        assert Scan.objects.get(pk=world.duri.scan.pk).points == Decimal(1)


def test_another_academys_key_is_missing(world: World, teacher: Client) -> None:
    foreign, missing = f"/api/v1/exams/{world.duri.exam.pk}/key", "/api/v1/exams/987654321/key"
    for method in (teacher.get, lambda url: put(teacher, url, {"answers": {"q1": ["5"]}})):
        assert error_of(method(foreign), 404) == error_of(method(missing), 404)
    with world.duri.acting():
        assert Scan.objects.get(pk=world.duri.scan.pk).points == Decimal(1)
