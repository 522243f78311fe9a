"""Publishing: nothing is seen before it, and what the academy does not show is not shown after it."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from openpyxl import load_workbook

from academy.trail.models import TrailEntry
from apps.accounts.roles import Role
from apps.exams.grading import record_reading
from apps.exams.models import Exam, Publication, Scan
from sheets.reading import FieldStatus
from tests.api.answers import error_of, post, put
from tests.api.test_review import KEY, read
from tests.factories import Cast, World, client_of, make_batch, make_exam, make_reading, make_scan, make_student


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


@pytest.fixture
def student(hana: Cast) -> Client:
    return client_of(hana.users[Role.STUDENT])


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        Publication.objects.all().delete()
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


def publish(client: Client, exam: Exam, **options: object) -> Any:
    answer = post(client, f"/api/v1/exams/{exam.pk}/publish", options)
    assert answer.status_code == 200, answer.content
    return answer.json()


def results(client: Client) -> Any:
    answer = client.get("/api/v1/me/results")
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def result(client: Client, exam: Exam) -> Any:
    answer = client.get(f"/api/v1/me/results/{exam.pk}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_before_publishing_and_after_withdrawing_a_result_is_missing(
    hana: Cast, teacher: Client, student: Client, exam: Exam
) -> None:
    read(hana, exam)
    missing = student.get("/api/v1/me/results/987654321").content
    assert (results(student), student.get(f"/api/v1/me/results/{exam.pk}").content) == ([], missing)
    publish(teacher, exam)
    assert [row["id"] for row in results(student)] == [exam.pk]
    assert post(teacher, f"/api/v1/exams/{exam.pk}/unpublish", None).status_code == 204
    assert (results(student), student.get(f"/api/v1/me/results/{exam.pk}").content) == ([], missing)


def test_a_published_result_shows_what_the_academy_shows(
    hana: Cast, teacher: Client, student: Client, exam: Exam
) -> None:
    scan = read(hana, exam, answers={**KEY, "q3": "5"})
    with hana.acting():
        better, worse = make_student("240300"), make_student("240301")
    read(hana, exam, number=better.number)
    read(hana, exam, number=worse.number, answers={})
    publish(teacher, exam, shows_sheet=False)
    body = result(student, exam)
    assert (body["points"], body["max_points"], body["rank"], body["overlay_url"]) == ("2.00", "3.00", None, None)
    assert body["exam"] == {"id": exam.pk, "title": "쪽지시험", "course": hana.course.name}
    assert body["answers"][2] == {
        "label": "q3",
        "marked": ["5"],
        "accepted": None,
        "outcome": "wrong",
        "points": "0.00",
    }
    publish(teacher, exam, shows_answers=True, shows_rank=True)
    body = result(student, exam)
    assert (body["rank"], body["answers"][2]["accepted"]) == (2, ["3"])
    assert f"overlays/{scan.pk}/" in body["overlay_url"]
    assert results(student)[0]["rank"] == 2


def test_a_guardian_sees_the_chosen_childs_and_a_stranger_nobodys(
    hana: Cast, teacher: Client, exam: Exam, world: World
) -> None:
    read(hana, exam)
    publish(teacher, exam)
    guardian = client_of(hana.users[Role.GUARDIAN])
    assert result(guardian, exam)["points"] == "3.00"
    elsewhere = client_of(world.duri.users[Role.GUARDIAN])
    foreign = elsewhere.get(f"/api/v1/me/results/{exam.pk}")
    assert error_of(foreign, 404) == error_of(elsewhere.get("/api/v1/me/results/987654321"), 404)


def test_an_inbox_that_is_not_empty_refuses_unless_a_reason_waives_it(hana: Cast, teacher: Client, exam: Exam) -> None:
    read(hana, exam, doubts=("q1",))
    url = f"/api/v1/exams/{exam.pk}/publish"
    assert error_of(post(teacher, url, {}), 409)["code"] == "inbox_not_empty"
    with hana.acting():
        assert not Publication.objects.filter(exam=exam).exists()
    body = publish(teacher, exam, waived_reason="한 명은 결석 처리")
    assert (body["waived_count"], body["waived_reason"], body["open_count"]) == (1, "한 명은 결석 처리", 1)
    assert body["published_by"] == hana.teacher.name
    with hana.acting():
        entries = TrailEntry.objects.filter(table_name=Publication._meta.db_table)
        assert entries.filter(new_values__open_count=1).exists()


def test_pages_that_are_still_being_read_hold_publishing_too(hana: Cast, teacher: Client, exam: Exam) -> None:
    read(hana, exam)
    with hana.acting():
        make_scan(make_batch(exam, created_by=hana.teacher))
    assert error_of(post(teacher, f"/api/v1/exams/{exam.pk}/publish", {}), 409)["code"] == "inbox_not_empty"


def test_without_a_key_there_is_nothing_to_publish(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        exam = make_exam(created_by=hana.teacher)
    assert error_of(post(teacher, f"/api/v1/exams/{exam.pk}/publish", {}), 409)["code"] == "no_key"


def test_publishing_the_same_again_changes_nothing_and_other_options_count_at_once(
    hana: Cast, teacher: Client, exam: Exam
) -> None:
    read(hana, exam)
    first = publish(teacher, exam)
    assert publish(teacher, exam) == first
    assert publish(teacher, exam, shows_rank=True)["shows_rank"] is True
    with hana.acting():
        assert Publication.objects.filter(exam=exam).count() == 2
        assert Publication.objects.filter(exam=exam, withdrawn_at=None).count() == 1


def test_a_doubtful_page_that_comes_after_publishing_holds_the_result_back(
    hana: Cast, teacher: Client, student: Client, exam: Exam
) -> None:
    read(hana, exam)
    publish(teacher, exam)
    with hana.acting():
        scan = make_scan(make_batch(exam, created_by=hana.teacher))
        reading = make_reading(exam, number=hana.student.number, page=2)
        fields = (replace(reading.fields[0], status=FieldStatus.UNSURE), *reading.fields[1:])
        record_reading(scan, replace(reading, fields=fields), overlay_key=f"t/{hana.tenant.pk}/overlays/x.jpg")
    assert results(student) == []
    put(teacher, f"/api/v1/scans/{scan.pk}/corrections", {"answers": {"q1": []}})
    assert [(row["points"], row["page_count"]) for row in results(student)] == [("3.00", 2)]


def test_a_preview_and_setting_the_key_tell_the_same_and_only_one_writes(
    hana: Cast, teacher: Client, exam: Exam
) -> None:
    scan = read(hana, exam, answers={**KEY, "q3": "5"})
    wish = {"answers": {"q3": ["3", "5"]}, "points": {"q1": "2"}}
    preview = post(teacher, f"/api/v1/exams/{exam.pk}/key/preview", wish).json()
    assert preview == {
        "regraded": 1,
        "changes": [
            {
                "student_id": hana.student.pk,
                "number": hana.student.number,
                "name": hana.student.name,
                "points_before": "2.00",
                "points_after": "4.00",
                "max_points_before": "3.00",
                "max_points_after": "4.00",
            }
        ],
    }
    with hana.acting():
        assert str(Scan.objects.get(pk=scan.pk).points) == "2.00"
    assert put(teacher, f"/api/v1/exams/{exam.pk}/key", wish).json() == preview
    assert post(teacher, f"/api/v1/exams/{exam.pk}/key/preview", wish).json()["changes"] == []
    error_of(post(teacher, f"/api/v1/exams/{exam.pk}/key/preview", {"answers": {"q99": ["1"]}}), 400)


def test_the_analysis_is_of_the_pages_that_count_as_corrected(hana: Cast, teacher: Client, exam: Exam) -> None:
    scan = read(hana, exam, doubts=("q1",))
    read(hana, exam, doubts=("q1", "q2"))
    put(teacher, f"/api/v1/scans/{scan.pk}/corrections", {"answers": {"q1": ["4"]}})
    body = teacher.get(f"/api/v1/exams/{exam.pk}/analysis").json()
    assert (body["people"], body["mean"], len(body["items"])) == (1, 2.0, 3)
    q1 = body["items"][0]
    assert [row["count"] for row in q1["answers"]] == [0, 0, 0, 1, 0]


def test_the_file_holds_no_formula_and_says_why_it_was_wanted(hana: Cast, teacher: Client, exam: Exam) -> None:
    with hana.acting():
        make_student("240500", name='=HYPERLINK("http://x")\x01')
    read(hana, exam, number="240500")
    url = f"/api/v1/exams/{exam.pk}/results/export"
    error_of(post(teacher, url, {}), 400)
    answer = post(teacher, url, {"reason": "성적 상담"})
    assert answer.status_code == 200
    book = load_workbook(io.BytesIO(answer.content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]
    assert '\'=HYPERLINK("http://x")' in [cell.value for cell in cells]
    with hana.acting():
        assert TrailEntry.objects.filter(reason="성적 상담").exists()


def test_another_academys_exam_is_missing_everywhere(world: World, teacher: Client) -> None:
    for method, path, body in (
        ("get", "publish", None),
        ("post", "publish", {}),
        ("post", "unpublish", {}),
        ("get", "analysis", None),
        ("post", "key/preview", {}),
        ("post", "results/export", {"reason": "상담"}),
    ):
        answers = [
            getattr(teacher, method)(f"/api/v1/exams/{pk}/{path}", body, **({} if method == "get" else JSON)).content
            for pk in (world.duri.exam.pk, 987654321)
        ]
        assert answers[0] == answers[1], path


JSON = {"content_type": "application/json"}
