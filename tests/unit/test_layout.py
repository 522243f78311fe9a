"""An answer sheet's layout: designed, written as JSON, read back, refused when it is wrong."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets.layout import A4, LETTER, Choices, Essays, Group, Layout, Numbers, NumericField, Paper, design_layout

SCHEMA_1 = Path(__file__).parents[1] / "resources" / "layouts" / "schema-1.json"

designs = st.builds(
    design_layout,
    question_count=st.integers(1, 200),
    choice_count=st.integers(2, 10),
    number_digits=st.integers(4, 12),
    paper=st.sampled_from([A4, LETTER]),
)

choices = st.builds(Choices, st.integers(1, 40), st.integers(2, 10), st.booleans())
numbers = st.builds(Numbers, st.integers(1, 9), st.integers(1, 4), st.booleans(), st.integers(0, 2))
fractions = st.builds(Numbers, st.integers(1, 4), st.integers(1, 3), st.booleans(), denominator=st.integers(1, 3))
essays = st.builds(Essays, st.integers(1, 4), st.integers(1, 8))
mixed_designs = st.builds(
    design_layout,
    groups=st.lists(choices | numbers | fractions | essays, min_size=1, max_size=4),
    number_digits=st.integers(4, 12),
    version_count=st.sampled_from([0, 2, 3, 4]),
    is_large_print=st.booleans(),
    paper=st.sampled_from([A4, LETTER]),
)
designs = designs | mixed_designs


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
        for box in (layout.code, layout.name_box, *(essay.box for essay in page.essays)):
            (left, top), _, (right, bottom), _ = box.corners
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
        {"question_count": 10, "groups": [Choices(5)]},
        {"question_count": 10, "version_count": 1},
        {"question_count": 10, "version_count": 5},
        {},
        {"groups": [Choices(0)]},
        {"groups": [Choices(5, 11)]},
        {"groups": [Choices(150), Numbers(51)]},
        {"groups": [Numbers(1, digits=9)]},
        {"groups": [Numbers(1, digits=6, decimals=3)]},
        {"groups": [Numbers(1, decimals=1, denominator=1)]},
        {"groups": [Essays(1, lines=41)]},
        {"groups": [Choices(1)] * 51},
    ],
)
def test_a_sheet_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"expected|too small|not both"):
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


def test_layouts_of_schema_1_are_read_for_ever_and_keep_their_fingerprints() -> None:
    """Written by the first version of the code: sheets that carry these fingerprints lie in drawers."""
    rows = json.loads(SCHEMA_1.read_text(encoding="utf-8"))
    assert len(rows) == 4
    for row in rows:
        layout = Layout.from_json(row["layout"])
        assert (layout.schema, layout.fingerprint) == (1, row["fingerprint"])
        assert layout.to_json() == row["layout"]


def test_what_schema_1_did_not_know_is_refused_in_it() -> None:
    new: list[Group] = [Numbers(1), Essays(1), Choices(1, has_several=True)]
    for group in new:
        data = design_layout(groups=[group]).to_json()
        assert data["schema"] == 2
        with pytest.raises(ValueError, match="schema 1"):
            Layout.from_json({**data, "schema": 1})


def test_a_mixed_sheet_numbers_its_questions_in_the_order_of_its_groups() -> None:
    layout = design_layout(
        groups=[
            Choices(15),
            Numbers(7),
            Choices(6, has_several=True),
            Numbers(2, has_sign=True, decimals=2),
            Essays(2),
        ],
        version_count=3,
    )
    assert layout.question_labels == tuple(f"q{index}" for index in range(1, 33))
    assert layout.versions == ("A", "B", "C")
    kinds = {field.label: field for field in layout.questions}
    numeric = kinds["q29"]
    assert isinstance(numeric, NumericField)
    assert (len(numeric.columns), numeric.whole_places, len(numeric.columns[0])) == (6, 3, 2)


def test_large_print_has_larger_bubbles_and_fewer_on_a_page() -> None:
    small, large = (design_layout(groups=[Choices(60)], is_large_print=is_large) for is_large in (False, True))
    assert large.pages[0].questions[0].shape.width_mm > 1.3 * small.pages[0].questions[0].shape.width_mm
    assert len(large.pages) > len(small.pages)


def _broken_mixed(change: str) -> object:
    groups: list[Group] = [Choices(3), Numbers(2, has_sign=True), Essays(1)]
    data: dict[str, Any] = copy.deepcopy(design_layout(groups=groups, version_count=2).to_json())
    fields = {field["kind"]: field for field in data["pages"][0]["fields"]}
    match change:
        case "sign is a number":
            fields["numeric"]["sign"] = 1
        case "more decimals than digits":
            fields["numeric"]["decimals"] = 3
        case "point and bar":
            fields["numeric"] |= {"decimals": 1, "denominator": 1}
        case "negative decimals":
            fields["numeric"]["decimals"] = -1
        case "a column too short":
            fields["numeric"]["columns"][1].pop()
        case "no columns":
            fields["numeric"]["columns"] = []
        case "box off the paper":
            fields["essay"]["box"][0] = 100.0
        case "no lines":
            fields["essay"]["lines"] = 0
        case "a million lines":
            fields["essay"]["lines"] = 10**6
        case "version E":
            fields["version"]["choices"] = ["A", "E"]
        case "two versions":
            data["pages"][0]["fields"].append(fields["version"])
        case "two numbers":
            data["pages"][0]["fields"].append(fields["digits"])
        case "question called version":
            fields["numeric"]["label"] = "version"
        case "kind is a list":
            fields["numeric"]["kind"] = ["numeric"]
        case "a thousand fields":
            data["pages"][0]["fields"] *= 1000
        case _:
            raise AssertionError(change)
    return data


@pytest.mark.parametrize(
    "change",
    [
        "sign is a number",
        "more decimals than digits",
        "point and bar",
        "negative decimals",
        "a column too short",
        "no columns",
        "box off the paper",
        "no lines",
        "a million lines",
        "version E",
        "two versions",
        "two numbers",
        "question called version",
        "kind is a list",
        "a thousand fields",
    ],
)
def test_a_broken_field_of_the_new_kinds_is_refused_with_a_reason(change: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Layout.from_json(_broken_mixed(change))


def test_a_design_keeps_its_fingerprint_for_ever() -> None:
    """Printed sheets carry it: if this fails, sheets already handed out can no longer be read."""
    assert design_layout(question_count=40).fingerprint == "eb60b64d1eb1b0fb"


def _broken(change: str) -> object:
    data: dict[str, Any] = copy.deepcopy(design_layout(question_count=3).to_json())
    first = data["pages"][0]["fields"][0]
    match change:
        case "schema":
            data["schema"] = 3
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
