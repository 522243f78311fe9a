"""The one definition of an answer sheet: where everything is, in millimetres from the paper's top left corner.

A :class:`Layout` is immutable and fingerprinted. The renderer draws it, the reader samples it, the scorer takes
its labels; none of them knows a position that is not in here. :func:`design_layout` makes one from "40 questions
of 5 choices" or from a list of groups of questions.
"""

from __future__ import annotations

from sheets.definition import MAX_QUESTIONS, Layout
from sheets.design import design_layout
from sheets.fields import (
    A4,
    DIGITS,
    LETTER,
    SIGNS,
    STUDENT_NUMBER,
    VERSION,
    VERSIONS,
    Box,
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Field,
    LayoutPage,
    Markers,
    NumericField,
    Paper,
    Point,
    VersionField,
)
from sheets.groups import Choices, Essays, Group, Numbers
from sheets.wire import FIRST_SCHEMA, LATEST_SCHEMA

__all__ = [
    "A4",
    "DIGITS",
    "FIRST_SCHEMA",
    "LATEST_SCHEMA",
    "LETTER",
    "MAX_QUESTIONS",
    "SIGNS",
    "STUDENT_NUMBER",
    "VERSION",
    "VERSIONS",
    "Box",
    "BubbleShape",
    "ChoiceField",
    "Choices",
    "DigitsField",
    "EssayField",
    "Essays",
    "Field",
    "Group",
    "Layout",
    "LayoutPage",
    "Markers",
    "Numbers",
    "NumericField",
    "Paper",
    "Point",
    "VersionField",
    "design_layout",
]
