"""The way of an exam at the desk: its pages say what the services say, and nothing passes by them."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client

from academy.jobs.models import Job, JobState
from apps.accounts.roles import Role
from apps.exams.models import Correction, Exam, Match, Publication, Question, Scan, SheetSet
from tests.api.test_desk_pages import text_after
from tests.api.test_review import KEY, read
from tests.api.test_trail import recorded
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_batch, make_exam, make_scan, make_student


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


@pytest.fixture
def assistant(hana: Cast) -> Client:
    return client_of(hana.users[Role.ASSISTANT])


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


def page(client: Client, path: str, **query: Any) -> str:
    answer = client.get(f"/admin/exams/{path}", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def fresh(cast: Cast, scan: Scan) -> Scan:
    with cast.acting():
        return Scan.objects.get(pk=scan.pk)


# ---------------------------------------------------------------- making, printing


def test_an_exam_has_questions_of_every_kind_and_its_key_by_columns(hana: Cast, teacher: Client) -> None:
    form = {"title": "모의고사", "question_count": "2", "choice_count": "5", "number_digits": "6"}
    form |= {"numeric_count": "1", "essay_count": "1", "essay_points": "7", "key": "1\t3\t4\n2\t1/2\t4.5\n3\t12\t5"}
    text_after(teacher, "/admin/exams/exam/add/", form)
    with hana.acting():
        made = Question.objects.filter(exam__title="모의고사").order_by("position")
        assert list(made.values_list("kind", "accepted", "points")) == [
            ("single", ["3"], Decimal(4)),
            ("single", ["1", "2"], Decimal("4.5")),
            ("numeric", ["12"], Decimal(5)),
            ("essay", [], Decimal(7)),
        ]


def test_a_class_set_is_ordered_for_all_or_for_some(hana: Cast, exam: Exam, assistant: Client) -> None:
    with hana.acting():
        late = make_student("777777", course=hana.course)
    url = f"/admin/exams/exam/{exam.pk}/sheets/"
    assert "학생 2명의 이름과 학생 번호가" in page(assistant, f"exam/{exam.pk}/sheets/")
    assert "만드는 중" in text_after(assistant, url, {})
    text_after(assistant, url, {"students": [late.pk]})
    with hana.acting():
        some, everybody = SheetSet.objects.filter(exam=exam).order_by("-pk")
        assert some.students == [late.pk]
        assert set(everybody.students) == {hana.student.pk, late.pk}
        assert some.job is not None
        Job.objects.filter(pk=some.job.pk).update(state=JobState.FAILED, error_code="worker_died")
    assert "만들지 못함" in page(assistant, f"exam/{exam.pk}/sheets/")


def test_a_class_set_is_never_for_another_academys_student(world: World, exam: Exam, assistant: Client) -> None:
    for student in (world.duri.student.pk, 2**40):
        answer = assistant.post(f"/admin/exams/exam/{exam.pk}/sheets/", {"students": [student]})
        assert "목록에서 학생을 선택해 주세요." in answer.content.decode()
    with world.hana.acting():
        assert not SheetSet.objects.filter(exam=exam).exists()


# ---------------------------------------------------------------- the inbox


def test_the_inbox_goes_from_page_to_page_until_nothing_is_asked(hana: Cast, exam: Exam, assistant: Client) -> None:
    unknown, doubtful = read(hana, exam, number="000000"), read(hana, exam, doubts=("q2",))
    path = f"exam/{exam.pk}/inbox/"
    first = page(assistant, path)
    assert "2장 남음" in first
    assert "이 번호의 학생이 없습니다." in first
    assert 'name="answer:q2"' in page(assistant, path, after=unknown.pk)
    assert 'name="answer:q2"' in page(assistant, path, scan=doubtful.pk)
    with hana.acting():
        other = make_student("555555", course=hana.course)
    after = text_after(assistant, f"/admin/exams/scan/{unknown.pk}/correct/", {"number": "555555"})
    assert fresh(hana, unknown).student_id == other.pk
    assert "1장 남음" in after
    done = text_after(assistant, f"/admin/exams/scan/{doubtful.pk}/correct/", {"answer:q2": "2"})
    assert "모두 확인했습니다." in done
    assert fresh(hana, doubtful).points == 3


def test_blank_is_an_answer_and_nothing_chosen_is_none(hana: Cast, exam: Exam, assistant: Client) -> None:
    scan = read(hana, exam, doubts=("q2",))
    url = f"/admin/exams/scan/{scan.pk}/correct/"
    assert "선택한 것이 없습니다." in text_after(assistant, url, {})
    assert fresh(hana, scan).asked_count == 1
    text_after(assistant, url, {"answer:q2": "-"})
    with hana.acting():
        assert Correction.objects.get(scan=scan).values == []


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"number": "123"}, "학생 번호가 123인 학생이 없습니다."),
        ({"answer:q2": "9"}, "문항의 답으로 &quot;9&quot;은(는) 쓸 수 없습니다."),
        ({"answer:q99": "1"}, "이 페이지에는 &quot;q99&quot; 문항이 없습니다."),
        ({"answer:q2": "x" * 41}, "답으로 쓸 수 없는 값입니다."),
        ({"essay:q2": "many"}, "배점으로 쓸 수 없습니다."),
        ({"version": "A"}, "이 시험에는 &quot;A&quot; 유형이 없습니다."),
    ],
)
def test_what_the_page_does_not_have_is_refused_in_words(
    form: dict[str, str], said: str, hana: Cast, exam: Exam, assistant: Client
) -> None:
    scan = read(hana, exam, doubts=("q2",))
    answer = text_after(assistant, f"/admin/exams/scan/{scan.pk}/correct/", form)
    assert said in answer
    assert "1장 남음" in answer
    with hana.acting():
        assert not Correction.objects.filter(scan=scan).exists()


def test_nobody_elses_student_is_named(world: World, exam: Exam, assistant: Client) -> None:
    scan = read(world.hana, exam, number="000000")
    url = f"/admin/exams/scan/{scan.pk}/correct/"
    answers = [assistant.post(url, {"student": pk}) for pk in (world.duri.student.pk, 2**40)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert fresh(world.hana, scan).student_id is None


def test_a_page_that_failed_is_set_aside_and_taken_back(hana: Cast, exam: Exam, assistant: Client) -> None:
    with hana.acting():
        scan = make_scan(make_batch(exam, created_by=hana.teacher))
        Job.objects.filter(pk=job_id_of(scan)).update(state=JobState.FAILED, error_code="blurred")
    assert "사진이 흐립니다." in page(assistant, f"exam/{exam.pk}/inbox/")
    assert "모두 확인했습니다." in text_after(assistant, f"/admin/exams/scan/{scan.pk}/correct/", {"set_aside": "1"})
    assert fresh(hana, scan).match == Match.SET_ASIDE
    assert "채점 제외" in page(assistant, f"scan/{scan.pk}/")
    with hana.acting():
        said = Correction.objects.get(scan=scan)
    text_after(assistant, f"/admin/exams/scan/{scan.pk}/correct-one/", {"undo": said.pk})
    assert fresh(hana, scan).match == Match.PENDING


def test_the_sheets_page_shows_what_people_said_and_takes_it_back(hana: Cast, exam: Exam, assistant: Client) -> None:
    scan = read(hana, exam)
    url = f"/admin/exams/scan/{scan.pk}/correct-one/"
    assert "1번: 4" in text_after(assistant, url, {"answer:q1": "4"})
    assert fresh(hana, scan).points == 2
    with hana.acting():
        said = Correction.objects.get(scan=scan)
    assert "1번: 4" not in text_after(assistant, url, {"undo": said.pk})
    assert fresh(hana, scan).points == 3
    assert "저장했습니다." in text_after(assistant, url, {"undo": said.pk}), "twice is as good as once"


def test_of_two_sheets_of_one_student_the_other_one_can_be_chosen(hana: Cast, exam: Exam, assistant: Client) -> None:
    one = read(hana, exam)
    other = read(hana, exam, answers={**KEY, "q1": "5"})
    shown = page(assistant, f"exam/{exam.pk}/inbox/")
    assert "서로 다른 문항: 1" in shown
    text_after(assistant, f"/admin/exams/scan/{other.pk}/correct/", {"rival": one.pk})
    assert (fresh(hana, one).match, fresh(hana, other).match) == (Match.MATCHED, Match.DUPLICATE)
    assert "모두 확인했습니다." in page(assistant, f"exam/{exam.pk}/inbox/")


def test_what_is_decided_is_recorded_with_the_student(hana: Cast, exam: Exam, assistant: Client) -> None:
    scan = read(hana, exam, doubts=("q2",))
    with recorded(hana) as found:
        page(assistant, f"exam/{exam.pk}/inbox/")
        assistant.post(f"/admin/exams/scan/{scan.pk}/correct/", {"answer:q2": "2"})
        assistant.post(f"/admin/exams/scan/{scan.pk}/correct/", {"answer:q2": "9"})
    acts = [entry for entry in found if not entry.operation]
    assert [(entry.action, entry.subjects) for entry in acts] == [
        ("exams_exam_inbox.viewed", [f"student:{hana.student.pk}"]),
        ("exams_scan_correct.posted", [f"student:{hana.student.pk}"]),
    ], "the second was refused: nothing was done"


def test_of_a_page_all_that_was_said_holds_or_nothing(hana: Cast, exam: Exam, assistant: Client) -> None:
    scan = read(hana, exam, doubts=("q2",))
    url = f"/admin/exams/scan/{scan.pk}/correct/"
    assert "essay" not in text_after(assistant, url, {"answer:q2": "2", "essay:q3": "1"})
    assert fresh(hana, scan).asked_count == 1
    with hana.acting():
        assert not Correction.objects.filter(scan=scan).exists()


@pytest.mark.parametrize("wanted", ["9" * 5000, "-1", "١", "x", "0"])
def test_an_address_that_names_no_exam_leaves_the_choice_open(wanted: str, assistant: Client) -> None:
    assert "시험을 선택하세요" in page(assistant, "batch/add/", exam=wanted)


# ---------------------------------------------------------------- key, publishing, analysis, file


def test_a_preview_of_the_key_changes_nothing(hana: Cast, exam: Exam, teacher: Client) -> None:
    scan = read(hana, exam)
    url, form = f"/admin/exams/exam/{exam.pk}/key/", {"key": "5 2 3" + " -" * 17, "points": ""}
    shown = teacher.post(url, {**form, "_preview": ""}).content.decode()
    assert "학생 1명의 점수가 바뀝니다" in shown
    assert "2 / 3" in shown
    assert fresh(hana, scan).points == 3
    text_after(teacher, url, {**form, "_save": ""})
    assert fresh(hana, scan).points == 2


def test_results_are_published_with_a_reason_while_something_is_open(hana: Cast, exam: Exam, teacher: Client) -> None:
    read(hana, exam, doubts=("q2",))
    url = f"/admin/exams/exam/{exam.pk}/publish/"
    with recorded(hana) as found:
        refused = teacher.post(url, {"shows_sheet": "on"}).content.decode()
    assert "아직 확인하지 않은 답안지가 1장 있습니다." in refused
    assert [entry for entry in found if entry.action == "exams_exam_publish.posted"] == []
    text_after(teacher, url, {"shows_sheet": "on", "waived_reason": "오늘 상담이 있습니다"})
    with hana.acting():
        published = Publication.objects.get(exam=exam, withdrawn_at=None)
        assert (published.shows_sheet, published.shows_answers, published.open_count) == (True, False, 1)
    text_after(teacher, f"/admin/exams/exam/{exam.pk}/withdraw/", {})
    with hana.acting():
        assert not Publication.objects.filter(exam=exam, withdrawn_at=None).exists()


def test_without_a_key_there_is_nothing_to_publish(hana: Cast, teacher: Client) -> None:
    with hana.acting():
        bare = make_exam("키 없음", created_by=hana.teacher)
    answer = teacher.post(f"/admin/exams/exam/{bare.pk}/publish/", {"shows_sheet": "on"})
    assert "정답" in answer.content.decode()
    with hana.acting():
        assert not Publication.objects.filter(exam=bare).exists()


def test_the_analysis_shows_every_question_and_who_answered_what(hana: Cast, exam: Exam, assistant: Client) -> None:
    assert "아직 분석할 결과가 없습니다." in page(assistant, f"exam/{exam.pk}/analysis/")
    read(hana, exam)
    shown = page(assistant, f"exam/{exam.pk}/analysis/")
    assert "100%" in shown
    assert "내려받기" not in shown, "an assistant takes nothing along"


def test_a_file_is_taken_along_for_a_reason_alone(hana: Cast, exam: Exam, teacher: Client) -> None:
    read(hana, exam)
    url = f"/admin/exams/exam/{exam.pk}/export/"
    with recorded(hana) as found:
        assert "파일의 용도를 입력해 주세요." in text_after(teacher, url, {"reason": " "})
        file = teacher.post(url, {"reason": "학부모 상담"})
    assert file["Content-Disposition"].startswith('attachment; filename="results-')
    with ZipFile(BytesIO(file.content)) as book:
        assert hana.student.number in book.read("xl/sharedStrings.xml").decode()
    [entry] = [entry for entry in found if entry.action == "exams_exam_export.posted"]
    assert (entry.reason, entry.subjects) == ("학부모 상담", [f"student:{hana.student.pk}"])
