"""The one function that scores: six outcomes that are never mixed up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.exams.kinds import Cancellation, QuestionKind
from apps.exams.scoring import (
    KeyedQuestion,
    Outcome,
    SheetScore,
    VersionMap,
    parse_number,
    score_fields,
    score_reading,
)
from sheets.reading import EssayCrop, FieldReading, FieldStatus, SheetReading

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
    assert (score.points or 0) == sum((worth[answer.label] for answer in right), Decimal(0))


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


# ---------------------------------------------------------------- every kind of question


@st.composite
def rich_keys(draw: st.DrawFn) -> list[KeyedQuestion]:
    """Keys of single and several choices with penalties, partial points and cancelled questions."""
    keyed = []
    for label in draw(st.lists(st.sampled_from(LABELS), unique=True)):
        kind = draw(st.sampled_from([QuestionKind.SINGLE, QuestionKind.SEVERAL]))
        answers = st.sampled_from(CHOICES)
        if kind is QuestionKind.SEVERAL:
            combined = st.lists(st.sampled_from(CHOICES), unique=True, min_size=1, max_size=4)
            answers = combined.map(lambda parts: "+".join(sorted(parts)))
        keyed.append(
            KeyedQuestion(
                label=label,
                accepted=tuple(draw(st.lists(answers, unique=True, max_size=3))),
                points=draw(st.decimals(min_value=0, max_value=999, places=2)),
                kind=kind,
                penalty=draw(st.decimals(min_value=0, max_value=99, places=2)),
                is_partial=draw(st.booleans()),
                cancelled=draw(st.sampled_from(Cancellation)),
            )
        )
    return keyed


def several(*accepted: str, is_partial: bool = False, penalty: str = "0") -> KeyedQuestion:
    kind = QuestionKind.SEVERAL
    return KeyedQuestion("q1", accepted, Decimal(4), kind, Decimal(penalty), is_partial=is_partial)


def numeric(*accepted: str, as_written: bool = False) -> KeyedQuestion:
    return KeyedQuestion("q1", accepted, Decimal(3), QuestionKind.NUMERIC, as_written=as_written)


def totals(score: SheetScore) -> tuple[object, ...]:
    return score.points, score.max_points, score.unsure_count, score.awaited_count


def only(score: SheetScore) -> tuple[object, object]:
    return score.answers[0].outcome, score.answers[0].points


@pytest.mark.parametrize(
    ("marked", "whole", "partial"),
    [
        ("13", (Outcome.RIGHT, 4), (Outcome.RIGHT, 4)),
        ("1", (Outcome.WRONG, 0), (Outcome.PARTLY_RIGHT, 2)),
        ("123", (Outcome.WRONG, 0), (Outcome.PARTLY_RIGHT, 2)),
        ("12", (Outcome.WRONG, 0), (Outcome.WRONG, 0)),
        ("245", (Outcome.WRONG, 0), (Outcome.WRONG, 0)),
    ],
)
def test_several_right_choices_count_whole_or_in_part(
    marked: str, whole: tuple[Outcome, int], partial: tuple[Outcome, int]
) -> None:
    read = [field("q1", *marked)]
    assert only(score_fields(read, [several("1+3")])) == whole
    assert only(score_fields(read, [several("1+3", is_partial=True)])) == partial


def test_any_of_the_accepted_combinations_is_right() -> None:
    key = [several("1+3", "2")]
    assert [only(score_fields([field("q1", *marked)], key))[1] for marked in ("31", "2", "3", "123")] == [4, 4, 0, 0]


@pytest.mark.parametrize("written", ["7", "07", "007", "7.0", "14/2"])
def test_numbers_are_equal_as_numbers(written: str) -> None:
    assert only(score_fields([field("q1", written)], [numeric("7")])) == (Outcome.RIGHT, 3)
    expected = Outcome.RIGHT if written == "7" else Outcome.WRONG
    assert only(score_fields([field("q1", written)], [numeric("7", as_written=True)]))[0] is expected


@pytest.mark.parametrize("written", ["70", "-7", "0.7", "7/2", "7/0", "?", ""])
def test_other_numbers_are_wrong(written: str) -> None:
    assert only(score_fields([field("q1", written)], [numeric("7")])) == (Outcome.WRONG, 0)


@given(st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=999))
def test_every_fraction_is_parsed_as_itself(value: Fraction) -> None:
    assert parse_number(f"{value.numerator}/{value.denominator}") == value


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=3))
def test_every_decimal_is_parsed_as_itself(value: Decimal) -> None:
    assert parse_number(f"{value:f}") == Fraction(value)


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert parse_number(text) is None or set(text) <= set("0123456789-./")


def test_a_wrong_answer_costs_its_penalty_and_nothing_else_does() -> None:
    key = [KeyedQuestion("q1", ("3",), Decimal(2), penalty=Decimal("0.5"))]
    reads = [
        field("q1", "4"),
        field("q1", status=FieldStatus.BLANK),
        field("q1", "3", "4", status=FieldStatus.MULTIPLE),
        field("q1", "4", status=FieldStatus.UNSURE),
    ]
    assert [score_fields([read], key).points for read in reads] == [Decimal("-0.5"), 0, 0, 0]


def test_a_cancelled_question_is_everybodys_or_nobodys() -> None:
    for status in FieldStatus:
        read = [field("q1", "4", status=status), field("q2", "1")]
        key = [question("q1", "3", points="5"), question("q2", "1")]
        all_right = score_fields(read, [replace(key[0], cancelled=Cancellation.ALL_RIGHT), key[1]])
        assert totals(all_right) == (6, 6, 0, 0)
        not_counted = score_fields(read, [replace(key[0], cancelled=Cancellation.NOT_COUNTED), key[1]])
        assert totals(not_counted) == (1, 1, 0, 0)


@given(fields(), rich_keys(), st.sampled_from(LABELS))
def test_a_cancelled_question_never_lowers_anybody(
    read: list[FieldReading], key: list[KeyedQuestion], label: str
) -> None:
    """All right: nobody has fewer points. Not counted: nobody misses more of what can be reached."""
    before = score_fields(read, key)
    kept = [item for item in key if item.label != label]
    found = [item for item in key if item.label == label and item.cancelled is Cancellation.NONE]
    generous = score_fields(read, kept + [replace(item, cancelled=Cancellation.ALL_RIGHT) for item in found])
    gone = score_fields(read, kept + [replace(item, cancelled=Cancellation.NOT_COUNTED) for item in found])
    if not found:
        return
    assert (generous.points or 0) >= (before.points or 0)

    def missed(score: SheetScore) -> Decimal:
        return (score.max_points or Decimal(0)) - (score.points or Decimal(0))

    assert missed(gone) <= missed(before)


@given(fields(), rich_keys())
def test_the_sum_is_bounded_by_penalties_and_maximum(read: list[FieldReading], key: list[KeyedQuestion]) -> None:
    score = score_fields(read, key)
    if score.points is not None and score.max_points is not None:
        assert -sum((item.penalty for item in key), Decimal(0)) <= score.points <= score.max_points


@given(fields(), rich_keys(), st.data())
def test_permuting_a_version_never_changes_the_score(
    read: list[FieldReading], key: list[KeyedQuestion], data: st.DataObject
) -> None:
    order = dict(zip(LABELS, data.draw(st.permutations(LABELS)), strict=True))
    choices = {label: dict(zip(CHOICES, data.draw(st.permutations(CHOICES)), strict=True)) for label in LABELS}
    printed_of = {meant: printed for printed, meant in order.items()}
    shuffled = []
    for item in read:
        printed = printed_of[item.label]
        back = {meant: shown for shown, meant in choices[printed].items()}
        shuffled.append(replace(item, label=printed, values=tuple(sorted(back[value] for value in item.values))))
    plain = score_fields(read, key)
    version = score_fields(shuffled, key, version=VersionMap(order, choices))
    assert (version.points, version.max_points, version.unsure_count) == (
        plain.points,
        plain.max_points,
        plain.unsure_count,
    )
    assert {answer.question: answer.outcome for answer in version.answers} == {
        answer.question: answer.outcome for answer in plain.answers
    }


def page_of(read: list[FieldReading], version: FieldReading | None, *essays: str) -> SheetReading:
    corners = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    crops = tuple(EssayCrop(label, corners) for label in essays)
    return SheetReading("abc", "CODE", 1, tuple(read), None, 4, 0.0, 1.0, version, None, crops)


@pytest.mark.parametrize(
    "version",
    [
        None,
        FieldReading("version", (), FieldStatus.BLANK, 0.9),
        FieldReading("version", ("A", "B"), FieldStatus.UNSURE, 0.5),
        FieldReading("version", ("A", "B"), FieldStatus.MULTIPLE, 0.9),
        FieldReading("version", ("D",), FieldStatus.OK, 0.9),
    ],
)
def test_without_a_sure_version_nothing_is_scored_and_nothing_is_zero(version: FieldReading | None) -> None:
    versions = {"A": VersionMap({}, {}), "B": VersionMap({"q1": "q2", "q2": "q1"}, {})}
    read = [field("q1", "3"), field("q2", "4")]
    score = score_reading(
        page_of(read, version), [question("q1", "3"), question("q2", "4")], versions=versions, given={}
    )
    assert {answer.outcome for answer in score.answers} == {Outcome.NO_VERSION}
    assert (score.points, score.max_points, score.unsure_count) == (None, None, 2)


def test_an_essay_has_no_points_until_a_person_gives_them() -> None:
    key = [KeyedQuestion("q1", (), Decimal(10), QuestionKind.ESSAY), question("q2", "1")]
    reading = page_of([field("q2", "1")], None, "q1")
    awaited = score_reading(reading, key, versions={}, given={})
    assert totals(awaited) == (1, 11, 0, 1)
    assert [answer.points for answer in awaited.answers if answer.label == "q1"] == [None]
    given_ = score_reading(reading, key, versions={}, given={"q1": Decimal("7.5")})
    assert totals(given_) == (Decimal("8.5"), 11, 0, 0)
    nothing_else = score_reading(page_of([], None, "q1"), key, versions={}, given={})
    assert totals(nothing_else) == (None, 10, 0, 1)
