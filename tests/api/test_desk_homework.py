"""Homework at the desk: problems drawn over a page, a class student by student, what a teacher says instead."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import UploadState
from apps.accounts.roles import Role
from apps.homework.models import Assignee, Assignment, PageReading, Submission, Worksheet, WorksheetPage
from tests.api.test_trail import recorded
from tests.db.kernel import job_id_of
from tests.factories import (
    Cast,
    World,
    client_of,
    make_assignment,
    make_course,
    make_student,
    make_submission,
    make_upload,
    make_user,
    make_worksheet,
    record_homework,
)

BOX: dict[str, Any] = {"label": "1", "x": 15, "y": 30, "width": 100, "height": 60.5}


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


def page_path(hana: Cast) -> str:
    return f"/admin/homework/worksheet/{hana.worksheet.pk}/pages/{hana.worksheet_page.pk}/"


def sent_by(hana: Cast, **more: str) -> dict[str, Any]:
    upload = make_upload(created_by=hana.teacher, file_name="blank.pdf", content_type="application/pdf")
    s3.write_object(upload.key, b"pages", content_type="application/pdf")
    return {"uploads": json.dumps([{"name": "blank.pdf", "id": upload.pk}]), **more}


def regions_of(hana: Cast) -> object:
    with hana.acting():
        return WorksheetPage.objects.get(pk=hana.worksheet_page.pk).regions


# ---------------------------------------------------------------- worksheets


@pytest.mark.usefixtures("aws")
def test_a_worksheet_is_registered_from_a_sent_file_and_waited_for(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        form = sent_by(hana, title="4단원")
    page = teacher.post("/admin/homework/worksheet/add/", form, follow=True).content.decode()
    assert 'hx-trigger="every 2s"' in page
    with hana.acting():
        made = Worksheet.objects.select_related("upload", "job").get(title="4단원")
        assert made.upload.state == UploadState.USED
        assert made.job is not None
        Job.objects.filter(pk=job_id_of(made)).update(state=JobState.FAILED, error_code="no_print")
    page = teacher.get(f"/admin/homework/worksheet/{made.pk}/").content.decode()
    assert "hx-trigger" not in page
    assert "인쇄 내용이 너무 적습니다" in page
    assert "이미 제출되었거나" in teacher.post("/admin/homework/worksheet/add/", form).content.decode()


def test_problems_are_drawn_renamed_and_given_back_to_the_machine(hana: Cast, teacher: Client) -> None:
    path = page_path(hana)
    shown = teacher.get(path).content.decode()
    assert "&quot;label&quot;: &quot;3&quot;" in shown
    drawn = [BOX, BOX | {"label": "서술형 1", "y": 120.25}]
    assert teacher.post(path, {"regions": json.dumps(drawn)})["Location"] == path
    assert regions_of(hana) == drawn
    page = teacher.get(path).content.decode()
    assert "수정됨" in page
    assert teacher.post(path, {"regions": json.dumps(drawn), "as_proposed": "1"}).status_code == 302
    assert regions_of(hana) is None
    assert teacher.post(path, {"regions": "[]"}).status_code == 302
    assert regions_of(hana) == []  # a page without a problem is not one that nobody has looked at


@pytest.mark.parametrize(
    ("regions", "told"),
    [
        ([BOX, BOX], "&quot;1&quot; 문제가 두 개입니다."),
        ([BOX | {"x": 150}], "페이지 밖으로 나갔습니다."),
        ([BOX | {"width": 2}], "3mm 이상"),
        ([BOX | {"label": f"{number}"} for number in range(81)], "그린 영역이 제대로 전달되지 않았습니다."),
        ([BOX | {"label": ""}], "그린 영역이 제대로 전달되지 않았습니다."),
        ([BOX | {"label": "가" * 21}], "그린 영역이 제대로 전달되지 않았습니다."),
        ([BOX | {"x": "NaN"}], "그린 영역이 제대로 전달되지 않았습니다."),
        ([BOX | {"x": -1}], "그린 영역이 제대로 전달되지 않았습니다."),
        ([7], "그린 영역이 제대로 전달되지 않았습니다."),
        ("{", "그린 영역이 제대로 전달되지 않았습니다."),
        ("null", "그린 영역이 제대로 전달되지 않았습니다."),
        ("[" * 9000, "그린 영역이 제대로 전달되지 않았습니다."),
    ],
)
def test_boxes_that_cannot_be_are_said_and_nothing_is_kept(
    hana: Cast, teacher: Client, regions: object, told: str
) -> None:
    text = regions if isinstance(regions, str) else json.dumps(regions)
    answer = teacher.post(page_path(hana), {"regions": text})
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert regions_of(hana) is None


def test_an_assistant_sees_the_problems_and_changes_none(hana: Cast) -> None:
    client = client_of(hana.users[Role.ASSISTANT])
    page = client.get(page_path(hana)).content.decode()
    assert "desk-box-outline" in page
    assert 'id="regions"' not in page
    assert "숙제 내기" not in page
    assert client.post(page_path(hana), {"regions": "[]"}).status_code == 403
    assert regions_of(hana) is None


# ---------------------------------------------------------------- what is given


def test_homework_is_given_to_who_is_in_the_course(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        others = make_course("남의 반", teachers=[make_user(Role.TEACHER)])
        empty = make_course("빈 반", teachers=[hana.teacher])
    path = "/admin/homework/assignment/add/"
    offered = teacher.get(f"{path}?worksheet={hana.worksheet.pk}").content.decode()
    assert f'<option value="{hana.worksheet.pk}" selected>' in offered
    assert "남의 반" not in offered
    form = {"title": "3단원 숙제", "worksheet": hana.worksheet.pk, "due_at": "2026-12-01T22:00"}
    assert teacher.post(path, {**form, "course": others.pk}).status_code == 200
    assert "1명에서 1000명까지" in teacher.post(path, {**form, "course": empty.pk}).content.decode()
    assert teacher.post(path, {**form, "course": hana.course.pk, "due_at": "내일"}).status_code == 200
    with hana.acting():
        assert not Assignment.objects.filter(title="3단원 숙제").exists()
    page = teacher.post(path, {**form, "course": hana.course.pk}, follow=True).content.decode()
    assert "1명 미제출" in page
    with hana.acting():
        made = Assignment.objects.get(title="3단원 숙제")
        assert (made.course_id, made.worksheet_id) == (hana.course.pk, hana.worksheet.pk)
        assert timezone.localtime(made.due_at).isoformat() == "2026-12-01T22:00:00+09:00"
        assert [row.student_id for row in Assignee.objects.filter(assignment=made)] == [hana.student.pk]


def cells(page: str) -> list[str]:
    return [part.split("</a>")[0] for part in page.split('class="desk-did is-')[1:] if "title=" in part.split(">")[0]]


def test_a_class_is_seen_student_by_problem_with_who_is_missing(hana: Cast, teacher: Client) -> None:
    path = f"/admin/homework/assignment/{hana.assignment.pk}/"
    with hana.acting():
        late = make_student("240109", name="최늦음")
        Assignee(assignment=hana.assignment, student=late).save()
    page = teacher.get(path).content.decode()
    assert ["풀었음" in cells(page)[0], "빈 문제" in cells(page)[1], "확인 필요" in cells(page)[2]] == [True] * 3
    assert 'data-copy="240109 최늦음"' in page
    assert "1 / 2" in page
    assert "1-0-0.jpg" in page  # the picture of the page
    with hana.acting():
        Assignment.objects.filter(pk=hana.assignment.pk).update(due_at=timezone.now() - timedelta(days=1))
        record_homework(make_submission(hana.assignment, late, created_by=hana.teacher), {"1": "blank"})
    page = teacher.get(path).content.decode()
    assert "모두 제출" in page
    assert page.count("늦게 제출") == 2
    assert "data-copy" not in page


def test_of_two_hand_ins_the_latest_counts(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        again = make_submission(hana.assignment, hana.student, created_by=hana.teacher)
        record_homework(again, {"1": "blank", "2": "blank", "3": "blank"})
    page = teacher.get(f"/admin/homework/assignment/{hana.assignment.pk}/").content.decode()
    assert [cell.startswith("blank") for cell in cells(page)] == [True] * 3
    assert f"/admin/homework/submission/{again.pk}/" in page


def test_a_large_class_goes_on_by_number(hana: Cast, teacher: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.homework.admin.assignments.ROWS_OF_GRID", 3)
    with hana.acting():
        students = [make_student(f"30000{place}") for place in range(4)]
        assignment = make_assignment(hana.worksheet, students, created_by=hana.teacher, course=hana.course)
    path = f"/admin/homework/assignment/{assignment.pk}/"
    first = teacher.get(path).content.decode()
    assert "?after=300002" in first
    second = teacher.get(f"{path}?after=300002").content.decode()
    assert second.count('<th scope="row">') == 1
    assert "?after=" not in second.split('id="missing"')[0].replace("?after=300002", "", 1)
    assert teacher.get(f"{path}?after=%00").status_code == 200


@pytest.mark.usefixtures("aws")
def test_paper_brought_to_the_desk_is_handed_in_for_a_student(hana: Cast, teacher: Client) -> None:
    path = f"/admin/homework/assignment/{hana.assignment.pk}/students/{hana.student.pk}/hand-in/"
    with hana.acting():
        form = sent_by(hana)
    answer = teacher.post(path, form)
    with hana.acting():
        made = Submission.objects.order_by("-pk")[0]
        assert answer["Location"] == f"/admin/homework/submission/{made.pk}/"
        assert (made.student_id, made.created_by_id) == (hana.student.pk, hana.teacher.pk)
    assert teacher.post(path, form).status_code == 200  # the same file a second time
    for uploads in ("[]", "x", json.dumps([{"name": "a.jpg", "id": 2**40}])):
        assert "다시 선택해 주세요" in teacher.post(path, {"uploads": uploads}).content.decode()
    with hana.acting():
        outsider = make_student("240110")
    assert teacher.get(path.replace(f"/{hana.student.pk}/", f"/{outsider.pk}/")).status_code == 404


# ---------------------------------------------------------------- what was handed in


def verdicts_of(hana: Cast) -> Mapping[str, str]:
    with hana.acting():
        return dict(PageReading.objects.get(pk=hana.page_reading.pk).corrections)


def test_a_teacher_corrects_what_was_read_and_takes_it_back(hana: Cast, teacher: Client) -> None:
    path = f"/admin/homework/submission/{hana.submission.pk}/"
    correct = f"{path}pages/{hana.page_reading.pk}/correct/"
    page = teacher.get(path).content.decode()
    assert "12.5 mm²" in page
    assert "다시 읽기" not in page  # it is being read
    answer = teacher.post(correct, {"verdict:1": "", "verdict:2": "attempted", "verdict:3": "blank"})
    assert answer["Location"] == f"{path}#page-{hana.page_reading.pk}"
    assert verdicts_of(hana) == {"2": "attempted", "3": "blank"}
    with hana.acting():
        counted = Submission.objects.get(pk=hana.submission.pk)
        assert (counted.attempted_count, counted.blank_count, counted.unsure_count) == (2, 1, 0)
    grid = teacher.get(f"/admin/homework/assignment/{hana.assignment.pk}/").content.decode()
    assert grid.count("is-corrected") == 2
    teacher.post(correct, {"verdict:1": "", "verdict:2": "", "verdict:3": "blank"})
    assert verdicts_of(hana) == {"3": "blank"}


@pytest.mark.parametrize("form", [{"verdict:1": "perfect"}, {"verdict:99": "blank"}])
def test_a_correction_of_nothing_is_refused(hana: Cast, teacher: Client, form: dict[str, str]) -> None:
    path = f"/admin/homework/submission/{hana.submission.pk}/pages/{hana.page_reading.pk}/correct/"
    with recorded(hana) as found:
        assert teacher.post(path, form, follow=True).status_code == 200
    assert "done" not in [entry.outcome for entry in found if entry.action.endswith("posted")]
    assert verdicts_of(hana) == {}


def test_a_hand_in_is_read_again_once(hana: Cast, teacher: Client) -> None:
    path = f"/admin/homework/submission/{hana.submission.pk}/"
    assert "이미 판독 중입니다" in teacher.post(f"{path}reread/", follow=True).content.decode()
    with hana.acting():
        Job.objects.filter(pk=job_id_of(hana.submission)).update(state=JobState.SUCCEEDED, finished_at=timezone.now())
    assert "다시 읽기" in teacher.get(path).content.decode()
    assert "다시 읽고 있습니다" in teacher.post(f"{path}reread/", follow=True).content.decode()
    with hana.acting():
        assert Submission.objects.get(pk=hana.submission.pk).job_id != hana.submission.job_id


def test_what_a_student_handed_in_is_recorded_with_them(hana: Cast, teacher: Client) -> None:
    for path in (f"submission/{hana.submission.pk}/", f"assignment/{hana.assignment.pk}/", "submission/"):
        with recorded(hana) as found:
            assert teacher.get(f"/admin/homework/{path}").status_code == 200
        [entry] = found
        assert (entry.outcome, entry.subjects) == ("done", [f"student:{hana.student.pk}"])


# ---------------------------------------------------------------- the first page


def test_the_first_page_says_what_is_missing(hana: Cast, teacher: Client) -> None:
    assert "모두 제출되었습니다" in teacher.get("/admin/").content.decode()
    with hana.acting():
        others = make_course("남의 반", teachers=[make_user(Role.TEACHER)])
        student = make_student("240111")
        soon = make_assignment(None, [student, hana.student], created_by=hana.teacher, days=1, course=hana.course)
        make_submission(soon, hana.student, created_by=hana.teacher)
        far = make_assignment(make_worksheet(created_by=hana.teacher), [student], created_by=hana.teacher, days=30)
        foreign = make_assignment(None, [student], created_by=hana.owner, days=1, course=others)
    page = teacher.get("/admin/").content.decode()
    assert f"/admin/homework/assignment/{soon.pk}/" in page
    assert f"/admin/homework/assignment/{far.pk}/" not in page
    assert f"/admin/homework/assignment/{foreign.pk}/" not in page
    assert f"/admin/homework/assignment/{foreign.pk}/" in client_of(hana.owner).get("/admin/").content.decode()
