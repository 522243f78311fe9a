"""Objections: students ask about what was read, staff decide, and nothing is left undecided that nobody can decide."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.jobs.models import Job, JobState
from academy.tenancy.context import acting_for
from academy.tenancy.holdings import Subject
from academy.trail.models import TrailEntry
from apps.accounts.roles import Role
from apps.courses.services import enrol_students
from apps.exams.models import Exam, Objection, Publication, Scan
from apps.exams.objecting import MAX_OBJECTIONS
from apps.privacy.erasing import erase_rows
from tests.api.answers import error_of, post, put
from tests.api.test_desk_pages import text_after
from tests.api.test_mixed_exams import FORM, read_page
from tests.api.test_publish_results import publish, result
from tests.api.test_review import KEY, correct, inbox, read, read_again
from tests.factories import Cast, World, client_of, make_exam, make_reading, make_student


@pytest.fixture
def hana(world: World) -> Cast:
    with world.hana.acting():
        Objection.objects.all().delete()
        Publication.objects.all().delete()
    return world.hana


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


@pytest.fixture
def assistant(hana: Cast) -> Client:
    return client_of(hana.users[Role.ASSISTANT])


@pytest.fixture
def student(hana: Cast) -> Client:
    return client_of(hana.users[Role.STUDENT])


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


@pytest.fixture
def scan(hana: Cast, exam: Exam, teacher: Client) -> Scan:
    """Published, with question 2 read as 4 where 2 is right."""
    scan = read(hana, exam, answers={**KEY, "q2": "4"})
    publish(teacher, exam)
    return scan


def ask(client: Client, scan: Scan, label: str = "q2", **said: object) -> Any:
    body = {"page": scan.pk, "label": label, "values": ["2"], **said}
    return post(client, f"/api/v1/me/results/{scan.exam_id}/objections", body)


def asked(client: Client, scan: Scan, label: str = "q2", **said: object) -> int:
    answer = ask(client, scan, label, **said)
    assert answer.status_code == 201, answer.content
    return int(answer.json()["id"])


def decide(client: Client, objection_id: int, **said: object) -> Any:
    return post(client, f"/api/v1/objections/{objection_id}/decision", said)


def states(cast: Cast) -> list[tuple[str, str]]:
    with cast.acting():
        return list(Objection.objects.order_by("pk").values_list("label", "state"))


def points(cast: Cast, scan: Scan) -> object:
    with cast.acting():
        return Scan.objects.get(pk=scan.pk).points


# ---------------------------------------------------------------- asking and deciding


def test_an_accepted_objection_is_a_correction_and_changes_the_points_at_once(
    hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    objection = asked(student, scan, note="연하게 칠했어요")
    assert (points(hana, scan), result(student, exam)["points"]) == (2, "2.00"), "asking changes nothing"
    (page,) = inbox(assistant, exam)
    (item,) = page["items"]
    assert (item["kind"], item["label"], item["values"], item["question"]) == ("objection", "q2", ["4"], "q2")
    assert item["box"]
    assert (item["objection"]["values"], item["objection"]["note"]) == (["2"], "연하게 칠했어요")
    assert decide(assistant, objection, is_accepted=True).json()["state"] == "changed"
    body = result(student, exam)
    (shown,) = body["objections"]
    assert (body["points"], shown["state"], shown["read_as"], shown["is_final"]) == ("3.00", "changed", ["4"], True)
    assert inbox(assistant, exam) == []
    body = assistant.get(f"/api/v1/scans/{scan.pk}").json()
    assert body["corrections"][0]["by"] == hana.users[Role.ASSISTANT].name


def test_what_is_kept_is_told_with_a_sentence_and_without_a_name(
    hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    decide(assistant, asked(student, scan), is_accepted=False, reply="4번이 더 진하게 칠해져 있어요.")
    answer = student.get(f"/api/v1/me/results/{exam.pk}")
    (shown,) = answer.json()["objections"]
    assert (shown["state"], shown["reply"], shown["is_final"]) == ("kept", "4번이 더 진하게 칠해져 있어요.", True)
    assert hana.users[Role.ASSISTANT].name not in answer.content.decode()
    assert (points(hana, scan), inbox(assistant, exam)) == (2, [])
    again = error_of(ask(student, scan), 409)
    assert again["code"] == "already_asked"


def test_once_decided_it_can_be_asked_again_only_when_something_else_stands_there(
    student: Client, assistant: Client, scan: Scan
) -> None:
    decide(assistant, asked(student, scan), is_accepted=False)
    correct(assistant, scan, answers={"q2": ["5"]})
    asked(student, scan)
    assert error_of(ask(student, scan), 409)["code"] == "already_asked", "one at a time"


def test_a_second_decision_comes_too_late(student: Client, assistant: Client, teacher: Client, scan: Scan) -> None:
    objection = asked(student, scan)
    decide(assistant, objection, is_accepted=False)
    assert error_of(decide(teacher, objection, is_accepted=True), 409)["code"] == "already_decided"


def test_a_page_as_a_whole_has_only_a_note_and_is_answered_by_correcting_it(
    hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    error_of(ask(student, scan, ""), 400)
    error_of(ask(student, scan, "", values=None, note=""), 400)
    objection = asked(student, scan, "", values=None, note="제 답안지가 아니에요")
    (page,) = inbox(assistant, exam)
    assert [(item["kind"], item["label"], item["box"]) for item in page["items"]] == [("objection", "", None)]
    error_of(decide(assistant, objection, is_accepted=True), 400)
    correct(assistant, scan, answers={"q1": ["5"]})
    assert states(hana) == [("", "changed")]
    correct(assistant, scan, answers={"q1": ["4"]})
    asked(student, scan, "", values=None, note="아직도 이상해요")
    correct(assistant, scan, set_aside=True)
    assert states(hana) == [("", "changed"), ("", "changed")]


@pytest.mark.parametrize(
    "said",
    [
        {"values": ["4"]},  # as it was read
        {"values": ["9"]},
        {"values": ["1", "1"]},
        {"values": None},
        {"values": ["x" * 41]},
        {"label": "q99"},
        {"note": "가" * 301},
    ],
)
def test_what_cannot_be_said_is_refused_in_words(student: Client, scan: Scan, said: dict[str, Any]) -> None:
    body = {"page": scan.pk, "label": "q2", "values": ["2"], **said}
    answer = post(student, f"/api/v1/me/results/{scan.exam_id}/objections", body)
    assert error_of(answer, 400)["detail"]


def test_blank_can_be_what_was_meant(hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan) -> None:
    decide(assistant, asked(student, scan, values=[]), is_accepted=True)
    outcomes = {answer["label"]: answer["outcome"] for answer in result(student, exam)["answers"]}
    assert outcomes["q2"] == "blank"


def test_an_exam_has_room_for_so_many_and_what_lapsed_does_not_count(
    hana: Cast, student: Client, teacher: Client, exam: Exam, scan: Scan
) -> None:
    for number in range(4, 4 + MAX_OBJECTIONS):
        asked(student, scan, f"q{number}")
    assert error_of(ask(student, scan), 409)["code"] == "too_many_objections"
    assert result(student, exam)["objections_left"] == 0
    post(teacher, f"/api/v1/exams/{exam.pk}/unpublish", None)
    publish(teacher, exam)
    assert result(student, exam)["objections_left"] == MAX_OBJECTIONS
    asked(student, scan)


# ---------------------------------------------------------------- whose it is, and while it is shown


def test_a_guardian_asks_for_the_chosen_child_and_nobody_for_a_strangers_page(
    world: World, hana: Cast, teacher: Client, student: Client, exam: Exam, scan: Scan
) -> None:
    asked(client_of(hana.users[Role.GUARDIAN]), scan)
    with hana.acting():
        other = make_student("240300")
    theirs = read(hana, exam, number=other.number)
    for page in (theirs.pk, world.duri.scan.pk, 2**40):
        body = {"page": page, "label": "q2", "values": ["2"]}
        error_of(post(student, f"/api/v1/me/results/{exam.pk}/objections", body), 404)
    for client in (teacher, client_of(world.duri.users[Role.STUDENT])):
        assert ask(client, scan).status_code in (403, 404)


def test_only_of_what_is_published_with_its_sheet(
    hana: Cast, student: Client, teacher: Client, exam: Exam, scan: Scan
) -> None:
    publish(teacher, exam, shows_sheet=False)
    assert error_of(ask(student, scan), 409)["code"] == "sheet_not_shown"
    assert result(student, exam)["objections_left"] == 0
    post(teacher, f"/api/v1/exams/{exam.pk}/unpublish", None)
    error_of(ask(student, scan), 404)
    assert states(hana) == []


def test_an_open_objection_hides_no_result_and_holds_no_publishing(
    hana: Cast, student: Client, teacher: Client, exam: Exam, scan: Scan
) -> None:
    asked(student, scan)
    with hana.acting():
        assert Scan.objects.get(pk=scan.pk).asked_count == 0
    assert publish(teacher, exam, shows_rank=True)["open_count"] == 0
    assert result(student, exam)["objections"][0]["state"] == "asked"
    assert states(hana) == [("q2", "asked")]


def test_of_a_colleagues_exam_nobody_decides(hana: Cast, student: Client, assistant: Client) -> None:
    with hana.acting():
        theirs = make_exam("남의 시험", key=KEY, created_by=hana.owner)
    page = read(hana, theirs)
    publish(client_of(hana.owner), theirs)
    objection = asked(student, page, values=["5"])
    foreign = decide(assistant, objection, is_accepted=True)
    assert error_of(foreign, 404) == error_of(decide(assistant, 2**40, is_accepted=True), 404)
    assert "학생 이의 신청" not in assistant.get("/admin/").content.decode()
    assert "학생 이의 신청" in client_of(hana.owner).get("/admin/").content.decode()


# ---------------------------------------------------------------- nothing dangles


def test_whoever_corrects_the_answer_first_has_decided(
    hana: Cast, student: Client, assistant: Client, scan: Scan
) -> None:
    asked(student, scan)
    asked(student, scan, "q1", values=["3"])
    asked(student, scan, "q3", values=["5"])
    correct(assistant, scan, answers={"q2": ["5"], "q1": ["1"]})
    assert states(hana) == [("q2", "changed"), ("q1", "kept"), ("q3", "asked")]


def test_an_unsure_answer_is_asked_once_and_deciding_it_answers_the_student(
    hana: Cast, student: Client, assistant: Client, teacher: Client, exam: Exam
) -> None:
    scan = read(hana, exam, doubts=("q2", "q3"))
    publish(teacher, exam, waived_reason="먼저 보여 주기")
    asked(student, scan)  # it was read so, but not surely
    asked(student, scan, "q3", values=["1"])
    (page,) = inbox(assistant, exam)
    shown = [(item["kind"], item["label"], item["objection"]["values"]) for item in page["items"]]
    assert shown == [("answer", "q2", ["2"]), ("answer", "q3", ["1"])]
    correct(assistant, scan, answers={"q2": ["2"], "q3": ["3"]})
    assert states(hana) == [("q2", "changed"), ("q3", "kept")]


@pytest.mark.parametrize(("answers", "expected"), [({**KEY, "q2": "4"}, "asked"), (KEY, "changed")])
def test_reading_again_settles_what_it_changes(
    hana: Cast, student: Client, exam: Exam, scan: Scan, answers: dict[str, str], expected: str
) -> None:
    asked(student, scan)
    with hana.acting():
        again = make_reading(exam, number=hana.student.number, answers=answers)
    read_again(hana, scan, again)
    assert states(hana) == [("q2", expected)]


def test_a_page_that_counts_no_more_has_nothing_to_decide(
    hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    with hana.acting():
        other = make_student("240300")
        enrol_students(course_id=hana.course.pk, student_ids=[other.pk])
    asked(student, scan)
    correct(assistant, scan, student=other.pk)
    assert (states(hana), inbox(assistant, exam)) == ([("q2", "lapsed")], [])


def test_a_new_key_leaves_it_open(hana: Cast, student: Client, teacher: Client, exam: Exam, scan: Scan) -> None:
    asked(student, scan)
    put(teacher, f"/api/v1/exams/{exam.pk}/key", {"answers": {"q2": ["4"]}})
    assert (states(hana), points(hana, scan)) == ([("q2", "asked")], 3)


@pytest.mark.parametrize("withdrawn", [True, False])
def test_what_is_not_shown_any_more_lapses(
    hana: Cast, student: Client, teacher: Client, exam: Exam, scan: Scan, withdrawn: bool
) -> None:
    asked(student, scan)
    if withdrawn:
        post(teacher, f"/api/v1/exams/{exam.pk}/unpublish", None)
    else:
        publish(teacher, exam, shows_sheet=False)
    assert states(hana) == [("q2", "lapsed")]


def test_the_database_itself_takes_one_open_objection_of_an_answer(hana: Cast, student: Client, scan: Scan) -> None:
    asked(student, scan)
    with hana.acting():
        first = Objection.objects.get()
        with pytest.raises(IntegrityError), transaction.atomic():
            Objection(scan=scan, student=first.student, label="q2", values=["3"]).save(force_insert=True)
        with pytest.raises(IntegrityError), transaction.atomic():
            Objection.objects.update(state="kept")


# ---------------------------------------------------------------- at the desk


def test_the_desk_shows_both_readings_and_decides_by_one_key(
    hana: Cast, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    first = asked(student, scan, note="연하게 <b>칠했어요</b>")
    second = asked(student, scan, "q1", values=["5"])
    assert "학생 이의 신청" in assistant.get("/admin/").content.decode()
    listed = assistant.get("/admin/exams/scan/", {"review": "objections"}).content.decode()
    assert f"/admin/exams/scan/{scan.pk}/" in listed
    url = f"/admin/exams/exam/{exam.pk}/inbox/"
    shown = assistant.get(url).content.decode()
    for text in ("잘못 읽었다고 합니다", "연하게 &lt;b&gt;칠했어요&lt;/b&gt;", "1장 남음", f"objection:{first}"):
        assert text in shown
    correcting = f"/admin/exams/scan/{scan.pk}/correct/"
    assert "선택한 것이 없습니다." in text_after(assistant, correcting, {f"reply:{second}": "1번입니다"})
    form = {f"objection:{first}": "accept", f"objection:{second}": "keep", f"reply:{second}": "1번이 더 진해요"}
    assert "모두 확인했습니다." in text_after(assistant, correcting, form)
    assert (states(hana), points(hana, scan)) == ([("q2", "changed"), ("q1", "kept")], 3)
    assert "다른 사람이 이미" in text_after(assistant, correcting, {f"objection:{second}": "accept"})
    with hana.acting():
        assert Objection.objects.get(pk=second).reply == "1번이 더 진해요"


def test_the_inbox_costs_the_same_for_ten_objected_pages_as_for_one(
    hana: Cast, teacher: Client, student: Client, assistant: Client, exam: Exam, scan: Scan
) -> None:
    asked(student, scan)
    inbox(assistant, exam)
    with CaptureQueriesContext(connection) as one:
        inbox(assistant, exam)
    for index in range(9):
        with hana.acting():
            other = make_student(f"24040{index}")
        page = read(hana, exam, number=other.number)
        with hana.acting():
            Objection(scan=page, student=other, label="q1", values=["2"]).save(force_insert=True)
    with CaptureQueriesContext(connection) as ten:
        assert len(inbox(assistant, exam)) == 10
    assert len(ten) == len(one)


# ---------------------------------------------------------------- people


def test_the_trail_says_what_was_asked_and_decided_but_not_the_note(
    hana: Cast, student: Client, assistant: Client, scan: Scan
) -> None:
    decide(assistant, asked(student, scan, note="비밀 이야기"), is_accepted=False, reply="아니에요")
    with hana.acting():
        entries = TrailEntry.objects.filter(table_name=Objection._meta.db_table).order_by("pk")
        assert [(entry.new_values or {}).get("state") for entry in entries] == ["asked", "kept"]
        assert "비밀" not in str(list(entries.values()))


def test_an_erasure_reaches_the_students_words_and_the_guardians(
    world: World, hana: Cast, student: Client, scan: Scan
) -> None:
    guardian = hana.users[Role.GUARDIAN]
    asked(student, scan, note="제 글씨예요")
    asked(client_of(guardian), scan, "q1", values=["3"], note="우리 아이가")
    with acting_for(hana.tenant), transaction.atomic():
        erase_rows(Subject(users=frozenset({guardian.pk})))
        assert list(Objection.objects.order_by("pk").values_list("note", "by")) == [
            ("제 글씨예요", hana.users[Role.STUDENT].pk),
            ("", None),
        ]
        Job.objects.update(state=JobState.FAILED)  # what is being read or printed is waited for
        erase_rows(Subject(students=frozenset({hana.student.pk})))
        assert not Objection.objects.exists()
    with world.duri.acting():
        assert Objection.objects.count() == 1


# ---------------------------------------------------------------- the class


def sit(cast: Cast, exam: Exam, count: int) -> None:
    with cast.acting():
        numbers = [make_student(f"2405{index:02}").number for index in range(count)]
    for index, number in enumerate(numbers):
        read(cast, exam, number=number, answers={} if index % 3 == 0 else KEY)


def test_how_the_class_did_is_shown_with_the_rank_from_ten_people_on(
    hana: Cast, teacher: Client, student: Client, exam: Exam, scan: Scan
) -> None:
    sit(hana, exam, 8)
    publish(teacher, exam, shows_rank=True)
    body = result(student, exam)
    assert (body["rank"], body["rank_people"], body["class_standing"]) == (6, 9, None)
    with hana.acting():
        tenth = make_student("240599")
    read(hana, exam, number=tenth.number)
    body = result(student, exam)
    assert (body["rank"], body["rank_people"]) == (7, 10)
    # six of 3 points, one of 2, three of none: 20 points of ten people
    assert body["class_standing"] == {
        "mean": 2.01,
        "max_points": 3.0,
        "histogram": [3, 0, 0, 0, 0, 0, 1, 0, 0, 6],
        "own_bin": 6,
    }


def test_nothing_of_the_class_is_told_where_the_academy_does_not_show_it(
    hana: Cast, teacher: Client, student: Client, exam: Exam, scan: Scan
) -> None:
    sit(hana, exam, 12)
    body = result(student, exam)
    assert (body["rank"], body["rank_people"], body["class_standing"]) == (None, None, None)


# ---------------------------------------------------------------- other kinds of questions


@pytest.fixture
def mixed(world: World, hana: Cast, teacher: Client, student: Client) -> Scan:
    """Published, in version B: single choices, one with several, numbers, and an essay that got 4 points."""
    made = post(teacher, "/api/v1/exams", FORM).json()["id"]
    answers = {"q1": ("1",), "q4": ("1", "3"), "q5": ("007",), "q6": ("-0.5",)}
    scan = read_page(world, made, "B", answers)
    put(teacher, f"/api/v1/scans/{scan.pk}/essays", {"points": {"q7": "4"}})
    post(teacher, f"/api/v1/exams/{made}/publish", {"waived_reason": "먼저 보여 주기"})
    return scan


def test_the_app_is_told_what_can_be_marked(student: Client, mixed: Scan, exam: Exam) -> None:
    body = student.get(f"/api/v1/me/results/{mixed.exam_id}").json()
    (page,) = body["pages"]
    fields = {answer["label"]: (answer["choices"], answer["has_several"]) for answer in page["answers"]}
    assert page["id"] == mixed.pk
    assert fields["q1"] == (["1", "2", "3", "4", "5"], False)
    assert (fields["q4"][1], fields["q5"]) == (True, ([], False))


def test_several_choices_and_numbers_are_said_as_they_are_marked(
    hana: Cast, student: Client, teacher: Client, mixed: Scan
) -> None:
    for label, wrong in (("q5", ["seven"]), ("q5", ["1", "2"]), ("q4", ["1", "9"])):
        error_of(ask(student, mixed, label, values=wrong), 400)
    for label, values in (("q5", ["-12.5"]), ("q4", ["1", "2"])):
        decide(teacher, asked(student, mixed, label, values=values), is_accepted=True)
    assert states(hana) == [("q5", "changed"), ("q4", "changed")]


@pytest.mark.parametrize(("points_given", "expected"), [("6", "changed"), ("4.0", "kept"), (None, "changed")])
def test_of_an_essay_a_note_is_left_and_points_answer_it(
    hana: Cast, student: Client, teacher: Client, mixed: Scan, points_given: str | None, expected: str
) -> None:
    error_of(ask(student, mixed, "q7", values=["6"], note="다시"), 400)
    objection = asked(student, mixed, "q7", values=None, note="두 번째 줄도 맞아요")
    error_of(decide(teacher, objection, is_accepted=True), 400)
    with hana.acting():
        exam = Exam.objects.get(pk=mixed.exam_id)
    (page,) = inbox(teacher, exam)
    (item,) = [one for one in page["items"] if one["objection"]]
    assert (item["kind"], item["label"]) == ("objection", "q7")
    assert "두 번째 줄도 맞아요" in teacher.get(f"/admin/exams/exam/{exam.pk}/inbox/").content.decode()
    put(teacher, f"/api/v1/scans/{mixed.pk}/essays", {"points": {"q7": points_given}})
    assert states(hana) == [("q7", expected)]


def test_points_for_an_essay_at_the_desk_answer_the_student(
    hana: Cast, student: Client, teacher: Client, mixed: Scan
) -> None:
    asked(student, mixed, "q7", values=None, note="두 번째 줄도 맞아요")
    text_after(teacher, f"/admin/exams/scan/{mixed.pk}/correct/", {"essay:q7": "7"})
    assert states(hana) == [("q7", "changed")]
