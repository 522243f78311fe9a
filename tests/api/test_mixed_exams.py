"""Exams of every kind of question over HTTP: the sheet, the key, versions, essays."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.exams.grading import record_reading
from apps.exams.models import Exam, Scan
from sheets.layout import Layout
from sheets.reading import EssayCrop, FieldReading, FieldStatus, SheetReading
from tests.api.answers import error_of, post, put
from tests.factories import World, client_of, make_batch, make_scan

URL = "/api/v1/exams"
GROUPS: list[dict[str, Any]] = [
    {"kind": "single", "count": 3, "points": 2, "penalty": "0.5"},
    {"kind": "several", "count": 1, "points": 4},
    {"kind": "numeric", "count": 2, "points": 3},
    {"kind": "essay", "count": 1, "lines": 3, "points": 10},
]
FORM: dict[str, Any] = {
    "title": "기말고사",
    "groups": GROUPS,
    "version_count": 2,
    "answers": {"q1": ["1"], "q2": ["2"], "q3": ["3", "4"], "q4": ["3+1"], "q5": ["7"], "q6": ["-0.5"]},
    "partial": {"q4": True},
    "versions": {"B": {"questions": {"q1": "q2", "q2": "q1"}, "choices": {"q1": {"1": "2", "2": "1"}}}},
}
CORNERS = ((0.0, 0.0), (9.0, 0.0), (9.0, 5.0), (0.0, 5.0))


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


@pytest.fixture
def exam_id(teacher: Client) -> int:
    answer = post(teacher, URL, FORM)
    assert answer.status_code == 201, answer.content
    return int(answer.json()["id"])


def read_page(world: World, exam_id: int, version: str, answers: dict[str, tuple[str, ...]]) -> Scan:
    with world.hana.acting():
        exam = Exam.objects.select_related("layout").get(pk=exam_id)
        scan = make_scan(make_batch(exam, created_by=world.hana.teacher))
        fields = tuple(FieldReading(label, values, FieldStatus.OK, 0.99) for label, values in answers.items())
        reading = SheetReading(
            exam.layout.fingerprint,
            exam.sheet_code,
            1,
            fields,
            FieldReading("student_number", ("240101",), FieldStatus.OK, 0.99),
            4,
            0.0,
            1.0,
            FieldReading("version", (version,), FieldStatus.OK, 0.99),
            None,
            (EssayCrop("q7", CORNERS),),
        )
        record_reading(scan, reading, overlay_key=f"t/{world.hana.tenant.pk}/overlays/1.jpg")
        return scan


def shown(client: Client, scan: Scan) -> dict[str, Any]:
    body: dict[str, Any] = client.get(f"/api/v1/scans/{scan.pk}").json()
    return body


def test_a_sheet_of_every_kind_is_made_and_printed(world: World, teacher: Client, exam_id: int) -> None:
    with world.hana.acting():
        exam = Exam.objects.select_related("layout").get(pk=exam_id)
        layout = Layout.from_json(exam.layout.definition)
        kinds = list(exam.questions.order_by("position").values_list("kind", flat=True))
    assert kinds == ["single"] * 3 + ["several"] + ["numeric"] * 2 + ["essay"]
    assert layout.versions == ("A", "B")
    assert teacher.get(f"{URL}/{exam_id}/sheet.pdf").content.startswith(b"%PDF-")


def test_the_key_is_shown_as_it_was_set(teacher: Client, exam_id: int) -> None:
    body = teacher.get(f"{URL}/{exam_id}/key").json()
    assert body["answers"]["q4"] == ["1+3"]
    assert body["points"]["q7"] == "10.00"
    assert body["penalties"] == {"q1": "0.50", "q2": "0.50", "q3": "0.50"}
    assert body["partial"] == {"q4": True}
    assert body["versions"] == FORM["versions"]


def test_each_version_is_scored_in_its_own_order(world: World, teacher: Client, exam_id: int) -> None:
    rest = {"q3": ("4",), "q4": ("1",), "q5": ("007",), "q6": ("-0.50",)}
    # q1 of version B is the key's q2, whose right choice 2 is printed as 1 there
    one = read_page(world, exam_id, "A", {"q1": ("1",), "q2": ("2",), **rest})
    other = read_page(world, exam_id, "B", {"q1": ("1",), "q2": ("1",), **rest})
    wrong = read_page(world, exam_id, "B", {"q1": ("2",), "q2": ("2",), **rest})
    assert [shown(teacher, scan)["points"] for scan in (one, other, wrong)] == ["14.00", "14.00", "9.00"]
    outcomes = {row["label"]: row["outcome"] for row in shown(teacher, one)["answers"]}
    assert outcomes["q4"] == "partly_right"


def test_essays_wait_for_a_person_and_keep_what_was_given(world: World, teacher: Client, exam_id: int) -> None:
    scan = read_page(world, exam_id, "A", {"q1": ("1",)})
    body = shown(teacher, scan)
    assert (body["points"], body["max_points"], body["awaited_count"]) == ("2.00", "12.00", 1)
    assert [(row["outcome"], row["points"]) for row in body["essays"]] == [("awaited", None)]
    answer = put(teacher, f"/api/v1/scans/{scan.pk}/essays", {"points": {"q7": "7.5"}})
    assert (answer.json()["points"], answer.json()["awaited_count"]) == ("9.50", 0)
    put(teacher, f"{URL}/{exam_id}/key", {"points": {"q1": 1}})
    assert shown(teacher, scan)["points"] == "8.50"
    put(teacher, f"/api/v1/scans/{scan.pk}/essays", {"points": {"q7": None}})
    assert shown(teacher, scan)["points"] == "1.00"


@pytest.mark.parametrize("points", [{"q7": "10.01"}, {"q7": -1}, {"q1": 1}, {"q99": 1}, {"q7": "x"}, [], None])
def test_points_that_an_essay_cannot_have_are_refused(
    world: World, teacher: Client, exam_id: int, points: object
) -> None:
    scan = read_page(world, exam_id, "A", {"q1": ("1",)})
    error_of(put(teacher, f"/api/v1/scans/{scan.pk}/essays", {"points": points}), 400)
    assert shown(teacher, scan)["awaited_count"] == 1


def test_a_cancelled_question_regrades_everybody_at_once(world: World, teacher: Client, exam_id: int) -> None:
    scan = read_page(world, exam_id, "A", {"q1": ("5",)})
    assert shown(teacher, scan)["points"] == "-0.50"
    put(teacher, f"{URL}/{exam_id}/key", {"cancelled": {"q1": "all_right"}})
    assert shown(teacher, scan)["points"] == "2.00"
    put(teacher, f"{URL}/{exam_id}/key", {"cancelled": {"q1": "not_counted"}})
    assert (shown(teacher, scan)["points"], shown(teacher, scan)["max_points"]) == (None, "10.00")


def test_a_form_that_cannot_be_is_refused_and_makes_nothing(
    world: World, teacher: Client, subtests: pytest.Subtests
) -> None:
    cases: list[dict[str, Any]] = [
        {"groups": []},
        {"question_count": 5},
        {"groups": [{"kind": "oral", "count": 1}]},
        {"groups": [{"kind": "numeric", "count": 1, "decimals": 2, "denominator": 2}]},
        {"groups": [{"kind": "single", "count": 150}, {"kind": "numeric", "count": 51}]},
        {"groups": [{"kind": "essay", "count": 1, "lines": 40}]},
        {"groups": [{"kind": "single", "count": 1}] * 51},
        {"groups": "single"},
        {"version_count": 1},
        {"version_count": 5},
        {"paper": "A6"},
        {"answers": {"q1": ["6"]}},
        {"answers": {"q4": ["1+1"]}},
        {"answers": {"q5": ["seven"]}},
        {"answers": {"q5": ["1/0"]}},
        {"answers": {"q7": ["1"]}},
        {"answers": {"q8": ["1"]}},
        {"cancelled": {"q1": "perhaps"}},
        {"versions": {"C": {}}},
        {"versions": {"B": {"questions": {"q1": "q2"}}}},
        {"versions": {"B": {"questions": {"q1": "q5", "q5": "q1"}}}},
        {"versions": {"B": {"questions": {"q1": "q99"}}}},
        {"versions": {"B": {"choices": {"q1": {"1": "2"}}}}},
        {"versions": {"B": {"choices": {"q5": {"1": "2", "2": "1"}}}}},
        {"versions": {"B": "questions"}},
        {"penalties": {"q1": -1}},
    ]
    for changes in cases:
        with subtests.test(changes=changes):
            error_of(post(teacher, URL, {**FORM, **changes}), 400)
            with world.hana.acting():
                assert list(Exam.objects.all()) == [world.hana.exam]


def test_another_academys_essays_are_missing(world: World, teacher: Client) -> None:
    foreign = put(teacher, f"/api/v1/scans/{world.duri.scan.pk}/essays", {"points": {}})
    assert error_of(foreign, 404) == error_of(put(teacher, "/api/v1/scans/987654321/essays", {"points": {}}), 404)
