"""A key as teachers have it: typed, typed together, pasted in columns, with what cannot be meant refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.http.errors import Invalid
from apps.exams.admin.key_text import answerable, key_as_text, read_key
from apps.exams.kinds import QuestionKind
from apps.exams.scoring import KeyedQuestion


def questions(count: int, kind: QuestionKind = QuestionKind.SINGLE, first: int = 1) -> list[KeyedQuestion]:
    return [KeyedQuestion(f"q{number}", (), Decimal(1), kind) for number in range(first, first + count)]


@pytest.mark.parametrize(
    "text",
    [
        "1 2 3 4 5",
        "12345",
        "123 45",
        "1,2,3,4,5",
        "1\n2\n3\n4\n5\n",
        "① ② ③ ④ ⑤",
        "1\t1\n2\t2\n3\t3\n4\t4\n5\t5",
        "1번 1\n2번 2\n3번 3\n4번 4\n5번 5",
        "1. 1\r\n2. 2\r\n3. 3\r\n4. 4\r\n5. 5",
    ],
)
def test_a_key_is_read_as_it_is_typed_or_pasted(text: str) -> None:
    read = read_key(text, questions(5))
    assert read.answers == {"q1": ["1"], "q2": ["2"], "q3": ["3"], "q4": ["4"], "q5": ["5"]}
    assert read.points == {}


def test_several_right_answers_and_none_yet() -> None:
    assert read_key("2/4 - 1", questions(3)).answers == {"q1": ["2", "4"], "q2": [], "q3": ["1"]}


def test_a_third_column_holds_the_points() -> None:
    read = read_key("1\t3\t4.5\n2\t1\t3점", questions(2))
    assert read.answers == {"q1": ["3"], "q2": ["1"]}
    assert read.points == {"q1": Decimal("4.5"), "q2": Decimal(3)}


def test_two_lines_of_two_answers_are_no_columns() -> None:
    assert list(read_key("1 2\n2 3", questions(4)).answers.values()) == [["1"], ["2"], ["2"], ["3"]]


def test_numbers_are_never_taken_apart() -> None:
    mixed = [*questions(2), *questions(1, QuestionKind.NUMERIC, first=3)]
    assert read_key("1 2 3/4", mixed).answers == {"q1": ["1"], "q2": ["2"], "q3": ["3/4"]}
    assert read_key("1 2 12|13", mixed).answers["q3"] == ["12", "13"]
    with pytest.raises(Invalid):
        read_key("123", mixed)


def test_essays_have_no_place_in_a_key() -> None:
    assert answerable([*questions(1), *questions(1, QuestionKind.ESSAY, first=2)]) == questions(1)


@pytest.mark.parametrize("points", ["many", "NaN", "-1", "1000", "1.234", "1e9", "Infinity"])
def test_points_that_are_none_are_refused(points: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_key(f"1\t3\t{points}", questions(1))
    assert refused.value.attr == "key"


def test_too_few_answers_are_refused_with_both_numbers() -> None:
    with pytest.raises(Invalid, match=r"5.*3"):
        read_key("1 2 3", questions(5))


@given(st.lists(st.lists(st.sampled_from("12345"), max_size=3, unique=True), min_size=2, max_size=60))
def test_what_is_shown_is_read_again_as_it_was(accepted: list[list[str]]) -> None:
    key = [KeyedQuestion(f"q{place}", tuple(answers), Decimal(1)) for place, answers in enumerate(accepted)]
    text = key_as_text(key)
    if any(accepted):
        assert read_key(text, key).answers == {one.label: list(one.accepted) for one in key}
    else:
        assert text == ""
