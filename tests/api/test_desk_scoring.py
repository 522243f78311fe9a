"""Marking at the desk: versions, penalties, cancelled questions, several right choices, parts of points, essays."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.accounts.roles import Role
from apps.exams.models import Exam, Question
from sheets.layout import Layout
from tests.api.test_desk_exams import fresh
from tests.api.test_desk_pages import text_after
from tests.api.test_review import KEY, read
from tests.factories import Cast, World, client_of, make_exam

NEW = {
    "title": "유형 시험", "question_count": "4", "choice_count": "5", "several_count": "1", "numeric_count": "1",
    "numeric_digits": "2", "numeric_decimals": "1", "essay_count": "1", "essay_points": "8", "penalty": "0.5",
    "version_count": "2", "is_large_print": "on", "number_digits": "6", "key": "1 2 3 4 1+3 0.5",
}  # fmt: skip


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def exam(hana: Cast) -> Exam:
    with hana.acting():
        return make_exam("쪽지시험", key=KEY, created_by=hana.teacher, course=hana.course)


@pytest.fixture
def teacher(hana: Cast) -> Client:
    return client_of(hana.teacher)


def save(client: Client, exam: Exam, part: str, **form: Any) -> str:
    return text_after(client, f"/admin/exams/exam/{exam.pk}/key/", {"part": part, **form})


def questions(cast: Cast, exam: Exam, *columns: str) -> dict[str, tuple[Any, ...]]:
    with cast.acting():
        rows = Question.objects.filter(exam=exam).order_by("position").values_list("label", *columns)
        return {label: tuple(values) for label, *values in rows}


def new_exam(cast: Cast, client: Client, **more: str) -> Exam:
    assert "시험을 만들었습니다." in text_after(client, "/admin/exams/exam/add/", NEW | more)
    with cast.acting():
        return Exam.objects.select_related("layout").get(title="유형 시험")


def test_an_exam_with_all_that_a_sheet_can_have_is_made_in_one_form(hana: Cast, teacher: Client) -> None:
    exam = new_exam(hana, teacher)
    layout = Layout.from_json(exam.layout.definition)
    assert layout.versions == ("A", "B")
    assert questions(hana, exam, "kind", "accepted", "points", "penalty") == {
        **{f"q{n}": ("single", [str(n)], Decimal(1), Decimal("0.5")) for n in range(1, 5)},
        "q5": ("several", ["1+3"], Decimal(1), Decimal("0.5")),
        "q6": ("numeric", ["0.5"], Decimal(1), Decimal("0.5")),
        "q7": ("essay", [], Decimal(8), Decimal(0)),
    }
    assert 'name="has_versions"' in teacher.get(f"/admin/exams/exam/{exam.pk}/sheets/").content.decode()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"version_count": "9"}, "올바르게 선택해 주세요"),
        ({"numeric_digits": "8", "numeric_decimals": "7"}, "답안지를 만들 수 없습니다"),
        ({"penalty": "-1"}, "0 이상"),
        ({"question_count": "0", "several_count": "0", "numeric_count": "0", "essay_count": "0"}, "만들 수 없습니다"),
    ],
)
def test_a_sheet_that_cannot_be_is_refused(hana: Cast, teacher: Client, more: dict[str, str], told: str) -> None:
    assert told in text_after(teacher, "/admin/exams/exam/add/", NEW | {"key": ""} | more)
    with hana.acting():
        assert not Exam.objects.filter(title="유형 시험").exists()


def test_rules_are_for_the_questions_that_are_named(hana: Cast, exam: Exam, teacher: Client) -> None:
    scan = read(hana, exam, answers={**KEY, "q2": "5"})
    rules = {"numbers": "2, 4~5번", "penalty": "1", "points": "2"}
    preview = save(teacher, exam, "rules", **rules, _preview="1")
    assert "아직 저장하지 않았습니다." in preview
    assert questions(hana, exam, "penalty")["q2"] == (Decimal(0),)
    assert "정답표를 저장하고" in save(teacher, exam, "rules", **rules)
    found = questions(hana, exam, "points", "penalty")
    assert {label for label, values in found.items() if values == (Decimal(2), Decimal(1))} == {"q2", "q4", "q5"}
    assert fresh(hana, scan).points == 1  # q1 and q3 right, the wrong q2 costs one
    save(teacher, exam, "rules", numbers="2", cancelled="all_right")
    assert fresh(hana, scan).points == 4
    assert "모두 정답" in teacher.get(f"/admin/exams/exam/{exam.pk}/key/").content.decode()
    save(teacher, exam, "rules", numbers="*", cancelled="not_counted")
    assert set(questions(hana, exam, "cancelled").values()) == {("not_counted",)}
    save(teacher, exam, "rules", numbers="1-20", cancelled="counted")
    assert set(questions(hana, exam, "cancelled").values()) == {("",)}


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ({"numbers": "21", "points": "1"}, "&quot;21&quot;"),
        ({"numbers": "1-99999", "points": "1"}, "문항이 없습니다"),
        ({"numbers": "9-1", "points": "1"}, "문항이 없습니다"),
        ({"numbers": "3"}, "무엇을 바꿀지"),
        ({"numbers": "", "points": "1"}, "필수"),
        ({"numbers": "3", "penalty": "-1"}, "0 이상"),
        ({"numbers": "3", "cancelled": "maybe"}, "올바르게 선택해 주세요"),
    ],
)
def test_rules_that_say_nothing_are_refused(
    hana: Cast, exam: Exam, teacher: Client, rules: dict[str, str], told: str
) -> None:
    before = questions(hana, exam, "points", "penalty", "cancelled")
    assert told in save(teacher, exam, "rules", **rules)
    assert questions(hana, exam, "points", "penalty", "cancelled") == before


def test_several_right_choices_and_numbers_have_rules_of_their_own(hana: Cast, exam: Exam, teacher: Client) -> None:
    assert 'name="partial"' not in teacher.get(f"/admin/exams/exam/{exam.pk}/key/").content.decode()
    mixed = new_exam(hana, teacher)
    save(teacher, mixed, "rules", numbers="5", partial="yes")
    save(teacher, mixed, "rules", numbers="6", as_written="yes")
    found = questions(hana, mixed, "is_partial", "as_written")
    assert (found["q5"], found["q6"], found["q4"]) == ((True, False), (False, True), (False, False))


def test_a_version_is_told_its_order(hana: Cast, teacher: Client) -> None:
    exam = new_exam(hana, teacher)
    url = f"/admin/exams/exam/{exam.pk}/key/"
    page = teacher.get(url).content.decode()
    assert "B형 문항 순서" in page
    assert "A형 문항 순서" not in page
    assert "문항 번호 7개를 한 번씩" in save(teacher, exam, "versions", order_B="1 2", choices_B="")
    assert "선택지 번호가 한 번씩" in save(teacher, exam, "versions", order_B="", choices_B="1: 1 2")
    assert "different kinds" in save(teacher, exam, "versions", order_B="7 2 3 4 5 6 1", choices_B="")
    assert "정답표를 저장하고" in save(teacher, exam, "versions", order_B="2 1 3 4 5 6 7", choices_B="1: 2 1 3 4 5")
    with hana.acting():
        exam.refresh_from_db()
        assert exam.versions["B"]["questions"] == {"q1": "q2", "q2": "q1"}
    page = teacher.get(url).content.decode()
    assert "2 1 3 4 5 6 7" in page
    assert "1: 2 1 3 4 5" in page


def test_an_exam_of_one_version_has_none_to_order(exam: Exam, teacher: Client) -> None:
    assert "문항 순서" not in teacher.get(f"/admin/exams/exam/{exam.pk}/key/").content.decode()
    assert save(teacher, exam, "versions", order_B="1 2")
    assert save(teacher, exam, "nothing", key="") != ""


def test_assistants_and_strangers_change_no_rules(world: World, exam: Exam) -> None:
    form = {"part": "rules", "numbers": "*", "points": "9"}
    path = f"/admin/exams/exam/{exam.pk}/key/"
    assert client_of(world.hana.users[Role.ASSISTANT]).post(path, form).status_code == 403
    assert client_of(world.duri.owner).post(path, form).status_code == 404
