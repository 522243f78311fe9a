"""Item analysis: hand-computed examples, a published formula, and what holds of any exam."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from itertools import pairwise
from statistics import pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.exams.analysis import Item, Response, analyse, correlation, cronbach_alpha, tail_weights
from apps.exams.scoring import Outcome

RIGHT, WRONG = Outcome.RIGHT, Outcome.WRONG


def answers(row: str) -> dict[str, Response]:
    """ "110": right, right, wrong; "-" is blank, "?" unsure, "m" several marks, "x" open."""
    outcomes = {"1": RIGHT, "0": WRONG, "-": Outcome.BLANK, "?": Outcome.UNSURE, "m": Outcome.MULTIPLE}
    found = {}
    for index, symbol in enumerate(row, start=1):
        points = None if symbol == "x" else Decimal(symbol == "1")
        choice = {"1": "1", "0": "2"}.get(symbol, "")
        found[f"q{index}"] = Response(outcomes.get(symbol, Outcome.AWAITED), points, choice)
    return found


def items(count: int) -> list[Item]:
    return [Item(f"q{index}", Decimal(1), ("1",), ("1", "2", "3")) for index in range(1, count + 1)]


def test_alpha_by_hand() -> None:
    rows = [[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # variances 0.2, 0.3, 0.3, 0.2; of the totals 4, 3, 2, 1, 0: 2.5; 4/3 * (1 - 1.0 / 2.5) = 0.8
    assert cronbach_alpha(rows) == pytest.approx(0.8)


@given(st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=2, max_size=30))
def test_of_right_and_wrong_alpha_is_kuder_and_richardsons_formula_20(rows: list[list[int]]) -> None:
    """Psychometrika 2 (1937), by shares of right answers and the variance of all."""
    shares = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    variance = pvariance([sum(row) for row in rows])
    alpha = cronbach_alpha(rows)
    if variance == 0:
        assert alpha is None
    else:
        assert alpha == pytest.approx(5 / 4 * (1 - sum(p * (1 - p) for p in shares) / variance))


def test_every_measure_of_a_small_exam_by_hand() -> None:
    found = analyse(items(4), [answers(row) for row in ("1111", "1110", "1100", "1000", "0000")])
    assert (found.people, found.left_out, found.max_points) == (5, 0, 4.0)
    assert (found.mean, found.median) == (2.0, 2.0)
    assert found.sd == pytest.approx(math.sqrt(2.5))
    assert found.alpha == pytest.approx(0.8)
    assert found.sem == pytest.approx(math.sqrt(2.5) * math.sqrt(0.2))
    assert [item.difficulty for item in found.items] == pytest.approx([0.8, 0.6, 0.4, 0.2])
    # q2 against the rest of each: deviations multiply to 1.8, their squares sum to 1.2 and 5.2
    q2 = [1, 1, 1, 0, 0]
    rest = [3, 2, 1, 1, 0]
    mean_one, mean_rest = 0.6, 1.4
    covariance = sum((x - mean_one) * (y - mean_rest) for x, y in zip(q2, rest, strict=True))
    assert covariance == pytest.approx(1.8)
    assert found.items[1].discrimination == pytest.approx(1.8 / math.sqrt(1.2 * 5.2))
    assert found.items[0].upper_lower == 1.0  # of five the best and the worst one
    assert sum(found.histogram) == 5
    assert found.histogram[-1] == 1


def test_who_chose_what_above_and_below() -> None:
    found = analyse(items(2), [answers(row) for row in ("11", "10", "0?", "m-")])
    one, two = found.items
    assert [(row.answer, row.is_accepted, row.count) for row in one.answers] == [
        ("1", True, 2),
        ("2", False, 1),
        ("3", False, 0),
    ]
    assert (one.multiple, two.blank, two.unsure) == (1, 1, 1)
    assert one.answers[0].upper == 1.0
    assert one.answers[1].lower == 0.5  # two stand level at the bottom and share the place


def test_who_is_not_whole_is_left_out_and_said_to_be() -> None:
    found = analyse(items(2), [answers("11"), answers("1x"), {"q1": Response(RIGHT, Decimal(1), "1")}])
    assert (found.people, found.left_out, found.mean) == (1, 2, 2.0)


def test_what_cannot_be_computed_is_none_and_not_zero() -> None:
    nobody = analyse(items(2), [])
    assert (nobody.mean, nobody.sd, nobody.alpha, nobody.sem) == (None, None, None, None)
    assert [item.difficulty for item in nobody.items] == [None, None]
    alike = analyse(items(2), [answers("10"), answers("10")])
    assert (alike.alpha, alike.sd) == (None, 0.0)
    assert alike.items[0].discrimination is None
    assert analyse([], [answers("1")]).items == ()


ROWS = st.lists(st.text("10-?m", min_size=4, max_size=4), min_size=2, max_size=30)


@given(ROWS, st.randoms())
def test_the_order_of_the_people_does_not_matter(rows: list[str], shuffler: random.Random) -> None:
    people = [answers(row) for row in rows]
    mixed = people[:]
    shuffler.shuffle(mixed)
    one, other = analyse(items(4), people), analyse(items(4), mixed)
    assert one.histogram == other.histogram
    for left, right in zip(one.items, other.items, strict=True):
        assert left.upper_lower == pytest.approx(right.upper_lower)
        assert [row.upper for row in left.answers] == pytest.approx([row.upper for row in right.answers])
        assert (left.discrimination is None) == (right.discrimination is None)


@given(ROWS)
def test_measures_keep_to_their_ranges_and_every_answer_is_counted_once(rows: list[str]) -> None:
    found = analyse(items(4), [answers(row) for row in rows])
    assert sum(found.histogram) == found.people == len(rows)
    assert found.alpha is None or found.alpha <= 1 + 1e-9
    for item in found.items:
        assert item.difficulty is not None
        assert 0 <= item.difficulty <= 1
        assert item.discrimination is None or -1 <= item.discrimination <= 1
        assert item.upper_lower is not None
        assert -1 - 1e-9 <= item.upper_lower <= 1 + 1e-9
        assert sum(row.count for row in item.answers) + item.blank + item.multiple + item.unsure == len(rows)


@given(st.lists(st.integers(0, 20).map(float), min_size=2, max_size=60))
def test_both_tails_hold_27_percent_and_the_better_are_never_less_in_the_upper(totals: list[float]) -> None:
    upper, lower = tail_weights(totals)
    size = max(1, round(0.27 * len(totals)))
    assert sum(upper) == pytest.approx(size)
    assert sum(lower) == pytest.approx(size)
    ranked = sorted(zip(totals, upper, strict=True))
    assert all(one[1] <= other[1] + 1e-9 for one, other in pairwise(ranked))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30), st.integers(1, 5))
def test_a_correlation_does_not_depend_on_the_unit(pairs: list[tuple[int, int]], unit: int) -> None:
    one, other = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    r, scaled = correlation(one, other), correlation([unit * x + 3 for x in one], other)
    assert (r is None) == (scaled is None)
    assert r is None or r == pytest.approx(scaled, abs=1e-6)
