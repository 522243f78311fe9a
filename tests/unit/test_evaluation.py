"""The key of another maker's sheet, as its evaluation.json says it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sheets.evaluation import KeyedLabel, parse_evaluation
from sheets.template import BadTemplate

PLAIN: dict[str, Any] = {"correct": "3", "incorrect": "-1", "unmarked": 0}


def evaluation(
    questions: object = ("q1..3",), answers: object = ("A", "B", ["C", "D"]), **schemes: object
) -> dict[str, object]:
    return {
        "source_type": "custom",
        "options": {
            "questions_in_order": list(questions) if isinstance(questions, tuple) else questions,
            "answers_in_order": list(answers) if isinstance(answers, tuple) else answers,
        },
        "marking_schemes": {"DEFAULT": PLAIN, **schemes},
    }


def test_ranges_several_right_answers_and_fractions_are_read() -> None:
    section = {"questions": ["q2..3"], "marking": {"correct": 1.5, "incorrect": "-1/3", "unmarked": "0"}}
    assert parse_evaluation(evaluation(SECTION_1=section)) == (
        KeyedLabel("q1", ("A",), Decimal(3), Decimal(1)),
        KeyedLabel("q2", ("B",), Decimal("1.50"), Decimal("0.33")),
        KeyedLabel("q3", ("C", "D"), Decimal("1.50"), Decimal("0.33")),
    )


def test_a_bonus_is_for_everybody() -> None:
    bonus = {"questions": "q2", "marking": {"correct": 2, "incorrect": 2, "unmarked": 2}}
    found = parse_evaluation(evaluation(BONUS_FOR_ALL=bonus))
    assert [(one.is_bonus, one.points, one.penalty) for one in found] == [
        (False, Decimal(3), Decimal(1)),
        (True, Decimal(2), Decimal(0)),
        (False, Decimal(3), Decimal(1)),
    ]


@pytest.mark.parametrize(
    ("faulty", "place"),
    [
        ({}, "source_type"),
        ({"source_type": "csv"}, "source_type"),
        ({"source_type": "custom"}, "options"),
        (evaluation(questions=None), "questions_in_order"),
        (evaluation(questions=("q1", "q1"), answers=("A", "B")), "questions_in_order"),
        (evaluation(questions=("q1..99999",)), "questions_in_order"),
        (evaluation(answers=("A",)), "answers_in_order"),
        (evaluation(answers=None), "answers_in_order"),
        (evaluation(answers=("A", "B", [["C", 1], ["D", 2]])), "answers_in_order, q3"),
        (evaluation(answers=("A", "B", 3)), "answers_in_order, q3"),
        (evaluation(answers=("A", "B", [])), "answers_in_order, q3"),
        (evaluation(answers=("A", "B", "x" * 81)), "answers_in_order, q3"),
        (evaluation(DEFAULT={**PLAIN, "unmarked": "1"}), "marking_schemes.DEFAULT"),
        (evaluation(DEFAULT={**PLAIN, "incorrect": 1}), "marking_schemes.DEFAULT"),
        (evaluation(DEFAULT={**PLAIN, "correct": -1}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT={**PLAIN, "correct": [1, 2, 3]}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT={**PLAIN, "correct": True}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT={**PLAIN, "correct": "1/0"}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT={**PLAIN, "correct": 1e300}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT={**PLAIN, "correct": 5000}), "marking_schemes.DEFAULT.correct"),
        (evaluation(DEFAULT=7), "marking_schemes.DEFAULT"),
        (evaluation(S={"questions": ["q9"], "marking": PLAIN}), "marking_schemes"),
        (evaluation(S={"questions": 5, "marking": PLAIN}), "marking_schemes.S"),
        (
            evaluation(S={"questions": "q1", "marking": PLAIN}, T={"questions": ["q1"], "marking": PLAIN}),
            "marking_schemes",
        ),
    ],
)
def test_what_cannot_be_scored_here_is_refused_by_its_place(faulty: dict[str, object], place: str) -> None:
    with pytest.raises(BadTemplate, match=f"^{place}: "):
        parse_evaluation(faulty)
