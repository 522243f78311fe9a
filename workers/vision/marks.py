"""From ink to answers: which bubbles of a field are marked, and how sure that is.

Each bubble has a probability of being meant. Those of a row together make the row's: of every outcome (none, this one,
these two) the likeliest is the answer, its probability the confidence; below ``SURE`` a person is asked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sheets.layout import DIGITS, SIGNS, ChoiceField, DigitsField, LayoutPage, NumericField, VersionField
from sheets.reading import FieldReading, FieldStatus
from workers.vision.ink import BubbleInk, median_of
from workers.vision.mark_features import MIN_FILL, TRACE_NOISE, describe_bubbles
from workers.vision.mark_model import load_model
from workers.vision.plan import PagePlan

Floats = NDArray[np.float32]

SURE: Final = 0.985
"""Of an answer: below, a person is asked. ``python -m benchmarks.omr`` prints how often those above are right."""
SURE_PLACE: Final = 0.98
"""Of a place of a number that is the answer."""
SURE_SEVERAL: Final = 0.997
"""Where several may be meant no other mark of the row tells that a pale one is none."""
SURE_DIGIT: Final = 0.99
"""Of the student number and the version: a wrong one is someone else's sheet."""
FAINT_SHARE: Final = 0.25
"""Of the usual fill: a faint hand lowers the floor below which nothing is a mark."""
DOUBT_LOG_ODDS: Final = -0.85
"""0.3, a question: at most for a bubble below the floor, which is never an answer; at least for one that has nearly as
much ink as a usual mark, or a tick's, and is as dark: one under a line through the whole row, or beside a full mark."""
LIKE_FILL: Final = 0.6
TICK_FILL: Final = 0.2
LIKE_DARK: Final = 0.75
MAX_CONFIDENCE: Final = 0.9995
UNTRUSTED: Final = 0.5
"""At most, where the print was not found."""
MIN_OUTLINE: Final = 0.45
"""Of the page's usual outline: where a row's is paler, glare has taken the marks with it (up to 0.35; elsewhere, in
photos with curl and shadow too, rows have 0.67 and more)."""
UNCLEAR: Final = "?"


class _Verdict(NamedTuple):
    chosen: tuple[int, ...]
    status: FieldStatus
    confidence: float


@dataclass(frozen=True, slots=True)
class PageMarks:
    """What was marked on a page: its questions in printed order, the student number and the version's row."""

    questions: tuple[FieldReading, ...]
    student_number: FieldReading | None
    version: FieldReading | None


def read_marks(page: LayoutPage, ink: BubbleInk, plan: PagePlan, is_trusted: NDArray[np.bool_]) -> PageMarks:
    """Everything that is marked on ``page``.

    ``ink`` is measured in the order of its ``plan``, (N,); ``is_trusted`` (N,) is False where the print was not found:
    there, and where the print is too pale, a field is never better than unsure.
    """
    features = describe_bubbles(ink, plan)
    log_odds = load_model().log_odds(features)
    usual_fill = features[:, -1]
    floor = np.maximum(np.minimum(MIN_FILL, FAINT_SHARE * usual_fill), TRACE_NOISE * ink.noise)
    log_odds = np.where(ink.fill < floor, np.minimum(log_odds, DOUBT_LOG_ODDS), log_odds)
    is_like_a_mark = ink.fill >= np.minimum(TICK_FILL, LIKE_FILL * usual_fill)
    is_like_a_mark &= ink.dark >= LIKE_DARK * features[:, -2]
    log_odds = np.where(is_like_a_mark, np.maximum(log_odds, DOUBT_LOG_ODDS), log_odds)
    return decide_fields(page, log_odds, ink.fill, is_trusted & ~_glaring_bubbles(ink, plan))


def _glaring_bubbles(ink: BubbleInk, plan: PagePlan) -> NDArray[np.bool_]:
    """Whether each bubble's row is one whose print is so pale that a mark would be too, (N,)."""
    levels = np.empty_like(ink.outline)
    for members, _ in plan.rows:
        levels[members] = np.median(ink.outline[members], axis=1, keepdims=True)
    return levels < MIN_OUTLINE * median_of(levels[plan.row_starts])


def decide_fields(page: LayoutPage, log_odds: Floats, fill: Floats, is_trusted: NDArray[np.bool_]) -> PageMarks:
    """As :func:`read_marks`, from the logarithm of each bubble's odds of being meant and its ink, each (N,)."""
    # log(1 + e^-|x|) is what the likelier side of each bubble costs
    costs = np.logaddexp(0.0, -np.abs(log_odds.astype(np.float64))).tolist()
    odds, trust, inks = log_odds.tolist(), is_trusted.tolist(), np.clip(fill, 0.0, 1.0).tolist()
    questions: list[FieldReading] = []
    number = version = None
    start = 0
    for field in page.bubble_fields:
        sure = SURE_DIGIT if isinstance(field, DigitsField | VersionField) else SURE
        if isinstance(field, NumericField):
            sure = SURE_PLACE
        elif isinstance(field, ChoiceField) and field.has_several:
            sure = SURE_SEVERAL
        first = start
        verdicts: list[_Verdict] = []
        for column in field.columns:
            end = start + len(column)
            verdicts.append(_decide(odds[start:end], sum(costs[start:end]), all(trust[start:end]), sure))
            start = end
        if isinstance(field, ChoiceField) and field.has_several:
            verdicts = [_several(verdict) for verdict in verdicts]
        shown = tuple(inks[first:start])
        if isinstance(field, NumericField):
            questions.append(_numeric(field, verdicts, shown))
        elif isinstance(field, DigitsField):
            number = _number(field.label, verdicts, shown)
        elif isinstance(field, VersionField):
            version = _choice(field.label, field.choices, verdicts[0], shown)
        else:
            questions.append(_choice(field.label, field.choices, verdicts[0], shown))
    return PageMarks(tuple(questions), number, version)


def _decide(log_odds: Sequence[float], cost: float, is_trusted: bool, sure: float) -> _Verdict:
    """Which of one row's bubbles are meant, from the logarithm of each one's odds and what they cost together."""
    marked = tuple(index for index, odds in enumerate(log_odds) if odds > 0)
    status = (FieldStatus.BLANK, FieldStatus.OK)[len(marked)] if len(marked) < 2 else FieldStatus.MULTIPLE
    confidence = min(math.exp(-cost), MAX_CONFIDENCE if is_trusted else UNTRUSTED)
    return _Verdict(marked, status if confidence >= sure else FieldStatus.UNSURE, confidence)


def _several(verdict: _Verdict) -> _Verdict:
    """Where any number of bubbles may be meant, several are one answer."""
    if verdict.status is FieldStatus.MULTIPLE:
        return _Verdict(verdict.chosen, FieldStatus.OK, verdict.confidence)
    return verdict


def _choice(label: str, choices: tuple[str, ...], verdict: _Verdict, ink: tuple[float, ...]) -> FieldReading:
    values = tuple(choices[index] for index in verdict.chosen)
    return FieldReading(label, values, verdict.status, verdict.confidence, ink)


def _number(label: str, verdicts: Sequence[_Verdict], ink: tuple[float, ...]) -> FieldReading:
    digits = "".join(DIGITS[v.chosen[0]] if v.status is FieldStatus.OK else UNCLEAR for v in verdicts)
    confidence = math.prod(verdict.confidence for verdict in verdicts)
    places = tuple(verdict.status for verdict in verdicts)
    if all(status is FieldStatus.OK for status in places):
        status = FieldStatus.OK
    elif all(status is FieldStatus.BLANK for status in places):
        status = FieldStatus.BLANK
    else:
        status = FieldStatus.UNSURE
    return FieldReading(label, (digits,), status, confidence, ink, places)


def _numeric(field: NumericField, verdicts: Sequence[_Verdict], ink: tuple[float, ...]) -> FieldReading:
    """A numeric answer: blank places before it (and after its decimals) are no digits, any other blank is a doubt."""
    places = tuple(verdict.status for verdict in verdicts)
    confidence = math.prod(verdict.confidence for verdict in verdicts)
    if all(status is FieldStatus.BLANK for status in places):
        return FieldReading(field.label, (), FieldStatus.BLANK, confidence, ink, places)
    sign, digits = ("", list(verdicts))
    if field.has_sign:
        sign = UNCLEAR
        if verdicts[0].status in (FieldStatus.OK, FieldStatus.BLANK):
            sign = "-" if verdicts[0].chosen == (SIGNS.index("-"),) else ""
        digits = digits[1:]
    whole, after = digits[: field.whole_places], digits[field.whole_places :]
    text = sign + (_digits_from_right(whole) or UNCLEAR)
    if field.decimals:
        decimals = _digits_from_right(after[::-1])[::-1]
        # .5 is a number too
        text = (
            sign + (_digits_from_right(whole) or ("0" if decimals else UNCLEAR)) + (f".{decimals}" if decimals else "")
        )
    elif field.denominator:
        below = _digits_from_right(after)
        text += f"/{below}" if below else ""
    if UNCLEAR not in text:
        status = FieldStatus.OK
    elif FieldStatus.MULTIPLE in places and FieldStatus.UNSURE not in places:
        status = FieldStatus.MULTIPLE
    else:
        status, confidence = FieldStatus.UNSURE, min(confidence, 0.5)
    return FieldReading(field.label, (text,), status, confidence, ink, places)


def _digits_from_right(verdicts: Sequence[_Verdict]) -> str:
    """The digits of a whole number, without the blank places on its left; a blank further right is unclear."""
    digits = ""
    for verdict in verdicts:
        if verdict.status is FieldStatus.OK:
            digits += DIGITS[verdict.chosen[0]]
        elif digits or verdict.status is not FieldStatus.BLANK:
            digits += UNCLEAR
    return digits
