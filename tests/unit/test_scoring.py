"""The one function that scores: six outcomes that are never mixed up."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.exams.scoring import KeyedQuestion, Outcome, score_fields
from sheets.reading import FieldReading, FieldStatus

CHOICES = tuple("12345")
LABELS = tuple(f"q{number}" for number in range(1, 9))


def field(label: str, *values: str, status: FieldStatus = FieldStatus.OK) -> FieldReading:
    return FieldReading(label, values, status, confidence=0.9)


def question(label: str, *accepted: str, points: str = "1") -> KeyedQuestion:
    return KeyedQuestion(label, accepted, Decimal(points))


@st.composite
def fields(draw: st.DrawFn) -> list[FieldReading]:
    labels = draw(st.lists(st.sampled_from(LABELS), unique=True))
    found = []
    for label in labels:
        status = draw(st.sampled_from(FieldStatus))
        count = {FieldStatus.OK: 1, FieldStatus.BLANK: 0, FieldStatus.MULTIPLE: 2, FieldStatus.UNSURE: 1}[status]
        values = draw(st.lists(st.sampled_from(CHOICES), unique=True, min_size=count, max_size=count))
        found.append(field(label, *values, status=status))
    return found


@st.composite
def keys(draw: st.DrawFn) -> list[KeyedQuestion]:
    labels = draw(st.lists(st.sampled_from(LABELS), unique=True))
    worth = st.decimals(min_value=0, max_value=999, places=2)
    accepted = st.lists(st.sampled_from(CHOICES), unique=True, max_size=3)
    return [KeyedQuestion(label, tuple(draw(accepted)), draw(worth)) for label in labels]


@pytest.mark.parametrize(
    ("read", "outcome", "points"),
    [
        (field("q1", "3"), Outcome.RIGHT, 2),
        (field("q1", "4"), Outcome.WRONG, 0),
        (field("q1", status=FieldStatus.BLANK), Outcome.BLANK, 0),
        (field("q1", "3", "4", status=FieldStatus.MULTIPLE), Outcome.MULTIPLE, 0),
        (field("q1", "3", status=FieldStatus.UNSURE), Outcome.UNSURE, 0),
    ],
)
def test_every_status_has_an_outcome_of_its_own(read: FieldReading, outcome: Outcome, points: int) -> None:
    score = score_fields([read], [question("q1", "3", points="2")])
    assert [answer.outcome for answer in score.answers] == [outcome]
    assert (score.points, score.max_points) == (Decimal(points), Decimal(2))


def test_any_of_the_accepted_answers_is_right() -> None:
    key = [question("q1", "2", "5")]
    assert [score_fields([field("q1", value)], key).points for value in CHOICES] == [0, 1, 0, 0, 1]


def test_a_number_answer_is_compared_as_a_whole() -> None:
    key = [question("q1", "12")]
    assert score_fields([field("q1", "12")], key).points == 1
    assert score_fields([field("q1", "1", "2")], key).points == 1
    assert score_fields([field("q1", "21")], key).points == 0


def test_two_marks_are_never_right_even_when_both_are_accepted() -> None:
    score = score_fields([field("q1", "3", "4", status=FieldStatus.MULTIPLE)], [question("q1", "3", "4", "34")])
    assert [answer.outcome for answer in score.answers] == [Outcome.MULTIPLE]
    assert score.points == 0


def test_without_any_key_there_are_no_points_rather_than_zero() -> None:
    score = score_fields([field("q1", "3")], [question("q1")])
    assert (score.points, score.max_points) == (None, None)
    assert [answer.outcome for answer in score.answers] == [Outcome.NO_KEY]


def test_an_unsure_field_without_key_still_gives_no_points() -> None:
    score = score_fields([field("q1", status=FieldStatus.UNSURE)], [question("q1")])
    assert (score.points, score.max_points, score.unsure_count) == (None, None, 1)


def test_an_unsure_field_without_key_adds_nothing_to_what_can_be_reached() -> None:
    read = [field("q1", "3"), field("q2", status=FieldStatus.UNSURE)]
    score = score_fields(read, [question("q1", "3"), question("q2", points="10")])
    assert (score.points, score.max_points, score.unsure_count) == (Decimal(1), Decimal(1), 1)


def test_fields_that_are_no_questions_are_not_scored() -> None:
    score = score_fields([field("student_number", "000123"), field("q1", "3")], [question("q1", "3")])
    assert [answer.label for answer in score.answers] == ["q1"]


def test_only_the_questions_of_the_page_count() -> None:
    score = score_fields([field("q1", "3")], [question("q1", "3"), question("q2", "1", points="50")])
    assert (score.points, score.max_points) == (Decimal(1), Decimal(1))


@given(fields(), keys())
def test_points_lie_between_zero_and_the_maximum(read: list[FieldReading], key: list[KeyedQuestion]) -> None:
    score = score_fields(read, key)
    assert (score.points is None) == (score.max_points is None)
    if score.points is not None and score.max_points is not None:
        assert 0 <= score.points <= score.max_points


@given(fields(), keys())
def test_points_are_null_exactly_when_no_field_of_the_page_has_a_key(
    read: list[FieldReading], key: list[KeyedQuestion]
) -> None:
    keyed = {question.label for question in key if question.accepted} & {field.label for field in read}
    assert (score_fields(read, key).points is None) == (not keyed)


@given(fields(), keys())
def test_the_points_are_the_sum_of_the_right_answers(read: list[FieldReading], key: list[KeyedQuestion]) -> None:
    score = score_fields(read, key)
    worth = {question.label: question.points for question in key}
    right = [answer for answer in score.answers if answer.outcome is Outcome.RIGHT]
    assert all(answer.points == worth[answer.label] for answer in right)
    assert all(answer.points == 0 for answer in score.answers if answer.outcome is not Outcome.RIGHT)
    assert (score.points or 0) == sum(answer.points for answer in right)


@given(fields(), keys())
def test_every_unsure_question_is_counted(read: list[FieldReading], key: list[KeyedQuestion]) -> None:
    questions = {question.label for question in key}
    unsure = [item for item in read if item.status is FieldStatus.UNSURE and item.label in questions]
    assert score_fields(read, key).unsure_count == len(unsure)


@given(fields(), keys())
def test_the_order_of_fields_and_key_changes_no_score(read: list[FieldReading], key: list[KeyedQuestion]) -> None:
    shuffled_read, shuffled_key = list(reversed(read)), sorted(key, key=lambda question: question.label)
    one, other = score_fields(read, key), score_fields(shuffled_read, shuffled_key)
    assert (one.points, one.max_points, one.unsure_count) == (other.points, other.max_points, other.unsure_count)


@given(fields(), keys(), st.sampled_from(CHOICES))
def test_accepting_one_more_answer_never_takes_points_away(
    read: list[FieldReading], key: list[KeyedQuestion], extra: str
) -> None:
    wider = [KeyedQuestion(item.label, (*item.accepted, extra), item.points) for item in key]
    assert (score_fields(read, wider).points or 0) >= (score_fields(read, key).points or 0)


@given(fields(), keys())
def test_each_field_with_a_question_is_answered_once_and_in_order(
    read: list[FieldReading], key: list[KeyedQuestion]
) -> None:
    questions = {question.label for question in key}
    expected = [item.label for item in read if item.label in questions]
    assert [answer.label for answer in score_fields(read, key).answers] == expected
