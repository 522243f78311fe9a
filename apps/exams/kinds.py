"""The kinds of question, and what can become of one."""

from __future__ import annotations

from enum import StrEnum


class QuestionKind(StrEnum):
    SINGLE = "single"
    SEVERAL = "several"
    NUMERIC = "numeric"
    ESSAY = "essay"


class Cancellation(StrEnum):
    """What becomes of a question that turned out to be faulty."""

    NONE = ""
    ALL_RIGHT = "all_right"  # everybody gets its points
    NOT_COUNTED = "not_counted"  # nobody does, and they cannot be reached either
