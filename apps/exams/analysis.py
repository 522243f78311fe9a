"""Classical item analysis of an exam, in plain Python: how hard, how telling, how reliable.

After Ebel and Frisbie, Essentials of Educational Measurement (5th ed., 1991), and Cronbach, Psychometrika 16 (1951).
Variances are those of a sample (n - 1); what cannot be computed is None, never zero.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean, median
from typing import Final

from apps.exams.scoring import Outcome

TAIL_SHARE: Final = 0.27
"""Of those who sat it in the upper and in the lower group: what tells best between them (Kelley, 1939)."""
HISTOGRAM_BINS: Final = 10
MAX_ANSWERS: Final = 20
"""Different answers listed of one question: of numbers there can be as many as people."""


@dataclass(frozen=True, slots=True)
class Response:
    """What one person answered to one question. ``choice`` in the key's order, "" for none; ``points`` None: open."""

    outcome: Outcome
    points: Decimal | None
    choice: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A question as it is scored. ``choices``: what can be marked, listed also where nobody did."""

    label: str
    points: Decimal
    accepted: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How many gave one answer. Who stands at the border of a group counts there in part."""

    answer: str
    is_accepted: bool
    count: int
    upper: float
    lower: float


@dataclass(frozen=True, slots=True)
class ItemAnalysis:
    """``difficulty``: mean points of the points that can be had. ``discrimination``: correlation of its points with
    those of all other questions. ``upper_lower``: difficulty in the upper 27 % less that in the lower."""

    label: str
    difficulty: float | None
    discrimination: float | None
    upper_lower: float | None
    answers: tuple[AnswerCount, ...]
    blank: int
    multiple: int
    unsure: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """``left_out``: people with a page missing or points not given yet; the rest are ``people``.

    ``alpha``: Cronbach's; ``sem``: the standard error of measurement, in points. ``histogram``: people in tenths of
    ``max_points``, the last with its upper end, the first with all below zero.
    """

    people: int
    left_out: int
    max_points: float
    mean: float | None
    median: float | None
    sd: float | None
    alpha: float | None
    sem: float | None
    histogram: tuple[int, ...]
    items: tuple[ItemAnalysis, ...]


def analyse(items: Sequence[Item], people: Sequence[Mapping[str, Response]]) -> Analysis:
    """The analysis of ``items`` by what ``people`` answered, by label. The order of the people does not matter."""
    whole = [answers for answers in people if all(_points(answers.get(item.label)) is not None for item in items)]
    scores = [[float(_points(answers[item.label]) or 0) for item in items] for answers in whole]
    totals = [math.fsum(row) for row in scores]
    upper, lower = tail_weights(totals)
    max_points = float(sum((item.points for item in items), Decimal(0)))
    alpha, sd = cronbach_alpha(scores), _sd(totals)
    return Analysis(
        people=len(whole),
        left_out=len(people) - len(whole),
        max_points=max_points,
        mean=fmean(totals) if totals else None,
        median=median(totals) if totals else None,
        sd=sd,
        alpha=alpha,
        sem=sd * math.sqrt(max(0.0, 1 - alpha)) if sd is not None and alpha is not None else None,
        histogram=histogram(totals, max_points),
        items=tuple(
            _item(
                item, [row[index] for row in scores], totals, [answers[item.label] for answers in whole], upper, lower
            )
            for index, item in enumerate(items)
        ),
    )


def _points(response: Response | None) -> Decimal | None:
    return None if response is None else response.points


def _item(
    item: Item,
    points: Sequence[float],
    totals: Sequence[float],
    responses: Sequence[Response],
    upper: Sequence[float],
    lower: Sequence[float],
) -> ItemAnalysis:
    worth = float(item.points)
    difficulty = fmean(points) / worth if points and worth else None
    upper_lower = None
    if worth and math.fsum(upper) and math.fsum(lower):
        upper_lower = (_weighted_mean(points, upper) - _weighted_mean(points, lower)) / worth
    outcomes = Counter(response.outcome for response in responses)
    return ItemAnalysis(
        label=item.label,
        difficulty=difficulty,
        discrimination=correlation(points, [total - own for total, own in zip(totals, points, strict=True)]),
        upper_lower=upper_lower,
        answers=_answers(item, responses, upper, lower),
        blank=outcomes[Outcome.BLANK],
        multiple=outcomes[Outcome.MULTIPLE],
        unsure=outcomes[Outcome.UNSURE],
    )


def _answers(
    item: Item, responses: Sequence[Response], upper: Sequence[float], lower: Sequence[float]
) -> tuple[AnswerCount, ...]:
    """Who gave which answer, in printed order and then the most frequent first."""
    unanswered = (Outcome.BLANK, Outcome.MULTIPLE, Outcome.UNSURE)
    given = [(place, one.choice) for place, one in enumerate(responses) if one.choice and one.outcome not in unanswered]
    counts = Counter(choice for _, choice in given)
    others = sorted((choice for choice in counts if choice not in item.choices), key=lambda one: (-counts[one], one))
    return tuple(
        AnswerCount(
            answer=answer,
            is_accepted=answer in item.accepted,
            count=counts[answer],
            upper=math.fsum(upper[place] for place, choice in given if choice == answer),
            lower=math.fsum(lower[place] for place, choice in given if choice == answer),
        )
        for answer in [*item.choices, *others][: max(MAX_ANSWERS, len(item.choices))]
    )


def tail_weights(totals: Sequence[float]) -> tuple[list[float], list[float]]:
    """How much each person belongs to the upper and to the lower 27 %, 0 to 1.

    Those who stand level at a border share what is left of it, so that nobody's place in the list decides.
    """
    return _top_weights(totals), _top_weights([-total for total in totals])


def _top_weights(totals: Sequence[float]) -> list[float]:
    size = max(1.0, float(round(TAIL_SHARE * len(totals)))) if len(totals) > 1 else 0.0
    weight_of: dict[float, float] = {}
    left = size
    for total, count in sorted(Counter(round(total, 6) for total in totals).items(), reverse=True):
        weight_of[total] = min(1.0, left / count)
        left = max(0.0, left - count)
    return [weight_of[round(total, 6)] for total in totals]


def _weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(value * weight for value, weight in zip(values, weights, strict=True)) / math.fsum(weights)


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's, which for a question that is right or wrong is the point-biserial one; None without any spread."""
    if len(one) < 2:
        return None
    means = fmean(one), fmean(other)
    deviations = [(x - means[0], y - means[1]) for x, y in zip(one, other, strict=True)]
    spread_one, spread_other = (math.fsum(pair[axis] ** 2 for pair in deviations) for axis in (0, 1))
    scale = max(1.0, max(map(abs, one)), max(map(abs, other)))
    if min(spread_one, spread_other) <= (1e-9 * scale) ** 2 * len(one):
        return None
    r = math.fsum(x * y for x, y in deviations) / math.sqrt(spread_one * spread_other)
    return max(-1.0, min(1.0, r))


def cronbach_alpha(scores: Sequence[Sequence[float]]) -> float | None:
    """Of a row per person and a column per question; None for less than two of either, or nobody differs."""
    columns = list(zip(*scores, strict=True))
    total = _variance([math.fsum(row) for row in scores])
    if len(columns) < 2 or not total:
        return None
    parts = math.fsum(_variance(column) or 0.0 for column in columns)
    return len(columns) / (len(columns) - 1) * (1 - parts / total)


def _variance(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    mean = fmean(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return variance if variance > 1e-18 * max(1.0, mean * mean) else 0.0


def _sd(values: Sequence[float]) -> float | None:
    variance = _variance(values)
    return None if variance is None else math.sqrt(variance)


def histogram(totals: Sequence[float], max_points: float) -> tuple[int, ...]:
    """How many are in each tenth of ``max_points``, the last with its upper end, the first with all below zero."""
    bins = [0] * HISTOGRAM_BINS
    for total in totals:
        place = int(total / max_points * HISTOGRAM_BINS + 1e-9) if max_points else 0
        bins[min(max(place, 0), HISTOGRAM_BINS - 1)] += 1
    return tuple(bins)
