"""From ink to answers: which bubbles of a field are marked, and how sure that is.

A bubble's ``strength`` is the geometric mean of two ratios: its ink to the ink of this person's usual mark, and its
darkest part to the darkest part of that mark. A tick has little ink but as dark as usual, an erasure covers the bubble
but is pale, a stray stroke is dark but thin: only the product tells them from marks, whatever the pen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sheets.layout import DIGITS, SIGNS, ChoiceField, DigitsField, LayoutPage, NumericField, VersionField
from sheets.reading import FieldReading, FieldStatus
from workers.vision.ink import BubbleInk

Floats = NDArray[np.float32]

MARK_STRENGTH: Final = 0.45
"""At or above: a mark. Of generated marks in phone photos only slashes and faint ticks lie below (99 % of full marks
are above 0.7); erasures reach 0.36, stray strokes 0.37."""
TRACE_STRENGTH: Final = 0.25
"""Below: nothing meant. Between the two nobody can tell without the person's other marks: unsure."""
SECOND_STRENGTH: Final = 0.35
"""A trace beside a clear mark is usually what an eraser left; from here on the question goes to a person."""
CLEAR_STRENGTH: Final = 0.6
"""A second mark is as strong as this person's others; paler, it may be a stray's end or a bad erasure: unsure."""
THIN_DARK: Final = 0.6
THIN_FILL: Final = 0.1
FAINT_SHARE: Final = 0.25
"""Of the usual fill: a faint hand lowers the floor below which nothing is a mark."""
UNSURE_STRENGTH: Final = 0.36
MIN_FILL: Final = 0.02
"""Five times the spread of blank bubbles in clean photos; nothing paler is ever a mark."""
TRACE_NOISE: Final = 3.0
MARK_NOISE: Final = 5.0
"""In units of the page's own noise: below the first nothing, between the two unsure at best."""
MIN_LEVEL_CHOICES: Final = 4
NOISE_OF_MEDIAN: Final = 1.85
"""1.25 standard deviations, as ``BubbleInk.noise`` counts, in median absolute deviations."""
MAX_LEVEL: Final = 0.04
"""Blank bubbles vary by so much over a blurred photo; more than that in a whole field is ink."""
CROSSING_SHARE: Final = 0.12
"""Ink on two opposite sides outside a bubble, over the usual darkness, from which a line runs through it."""
CROSSED_FILL: Final = 0.65
CROSSED_FACTOR: Final = 0.6
CROSSED_DOUBT: Final = 0.48
EDGE_SHARE: Final = 0.3
"""Ink on the outline, over the usual fill, from which an empty field is looked at by a person."""
EDGE_NOISE: Final = 6.0
MIN_EDGE: Final = 0.05
PLAUSIBLE_DARK: Final = 0.12
USUAL_FILL: Final = 0.4
USUAL_DARK: Final = 0.6
"""A middling pencil: what a mark is taken to be on a page with hardly any."""
USUAL_WEIGHT: Final = 2.0
DIGIT_MARGIN: Final = 0.1
"""How much clearer a digit must be than an answer: a wrong number is someone else's sheet."""
STEEPNESS: Final = 9.0
"""Slope of the odds in log strength, chosen so that answers stated at 0.97 are right in 0.995 of phone photos and
those at 0.999 in 0.9999 (``python -m benchmarks.omr`` prints both)."""
MAX_CONFIDENCE: Final = 0.9995
SEVERAL_TRACE: Final = 0.12
"""Where several marks are meant, what may be a pale one is asked about from here on: no mark beside it tells."""
SEVERAL_CLEAR: Final = 0.5
"""And up to here: erasures reach 0.36. Asking up to ``CLEAR_STRENGTH`` doubled the doubts and found no wrong answer."""
PLACE_MARGIN: Final = 0.04
"""As ``DIGIT_MARGIN``, for a place of a numeric answer: a wrong one costs an answer, not a sheet."""
UNCLEAR: Final = "?"


@dataclass(frozen=True, slots=True)
class UsualMark:
    """What one person's mark looks like on this page."""

    fill: float
    dark: float


@dataclass(frozen=True, slots=True)
class _Verdict:
    chosen: tuple[int, ...]
    status: FieldStatus
    confidence: float


@dataclass(frozen=True, slots=True)
class PageMarks:
    """What was marked on a page: its questions in printed order, the student number and the version's row."""

    questions: tuple[FieldReading, ...]
    student_number: FieldReading | None
    version: FieldReading | None


def read_fields(page: LayoutPage, ink: BubbleInk, is_trusted: NDArray[np.bool_]) -> PageMarks:
    """Everything that is marked on ``page``.

    ``ink`` is measured in the page's bubble order (N,); ``is_trusted`` (N,) is False where the print was not found:
    there a field is never better than unsure.
    """
    columns = _columns(page)
    # where several may be marked the median of a row may be a mark, so such rows are left as they are
    lone = [
        column
        for field, found in zip(page.bubble_fields, columns, strict=True)
        if not (isinstance(field, ChoiceField) and field.has_several)
        for column in found
    ]
    ink = level_rows(ink, lone)
    answered: list[slice] = []
    printed: list[slice] = []
    for field, found in zip(page.bubble_fields, columns, strict=True):
        # the number and the version may be inked by the printer: what a person's mark is like, answers tell
        (printed if isinstance(field, DigitsField | VersionField) else answered).extend(found)
    usual = usual_mark(ink, answered, UsualMark(USUAL_FILL, USUAL_DARK))
    of_answers = _PageMarks(ink, usual, is_trusted)
    of_print = _PageMarks(ink, usual_mark(ink, printed, usual), is_trusted) if printed else of_answers
    questions: list[FieldReading] = []
    number = version = None
    for field, found in zip(page.bubble_fields, columns, strict=True):
        if isinstance(field, ChoiceField):
            decide = of_answers.several if field.has_several else of_answers.single
            questions.append(_choice(field.label, field.choices, decide(found[0], 0.0), ink, found))
        elif isinstance(field, NumericField):
            verdicts = [of_answers.single(column, PLACE_MARGIN) for column in found]
            questions.append(_numeric(field, verdicts, _shown(ink, found)))
        elif isinstance(field, VersionField):
            version = _choice(field.label, field.choices, of_print.single(found[0], DIGIT_MARGIN), ink, found)
        else:
            number = _number(
                field.label, [of_print.single(column, DIGIT_MARGIN) for column in found], _shown(ink, found)
            )
    return PageMarks(tuple(questions), number, version)


def _columns(page: LayoutPage) -> list[list[slice]]:
    """For each field of the page its columns (or its one row) as slices of the page's bubbles."""
    columns: list[list[slice]] = []
    start = 0
    for field in page.bubble_fields:
        columns.append([])
        for column in field.columns:
            columns[-1].append(slice(start, start + len(column)))
            start += len(column)
    return columns


class _PageMarks:
    """Strengths of all bubbles of a page, against one idea of what a mark looks like."""

    def __init__(self, ink: BubbleInk, usual: UsualMark, is_trusted: NDArray[np.bool_]) -> None:
        self.strengths = mark_strengths(ink, usual)
        self.is_crossed = crossed_bubbles(ink, usual)
        self.is_trusted = is_trusted

    def single(self, row: slice, margin: float) -> _Verdict:
        return _decide(self.strengths[row], self.is_crossed[row], bool(self.is_trusted[row].all()), margin)

    def several(self, row: slice, margin: float) -> _Verdict:
        is_trusted = bool(self.is_trusted[row].all())
        return _decide_several(self.strengths[row], self.is_crossed[row], is_trusted, margin)


def level_rows(ink: BubbleInk, rows: Sequence[slice]) -> BubbleInk:
    """``ink`` with each field's own blank level taken away: blur, curl and glare differ from place to place.

    Only where a field has enough bubbles for its median to be a blank.
    """
    fill, edge = ink.fill.copy(), ink.edge.copy()
    levelled: list[NDArray[np.intp]] = []
    for width in {row.stop - row.start for row in rows}:
        if width < MIN_LEVEL_CHOICES:
            continue
        members = np.array([row.start for row in rows if row.stop - row.start == width])[:, None] + np.arange(width)
        fill[members] -= np.clip(np.median(fill[members], axis=1, keepdims=True), -MAX_LEVEL, MAX_LEVEL)
        edge[members] -= np.clip(np.median(edge[members], axis=1, keepdims=True), -2 * MAX_LEVEL, MAX_LEVEL)
        levelled.append(members.ravel())
    if not levelled:
        return ink
    # most bubbles are blank, so the median deviation is theirs
    spread = NOISE_OF_MEDIAN * float(np.median(np.abs(fill[np.concatenate(levelled)])))
    return replace(ink, fill=fill, edge=edge, noise=min(ink.noise, spread))


def usual_mark(ink: BubbleInk, rows: Sequence[slice], prior: UsualMark) -> UsualMark:
    """The median of the darkest bubbles of ``rows``, drawn towards ``prior`` where only few rows are marked."""
    best = np.array([row.start + int(np.argmax(ink.fill[row])) for row in rows], np.intp)
    floor = max(MIN_FILL, TRACE_NOISE * ink.noise)
    plausible = best[(ink.fill[best] > floor) & (ink.dark[best] > PLAUSIBLE_DARK)]
    if len(plausible) == 0:
        return prior
    count = len(plausible)
    fill, dark = float(np.median(ink.fill[plausible])), float(np.median(ink.dark[plausible]))
    weight = count + USUAL_WEIGHT
    return UsualMark(
        (count * fill + USUAL_WEIGHT * prior.fill) / weight, (count * dark + USUAL_WEIGHT * prior.dark) / weight
    )


def mark_strengths(ink: BubbleInk, usual: UsualMark) -> Floats:
    """How like a mark each bubble is, (N,): 0 nothing, 1 this person's usual mark."""
    product = np.clip(ink.fill, 0, None) / usual.fill * np.clip(ink.dark, 0, None) / usual.dark
    strengths = np.sqrt(product)
    is_crossed = crossed_bubbles(ink, usual)
    is_on_edge = ink.edge > max(EDGE_SHARE * usual.fill, EDGE_NOISE * ink.edge_noise, MIN_EDGE)
    strengths = np.where(ink.fill < MARK_NOISE * ink.noise, np.minimum(strengths, UNSURE_STRENGTH), strengths)
    floor = max(min(MIN_FILL, FAINT_SHARE * usual.fill), TRACE_NOISE * ink.noise)
    strengths = np.where(ink.fill < floor, np.minimum(strengths, 0.1), strengths)
    # too little ink for a mark but as dark as one: a slash, or a line that ends here; erasures are pale
    is_thin = (ink.dark > THIN_DARK * usual.dark) & (ink.fill > max(THIN_FILL * usual.fill, floor)) & ~is_crossed
    strengths = np.where(is_thin, np.maximum(strengths, UNSURE_STRENGTH), strengths)
    # ink on the outline and none inside is a mark that missed, or a line beside it
    strengths = np.where(is_on_edge & ~is_crossed & (strengths < TRACE_STRENGTH), UNSURE_STRENGTH, strengths)
    return strengths.astype(np.float32)


def crossed_bubbles(ink: BubbleInk, usual: UsualMark) -> NDArray[np.bool_]:
    """Whether a line seems to run through each bubble rather than to mark it, (N,)."""
    is_line: NDArray[np.bool_] = ink.crossing > CROSSING_SHARE * usual.dark
    return is_line & (ink.fill < CROSSED_FILL * usual.fill)


def _decide(strengths: Floats, is_crossed: NDArray[np.bool_], is_trusted: bool, margin: float) -> _Verdict:
    """Which of one field's bubbles are marked. ``margin`` widens what counts as unsure on both sides."""
    if is_crossed.any():
        has_clear = bool((strengths[~is_crossed] >= CLEAR_STRENGTH).any())
        doubted = np.minimum(strengths, UNSURE_STRENGTH)
        if has_clear:
            # a thin line beside a clear mark is a stray; a cross might be a second mark, or cancel one
            doubted = np.where(strengths >= CROSSED_DOUBT, doubted, CROSSED_FACTOR * strengths)
        strengths = np.where(is_crossed, doubted, strengths)
    order = np.argsort(-strengths)
    first, second = int(order[0]), int(order[1])
    one, two = float(strengths[first]), float(strengths[second])
    is_mark, is_other = _odds(one, UNSURE_STRENGTH), _odds(two, MARK_STRENGTH)
    marked = tuple(int(index) for index in np.flatnonzero(strengths >= MARK_STRENGTH))
    if one < TRACE_STRENGTH - margin / 2:
        verdict = _Verdict((), FieldStatus.BLANK, 1 - is_mark)
    elif one < MARK_STRENGTH + margin:
        verdict = _Verdict((first,) if one >= MARK_STRENGTH else (), FieldStatus.UNSURE, max(is_mark, 1 - is_mark) / 2)
    elif two < SECOND_STRENGTH - margin / 2:
        verdict = _Verdict((first,), FieldStatus.OK, is_mark * (1 - is_other))
    elif len(marked) > 1 and two >= CLEAR_STRENGTH + margin:
        verdict = _Verdict(marked, FieldStatus.MULTIPLE, is_mark * is_other)
    else:
        verdict = _Verdict(marked or (first,), FieldStatus.UNSURE, max(is_other, 1 - is_other) * is_mark)
    if is_trusted:
        return _Verdict(verdict.chosen, verdict.status, min(verdict.confidence, MAX_CONFIDENCE))
    return _Verdict(verdict.chosen, FieldStatus.UNSURE, min(verdict.confidence, 0.5))


def _decide_several(strengths: Floats, is_crossed: NDArray[np.bool_], is_trusted: bool, margin: float) -> _Verdict:
    """As :func:`_decide` where any number of bubbles may be meant: each is judged for itself, and all must be clear."""
    strengths = np.where(is_crossed, np.minimum(strengths, UNSURE_STRENGTH), strengths)
    best = float(strengths.max())
    marked = tuple(int(index) for index in np.flatnonzero(strengths >= MARK_STRENGTH))
    if best < TRACE_STRENGTH - margin / 2:
        verdict = _Verdict((), FieldStatus.BLANK, 1 - _odds(best, UNSURE_STRENGTH))
    else:
        chances = [_odds(float(strength), MARK_STRENGTH) for strength in strengths]
        confidence = math.prod(max(chance, 1 - chance) for chance in chances)
        # a second mark is as good an answer as the first, so it has to be as clear
        is_doubtful = (strengths >= SEVERAL_TRACE - margin / 2) & (strengths < SEVERAL_CLEAR + margin)
        has_one = len(marked) == 1 and not is_doubtful[np.arange(len(strengths)) != marked[0]].any()
        is_sure = not is_doubtful.any() or (has_one and best >= MARK_STRENGTH + margin)
        verdict = _Verdict(marked, FieldStatus.OK if is_sure and marked else FieldStatus.UNSURE, confidence)
    if is_trusted:
        return _Verdict(verdict.chosen, verdict.status, min(verdict.confidence, MAX_CONFIDENCE))
    return _Verdict(verdict.chosen, FieldStatus.UNSURE, min(verdict.confidence, 0.5))


def _odds(strength: float, even: float) -> float:
    """The probability that a bubble of ``strength`` is meant as a mark, one half at ``even``."""
    return 1 / (1 + math.exp(-STEEPNESS * math.log(max(strength, 0.01) / even)))


def _choice(
    label: str, choices: tuple[str, ...], verdict: _Verdict, ink: BubbleInk, columns: Sequence[slice]
) -> FieldReading:
    values = tuple(choices[index] for index in verdict.chosen)
    return FieldReading(label, values, verdict.status, verdict.confidence, _shown(ink, columns))


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


def _shown(ink: BubbleInk, columns: Sequence[slice]) -> tuple[float, ...]:
    fill = ink.fill[columns[0].start : columns[-1].stop]
    return tuple(float(value) for value in np.clip(fill, 0.0, 1.0))
