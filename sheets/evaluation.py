"""The key of another maker's sheet: OMRChecker's ``evaluation.json``, as far as a question can be scored by itself.

Points that depend on other questions (streaks), on the answer (weights) or on there being none (``unmarked``) are
refused by name: scored as something else they would be wrong without anybody noticing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sheets.template import BadTemplate, expand_labels

DEFAULT_SCHEME: Final = "DEFAULT"
BONUS_PREFIX: Final = "BONUS"
MAX_POINTS: Final = 999
MAX_ANSWERS: Final = 20
MAX_SCHEMES: Final = 100
_SCORE: Final = re.compile(r"(-?\d{1,4}(?:\.\d{1,4})?)(?:/(\d{1,4}))?")
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class KeyedLabel:
    """How one field is scored. ``penalty``: points off for a wrong answer; ``is_bonus``: everybody gets the points."""

    label: str
    accepted: tuple[str, ...]
    points: Decimal
    penalty: Decimal
    is_bonus: bool = False


@dataclass(frozen=True, slots=True)
class _Scheme:
    points: Decimal
    penalty: Decimal
    is_bonus: bool


def parse_evaluation(evaluation: Mapping[str, object]) -> tuple[KeyedLabel, ...]:
    """What ``evaluation`` says of each field, in its order. Raises ``BadTemplate`` with the place that is wrong."""
    if evaluation.get("source_type") != "custom":
        raise BadTemplate("source_type: only custom can be used; paste the answers of a CSV file as the exam's key")
    options = _mapping(evaluation.get("options"), "options")
    labels = expand_labels(options.get("questions_in_order"), "questions_in_order")
    answers = options.get("answers_in_order")
    if not isinstance(answers, list) or len(answers) != len(labels):
        raise BadTemplate(
            f"answers_in_order: expected a list of {len(labels)} answers, as there are questions_in_order"
        )
    if len(set(labels)) != len(labels):
        raise BadTemplate("questions_in_order: a question is there twice")
    default, sections = _schemes(_mapping(evaluation.get("marking_schemes"), "marking_schemes"))
    if unknown := sorted(sections.keys() - set(labels)):
        raise BadTemplate(f"marking_schemes: {unknown[0]!r} is not among questions_in_order")
    keyed = []
    for label, answer in zip(labels, answers, strict=True):
        scheme = sections.get(label, default)
        accepted = _accepted(answer, f"answers_in_order, {label}")
        keyed.append(KeyedLabel(label, accepted, scheme.points, scheme.penalty, scheme.is_bonus))
    return tuple(keyed)


def _schemes(raw: Mapping[str, object]) -> tuple[_Scheme, dict[str, _Scheme]]:
    """The scheme of all, and those of the questions that a section names."""
    if DEFAULT_SCHEME not in raw or len(raw) > MAX_SCHEMES:
        raise BadTemplate(f"marking_schemes: {DEFAULT_SCHEME} is missing, or there are more than {MAX_SCHEMES}")
    found: dict[str, _Scheme] = {}
    for name, scheme in raw.items():
        if name == DEFAULT_SCHEME:
            continue
        section = _mapping(scheme, f"marking_schemes.{name[:60]}")
        named = section.get("questions")
        parsed = _scheme(section.get("marking"), name)
        for label in expand_labels([named] if isinstance(named, str) else named, f"marking_schemes.{name[:60]}"):
            if label in found:
                raise BadTemplate(f"marking_schemes: {label!r} is in two sections")
            found[label] = parsed
    return _scheme(raw[DEFAULT_SCHEME], DEFAULT_SCHEME), found


def _scheme(raw: object, name: str) -> _Scheme:
    where = f"marking_schemes.{name[:60]}"
    marking = _mapping(raw, where)
    correct, incorrect, unmarked = (
        _score(marking.get(verdict), f"{where}.{verdict}") for verdict in ("correct", "incorrect", "unmarked")
    )
    is_bonus = name.startswith(BONUS_PREFIX)
    if correct < 0:
        raise BadTemplate(f"{where}.correct: a right answer cannot cost points")
    if not is_bonus and (incorrect > 0 or unmarked != 0):
        raise BadTemplate(f"{where}: points for wrong answers, or for none, are not supported")
    return _Scheme(correct, max(-incorrect, Decimal(0)), is_bonus)


def _score(raw: object, where: str) -> Decimal:
    """A number, or a fraction such as ``-1/3``, to hundredths."""
    match = None if isinstance(raw, bool | list) else _SCORE.fullmatch(str(raw))
    if match is None or (match[2] is not None and int(match[2]) == 0):
        raise BadTemplate(f"{where}: expected a number or a fraction; points that grow with a streak are not supported")
    value = Fraction(match[1]) / int(match[2] or 1)
    if abs(value) > MAX_POINTS:
        raise BadTemplate(f"{where}: more than {MAX_POINTS} points")
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(_CENT)


def _accepted(raw: object, where: str) -> tuple[str, ...]:
    """One answer, or several of which each is right."""
    listed = raw if isinstance(raw, list) else [raw]
    if not 1 <= len(listed) <= MAX_ANSWERS:
        raise BadTemplate(f"{where}: expected 1 to {MAX_ANSWERS} answers")
    if any(isinstance(answer, list) for answer in listed):
        raise BadTemplate(f"{where}: answers with points of their own are not supported")
    if not all(isinstance(answer, str) and 0 < len(answer) <= 80 for answer in listed):
        raise BadTemplate(f"{where}: expected a text")
    return tuple(str(answer) for answer in listed)


def _mapping(raw: object, where: str) -> Mapping[str, object]:
    if not isinstance(raw, Mapping) or not all(isinstance(key, str) for key in raw):
        raise BadTemplate(f"{where}: expected an object")
    return raw
