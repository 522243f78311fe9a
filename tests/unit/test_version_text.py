"""The order of a version as teachers write it."""

from __future__ import annotations

import pytest
from django.utils import translation

from academy.http.errors import Invalid
from apps.exams.admin.version_text import read_version, version_as_text
from apps.exams.versions import check_versions
from sheets.layout import Choices, Numbers, design_layout

LAYOUT = design_layout(groups=(Choices(4, 5), Numbers(1)), version_count=2)
FIELDS = list(LAYOUT.questions)


def test_what_is_empty_is_the_same_order() -> None:
    assert read_version("B", "", " \n", FIELDS) == {"questions": {}, "choices": {}}
    assert read_version("B", "1 2 3 4 5", "", FIELDS) == {"questions": {}, "choices": {}}


@pytest.mark.parametrize("order", ["2 1 3 4 5", "2, 1, 3, 4, 5", "２ １ ３ ４ ５", "② ① ③ ④ ⑤"])
def test_questions_are_numbers_in_the_order_of_the_print(order: str) -> None:
    assert read_version("B", order, "", FIELDS)["questions"] == {"q1": "q2", "q2": "q1"}


def test_choices_are_of_one_question_or_of_all() -> None:
    one = read_version("B", "", "3번: 2 1 3 4 5", FIELDS)["choices"]
    assert one == {"q3": {"1": "2", "2": "1", "3": "3", "4": "4", "5": "5"}}
    every = read_version("B", "", "5 4 3 2 1\n1: 1 2 3 4 5", FIELDS)["choices"]
    assert set(every) == {"q1", "q2", "q3", "q4"}
    assert every["q1"]["1"] == "1"
    assert every["q2"]["1"] == "5"


def test_what_was_read_is_written_and_read_the_same() -> None:
    version = read_version("B", "3 1 2 4 5", "2 3 1 5 4", FIELDS)
    check_versions({"B": version}, LAYOUT)
    assert read_version("B", *version_as_text(version, FIELDS), FIELDS) == version


@pytest.mark.parametrize(
    ("order", "choices"),
    [("1 2 3", ""), ("1 1 2 3 4", ""), ("1 2 3 4 6", ""), ("", "1: 1 2 3"), ("", "1: 1 1 2 3 4"), ("", "9: 1 2 3 4 5"),
     ("", "5: 1 2 3 4 5"), ("", "1 2 3 4"), ("x" * 2_000, ""), ("", "가나다"), ("", ":")],
)  # fmt: skip
def test_what_is_no_order_is_refused_by_its_version(order: str, choices: str) -> None:
    with translation.override("ko"), pytest.raises(Invalid) as refused:
        read_version("B", order, choices, FIELDS)
    assert refused.value.message.startswith("B형:")
