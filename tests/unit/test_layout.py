"""An answer sheet's layout: designed, written as JSON, read back, refused when it is wrong."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets.layout import A4, LETTER, Layout, Paper, design_layout

designs = st.builds(
    design_layout,
    question_count=st.integers(1, 200),
    choice_count=st.integers(2, 10),
    number_digits=st.integers(4, 12),
    paper=st.sampled_from([A4, LETTER]),
)


@settings(max_examples=40, deadline=None)
@given(layout=designs)
def test_every_design_survives_its_json_with_the_same_fingerprint(layout: Layout) -> None:
    again = Layout.from_text(layout.to_text())
    assert again == layout
    assert again.fingerprint == layout.fingerprint
    assert Layout.from_json(json.loads(json.dumps(layout.to_json()))) == layout


@settings(max_examples=40, deadline=None)
@given(layout=designs)
def test_no_two_bubbles_touch_and_none_touches_a_marker_or_the_code(layout: Layout) -> None:
    half = layout.markers.size_mm / 2
    for page in layout:
        boxes = [
            (x - shape.width_mm / 2, y - shape.height_mm / 2, x + shape.width_mm / 2, y + shape.height_mm / 2)
            for (x, y), shape in zip(page.bubble_centres, page.bubble_shapes, strict=True)
        ]
        others = [(x - half, y - half, x + half, y + half) for x, y in layout.markers.centres]
        (left, top), _, (right, bottom), _ = layout.code.corners
        others.append((left, top, right, bottom))
        boxes.sort()
        for index, one in enumerate(boxes):
            for other in boxes[index + 1 :]:
                if other[0] >= one[2]:
                    break
                assert other[1] >= one[3] or one[1] >= other[3]
            for other in others:
                assert one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 200), choices=st.integers(2, 10))
def test_questions_are_numbered_through_the_pages(count: int, choices: int) -> None:
    layout = design_layout(question_count=count, choice_count=choices)
    assert layout.question_labels == tuple(f"q{index + 1}" for index in range(count))
    assert {len(field.choices) for page in layout for field in page.questions} == {choices}
    assert all(page.student_number is not None for page in layout)


@pytest.mark.parametrize(
    "arguments",
    [
        {"question_count": 0},
        {"question_count": 201},
        {"question_count": 10, "choice_count": 1},
        {"question_count": 10, "choice_count": 11},
        {"question_count": 10, "number_digits": 3},
        {"question_count": 10, "number_digits": 13},
        {"question_count": 10, "paper": Paper("A6", 105.0, 148.0)},
    ],
)
def test_a_sheet_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|too small"):
        design_layout(**arguments)


def test_another_layout_has_another_fingerprint() -> None:
    prints = {
        design_layout(question_count=count, choice_count=choices, number_digits=digits).fingerprint
        for count in (20, 21)
        for choices in (4, 5)
        for digits in (6, 7)
    }
    assert len(prints) == 8
    assert all(len(value) == 16 and int(value, 16) >= 0 for value in prints)


def test_a_design_keeps_its_fingerprint_for_ever() -> None:
    """Printed sheets carry it: if this fails, sheets already handed out can no longer be read."""
    assert design_layout(question_count=40).fingerprint == "eb60b64d1eb1b0fb"


def _broken(change: str) -> object:
    data: dict[str, Any] = copy.deepcopy(design_layout(question_count=3).to_json())
    first = data["pages"][0]["fields"][0]
    match change:
        case "schema":
            data["schema"] = 2
        case "schema is true":
            data["schema"] = True
        case "extra key":
            data["colour"] = "red"
        case "missing key":
            del data["markers"]["hole"]
        case "text for a number":
            data["markers"]["size"] = "7"
        case "true for a number":
            data["markers"]["size"] = True
        case "not a number":
            data["markers"]["size"] = float("nan")
        case "infinite":
            first["centres"][0][0] = float("inf")
        case "off the paper":
            first["centres"][0][0] = 209.5
        case "too few bubbles":
            first["centres"].pop()
        case "same label":
            data["pages"][0]["fields"][1]["label"] = "q1"
        case "unknown kind":
            first["kind"] = "essay"
        case "page number":
            data["pages"][0]["number"] = 2
        case "no pages":
            data["pages"] = []
        case "nine digits in a column":
            data["pages"][0]["fields"][-1]["columns"][0].pop()
        case "crooked markers":
            data["markers"]["centres"][2][0] -= 3
        case "huge paper":
            data["paper"]["size"] = [1e9, 297]
        case "a list":
            return [data]
        case _:
            raise AssertionError(change)
    return data


@pytest.mark.parametrize(
    "change",
    [
        "schema",
        "schema is true",
        "extra key",
        "missing key",
        "text for a number",
        "true for a number",
        "not a number",
        "infinite",
        "off the paper",
        "too few bubbles",
        "same label",
        "unknown kind",
        "page number",
        "no pages",
        "nine digits in a column",
        "crooked markers",
        "huge paper",
        "a list",
    ],
)
def test_a_broken_layout_is_refused_with_a_reason(change: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Layout.from_json(_broken(change))


@given(data=st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), lambda inner: st.lists(inner)))
def test_any_json_that_is_not_a_layout_is_a_value_error(data: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Layout.from_json(data)


@pytest.mark.parametrize("text", ["", "{", "null", "[" * 100_000])
def test_text_that_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Layout.from_text(text)
