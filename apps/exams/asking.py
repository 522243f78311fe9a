"""What of a page a person is asked: only what could change a score, or whose page it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apps.exams.models import Match, Scan
from apps.exams.scoring import Outcome, SheetScore


class Ask(StrEnum):
    ANSWER = "answer"  # what was meant, of a question that is scored
    ESSAY = "essay"  # its points
    VERSION = "version"  # which version of the exam it is
    STUDENT = "student"  # whose page it is
    DUPLICATE = "duplicate"  # which of two sheets that contradict each other counts
    PAGE_FAILED = "page_failed"  # it could not be read
    OBJECTION = "objection"  # whether a student is right who says that something was read wrong


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing a person is asked. ``label`` as printed, "" for what concerns the page; ``question`` the key's."""

    kind: Ask
    label: str = ""
    question: str = ""


NOBODYS: Final = frozenset({Match.NUMBER_UNREADABLE, Match.NUMBER_UNKNOWN, Match.NUMBER_CONTRADICTS, Match.NO_NUMBER})
"""Pages that nobody is known to have written."""


def asked_of(scan: Scan, score: SheetScore, keyed: Collection[str]) -> list[Asked]:
    """What is asked of a page that was read and scores like this; ``keyed``: the questions that are scored."""
    if scan.match == Match.SET_ASIDE:
        return []
    if scan.match == Match.DUPLICATE:  # nothing on it can change a score unless it is the one that should count
        return [Asked(Ask.DUPLICATE)] if scan.is_disputed and keyed else []
    asked = [Asked(Ask.STUDENT)] if scan.match in NOBODYS else []
    answers = [answer for answer in score.answers if answer.question in keyed]
    if any(answer.outcome is Outcome.NO_VERSION for answer in answers):
        return [*asked, Asked(Ask.VERSION)]
    kinds = {Outcome.UNSURE: Ask.ANSWER, Outcome.AWAITED: Ask.ESSAY}
    return asked + [
        Asked(kinds[answer.outcome], answer.label, answer.question) for answer in answers if answer.outcome in kinds
    ]
