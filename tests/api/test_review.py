"""The review inbox and what people say of a page: only what can change a score is asked, and what is said holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from apps.accounts.roles import Role
from apps.courses.services import enrol_students
from apps.exams.grading import record_reading
from apps.exams.models import Correction, Exam, Scan
from apps.exams.queries import with_corrections
from sheets.reading import FieldReading, FieldStatus, SheetReading
from tests.api.answers import error_of, put
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_batch, make_exam, make_reading, make_scan, make_student

KEY = {"q1": "1", "q2": "2", "q3": "3"}


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def assistant(hana: Cast) -> Client:
    return client_of(hana.users[Role.ASSISTANT])


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


def unsure(reading: SheetReading, *labels: str) -> SheetReading:
    fields = (
        replace(field, status=FieldStatus.UNSURE, confidence=0.5, ink=(0.4, 0.3, 0.1, 0.0, 0.0))
        if field.label in labels
        else field
        for field in reading.fields
    )
    return replace(reading, fields=tuple(fields))


def read(cast: Cast, exam: Exam, *, doubts: tuple[str, ...] = (), **marked: Any) -> Scan:
    """A page that was read, by default the student's and all right."""
    with cast.acting():
        scan = make_scan(make_batch(exam, created_by=cast.teacher))
        reading = make_reading(exam, **{"number": cast.student.number, "answers": KEY, **marked})
        record_reading(scan, unsure(reading, *doubts), overlay_key=f"t/{cast.tenant.pk}/overlays/{scan.pk}/1.jpg")
    return scan


def read_again(cast: Cast, scan: Scan, reading: SheetReading) -> None:
    with cast.acting():
        fresh = with_corrections(Scan.objects.select_related("exam__layout")).get(pk=scan.pk)
        record_reading(fresh, reading, overlay_key=scan.overlay_key)


def inbox(client: Client, exam: Exam) -> Any:
    answer = client.get(f"/api/v1/exams/{exam.pk}/inbox")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def correct(client: Client, scan: Scan, **said: object) -> Any:
    answer = put(client, f"/api/v1/scans/{scan.pk}/corrections", said)
    assert answer.status_code == 200, answer.content
    return answer.json()


# ---------------------------------------------------------------- what is asked


def test_only_doubts_of_scored_questions_are_asked_with_place_and_candidates(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    scan = read(hana, exam, doubts=("q2", "q9"))
    read(hana, make_and_key_none(hana), doubts=("q1",))
    (page,) = inbox(assistant, exam)
    (item,) = page["items"]
    assert (page["id"], item["kind"], item["label"], item["values"]) == (scan.pk, "answer", "q2", ["2"])
    assert (item["confidence"], item["candidates"][0]) == (0.5, {"value": "1", "ink": 0.4})
    x, y, width, height = item["box"]
    assert 0 <= x < x + width <= 840
    assert 0 <= y < y + height <= 1188
    assert f"overlays/{scan.pk}/1.jpg" in item["picture_url"]


def make_and_key_none(cast: Cast) -> Exam:
    with cast.acting():
        return make_exam("다른 시험", created_by=cast.teacher)


def test_a_number_that_is_unclear_has_proposals_and_is_never_chosen(hana: Cast, assistant: Client, exam: Exam) -> None:
    with hana.acting():
        near, far, stranger = make_student("240111"), make_student("240999"), make_student("240121")
        enrol_students(course_id=hana.course.pk, student_ids=[near.pk, far.pk])
        scan = make_scan(make_batch(exam, created_by=hana.teacher))
        reading = make_reading(exam, answers=KEY)
        number = FieldReading("student_number", ("2401?1",), FieldStatus.UNSURE, 0.4)
        record_reading(scan, replace(reading, student_number=number), overlay_key="t/1/overlays/1/1.jpg")
        Scan.objects.filter(pk=scan.pk).update(overlay_key=f"t/{hana.tenant.pk}/overlays/{scan.pk}/1.jpg")
    unknown = read(hana, exam, number="240102")
    pages = {page["id"]: page for page in inbox(assistant, exam)}
    proposed = {pk: [student["id"] for student in page["items"][0]["proposals"]] for pk, page in pages.items()}
    assert proposed == {scan.pk: [hana.student.pk, near.pk], unknown.pk: [hana.student.pk]}
    assert not {far.pk, stranger.pk} & set(proposed[scan.pk])
    assert pages[scan.pk]["student"] is None
    assert correct(assistant, unknown, student=hana.student.pk)["match"] == "matched"
    assert [page["id"] for page in inbox(assistant, exam)] == [scan.pk]


def test_a_page_that_failed_is_asked_until_it_is_set_aside(hana: Cast, assistant: Client, exam: Exam) -> None:
    with hana.acting():
        scan = make_scan(make_batch(exam, created_by=hana.teacher))
        Job.objects.filter(pk=job_id_of(scan)).update(state=JobState.FAILED, error_code="blurred")
    (page,) = inbox(assistant, exam)
    assert page["items"][0]["kind"] == "page_failed"
    assert page["items"][0]["message"]
    assert correct(assistant, scan, set_aside=True)["match"] == "set_aside"
    assert inbox(assistant, exam) == []
    correct(assistant, scan, set_aside=None)
    assert len(inbox(assistant, exam)) == 1


def test_the_inbox_costs_as_many_queries_for_ten_pages_as_for_one(hana: Cast, assistant: Client, exam: Exam) -> None:
    read(hana, exam, number="240109", doubts=("q1",))
    inbox(assistant, exam)
    with CaptureQueriesContext(connection) as one:
        inbox(assistant, exam)
    for index in range(9):
        read(hana, exam, number=f"99999{index}", doubts=("q2",))
    with CaptureQueriesContext(connection) as ten:
        assert len(inbox(assistant, exam)) == 10
    assert len(ten) == len(one)


def test_another_academys_inbox_and_pages_are_missing(world: World, assistant: Client) -> None:
    foreign = assistant.get(f"/api/v1/exams/{world.duri.exam.pk}/inbox")
    assert foreign.content == assistant.get("/api/v1/exams/987654321/inbox").content
    url = "/api/v1/scans/{}/corrections"
    foreign = put(assistant, url.format(world.duri.scan.pk), {"answers": {"q1": ["1"]}})
    assert error_of(foreign, 404) == error_of(put(assistant, url.format(987654321), {"answers": {"q1": ["1"]}}), 404)


# ---------------------------------------------------------------- what is said


def test_a_correction_scores_at_once_says_who_and_leaves_the_reading(hana: Cast, assistant: Client, exam: Exam) -> None:
    scan = read(hana, exam, doubts=("q2",))
    with hana.acting():
        before = Scan.objects.get(pk=scan.pk).reading
    body = correct(assistant, scan, answers={"q2": ["2"]})
    assert (body["points"], body["unsure_count"]) == ("3.00", 0)
    (said,) = body["corrections"]
    assert (said["label"], said["values"], said["by"]) == ("q2", ["2"], hana.users[Role.ASSISTANT].name)
    assert said["machine"]["status"] == "unsure"
    assert said["at"]
    with hana.acting():
        assert Scan.objects.get(pk=scan.pk).reading == before
    assert inbox(assistant, exam) == []


def test_what_was_said_outlives_a_re_read_a_new_key_and_can_be_taken_back(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    scan = read(hana, exam, doubts=("q2",))
    correct(assistant, scan, answers={"q2": ["5"], "q3": []}, student=hana.student.pk)
    with hana.acting():
        again = make_reading(exam, number=None, answers=KEY)
    read_again(hana, scan, again)
    body = client_of(hana.teacher).get(f"/api/v1/scans/{scan.pk}").json()
    outcomes = {row["label"]: row["outcome"] for row in body["answers"]}
    assert (outcomes["q2"], outcomes["q3"], body["student"]["id"]) == ("wrong", "blank", hana.student.pk)
    put(client_of(hana.teacher), f"/api/v1/exams/{exam.pk}/key", {"answers": {"q2": ["5"]}})
    assert client_of(hana.teacher).get(f"/api/v1/scans/{scan.pk}").json()["points"] == "2.00"
    body = correct(assistant, scan, answers={"q2": None, "q3": None}, student=None)
    assert (body["points"], body["match"], body["corrections"]) == ("2.00", "number_unreadable", [])
    with hana.acting():
        assert Correction.objects.filter(scan=scan, undone_by=hana.users[Role.ASSISTANT]).count() == 3


def test_saying_the_same_again_changes_nothing(hana: Cast, assistant: Client, exam: Exam) -> None:
    scan = read(hana, exam, doubts=("q2",))
    first = correct(assistant, scan, answers={"q2": ["2"]})
    assert correct(client_of(hana.teacher), scan, answers={"q2": ["2"]})["corrections"] == first["corrections"]
    assert correct(assistant, scan)["corrections"] == first["corrections"]


def test_several_marks_of_a_single_choice_are_no_wrong_answer(hana: Cast, assistant: Client, exam: Exam) -> None:
    scan = read(hana, exam, doubts=("q2",))
    body = correct(assistant, scan, answers={"q2": ["1", "2"]})
    assert {row["label"]: row["outcome"] for row in body["answers"]}["q2"] == "multiple"


@pytest.mark.parametrize(
    "said",
    [
        {"answers": {"q2": ["6"]}},
        {"answers": {"q2": ["1", "1"]}},
        {"answers": {"q99": ["1"]}},
        {"answers": {"student_number": ["240101"]}},
        {"answers": ["q1"]},
        {"version": "A"},
        {"version": ""},
        {"student": "x"},
        {"counts": False},
    ],
)
def test_what_the_page_does_not_have_is_refused_and_nothing_is_written(
    hana: Cast, assistant: Client, exam: Exam, said: dict[str, object]
) -> None:
    scan = read(hana, exam)
    error_of(put(assistant, f"/api/v1/scans/{scan.pk}/corrections", {"set_aside": True, **said}), 400)
    with hana.acting():
        assert not Correction.objects.filter(scan=scan).exists()


def test_a_student_of_another_academy_is_missing(world: World, hana: Cast, assistant: Client, exam: Exam) -> None:
    scan = read(hana, exam)
    url = f"/api/v1/scans/{scan.pk}/corrections"
    foreign = put(assistant, url, {"student": world.duri.student.pk})
    assert error_of(foreign, 404) == error_of(put(assistant, url, {"student": 987654321}), 404)


# ---------------------------------------------------------------- the same sheet twice


def matches(cast: Cast, *scans: Scan) -> list[tuple[str, bool]]:
    with cast.acting():
        found = Scan.objects.in_bulk([scan.pk for scan in scans])
    return [(found[scan.pk].match, found[scan.pk].is_disputed) for scan in scans]


def test_of_one_sheet_scanned_twice_the_surer_scan_counts_and_nobody_is_asked(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    first = read(hana, exam, doubts=("q2",))
    second = read(hana, exam)
    third = read(hana, exam, doubts=("q1",))
    assert matches(hana, first, second, third) == [("duplicate", False), ("matched", False), ("duplicate", False)]
    assert inbox(assistant, exam) == []


def test_two_sheets_that_contradict_each_other_are_asked_and_a_person_chooses(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    first = read(hana, exam)
    second = read(hana, exam, answers={**KEY, "q3": "5"})
    (page,) = inbox(assistant, exam)
    (item,) = page["items"]
    assert (page["id"], item["kind"], item["rival"], item["contradictions"]) == (
        second.pk,
        "duplicate",
        first.pk,
        ["q3"],
    )
    assert correct(assistant, second, counts=True)["match"] == "matched"
    assert matches(hana, first, second) == [("duplicate", False), ("matched", False)]
    assert inbox(assistant, exam) == []
    correct(assistant, first, counts=True)
    assert matches(hana, first, second) == [("matched", False), ("duplicate", False)]
    correct(assistant, first, counts=None)
    assert matches(hana, first, second) == [("matched", False), ("duplicate", True)]


def test_a_page_that_a_person_corrected_is_not_displaced_by_a_surer_scan(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    first = read(hana, exam, doubts=("q2", "q1"))
    correct(assistant, first, answers={"q2": ["2"]})
    second = read(hana, exam)
    assert matches(hana, first, second) == [("matched", False), ("duplicate", False)]


def test_when_the_page_that_counts_turns_out_to_be_anothers_the_duplicate_counts(
    hana: Cast, assistant: Client, exam: Exam
) -> None:
    with hana.acting():
        other = make_student()
        enrol_students(course_id=hana.course.pk, student_ids=[other.pk])
    first, second = read(hana, exam), read(hana, exam, answers={"q1": "4"})
    correct(assistant, first, student=other.pk)
    assert matches(hana, first, second) == [("matched", False), ("matched", False)]


def test_a_colleagues_inbox_and_pages_are_missing(hana: Cast, assistant: Client) -> None:
    with hana.acting():
        theirs = make_exam("남의 시험", key=KEY, created_by=hana.owner)
    scan = read(hana, theirs, doubts=("q1",))
    foreign = assistant.get(f"/api/v1/exams/{theirs.pk}/inbox")
    assert foreign.content == assistant.get("/api/v1/exams/987654321/inbox").content
    error_of(put(assistant, f"/api/v1/scans/{scan.pk}/corrections", {"answers": {"q1": ["1"]}}), 404)
