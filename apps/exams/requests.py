"""What a request for a new exam asks for, in the words of the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from apps.exams.kinds import QuestionKind
from apps.exams.serializers import PAPERS
from apps.exams.services import ScoringWish
from sheets.layout import Choices, Essays, Group, Numbers

_SCORING: Final = ("answers", "partial", "as_written", "cancelled")


def wished_exam(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of ``services.create_exam`` in validated data. Points by label go before those of a group."""
    groups = asked.get("groups") or []
    wish = ScoringWish(
        **{name: asked[name] for name in _SCORING},
        points=_of_each(groups, "points") | asked["points"],
        penalties=_of_each(groups, "penalty") | asked["penalties"],
        versions=asked.get("versions"),
    )
    return {
        "title": asked["title"],
        "question_count": asked.get("question_count"),
        "choice_count": asked["choice_count"],
        "groups": [_group(group) for group in groups],
        "number_digits": asked["number_digits"],
        "version_count": asked["version_count"],
        "is_large_print": asked["is_large_print"],
        "paper": PAPERS[asked["paper"]],
        "course": asked["course"],
        "scoring": wish,
    }


def _group(asked: Mapping[str, Any]) -> Group:
    if asked["kind"] == QuestionKind.NUMERIC:
        sizes = {name: asked[name] for name in ("count", "digits", "has_sign", "decimals", "denominator")}
        return Numbers(**sizes)
    if asked["kind"] == QuestionKind.ESSAY:
        return Essays(asked["count"], asked["lines"])
    return Choices(asked["count"], asked["choices"], asked["kind"] == QuestionKind.SEVERAL)


def _of_each(groups: list[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """What each group says of all its questions, by the label that the design gives them."""
    values: dict[str, Any] = {}
    first = 1
    for group in groups:
        if name in group:
            values |= {f"q{number}": group[name] for number in range(first, first + group["count"])}
        first += group["count"]
    return values
