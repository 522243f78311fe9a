from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.printed_template import MARKER_NAME, exam_json, exam_template, marker_bytes
from workers.vision.omrchecker import BadTemplate, Template, asset_names, parse_template
from workers.vision.omrchecker.corner_marks import decode_marker
from workers.vision.template_folder import load_template_folder


def small_json(**changes: object) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "pageDimensions": [300, 400],
        "bubbleDimensions": [25, 25],
        "fieldBlocks": {
            "Block": {
                "fieldType": "QTYPE_MCQ4",
                "fieldLabels": ["q1..3"],
                "origin": [50, 60],
                "bubblesGap": 40,
                "labelsGap": 50,
            }
        },
    }
    return whole | changes


def block_json(**changes: object) -> dict[str, Any]:
    whole = small_json()
    whole["fieldBlocks"]["Block"] |= changes
    return {key: value for key, value in whole.items() if value is not None}


def parsed(whole: dict[str, Any]) -> Template:
    return parse_template(whole, assets={})


def test_bubbles_lie_where_the_format_says() -> None:
    block = parsed(small_json()).blocks[0]
    centres = np.array(block.centres())
    assert block.values == ("A", "B", "C", "D")
    assert centres.shape == (3, 4, 2)
    assert centres[0, 0].tolist() == [62.5, 72.5]  # the origin is the box's corner
    assert centres[0, 3].tolist() == [182.5, 72.5]
    assert centres[2, 0].tolist() == [62.5, 172.5]


def test_number_fields_run_downwards_and_may_start_at_one() -> None:
    block = parsed(block_json(fieldType="QTYPE_INT", bubblesGap=30, labelsGap=40)).blocks[0]
    assert block.values == tuple("0123456789")
    assert block.centres()[1][9] == (102.5, 342.5)
    from_one = parsed(block_json(fieldType="QTYPE_INT_FROM_1", bubblesGap=30)).blocks[0]
    assert from_one.values == tuple("1234567890")


def test_own_values_direction_and_bubble_size_are_kept() -> None:
    changes = {"bubbleValues": ["가", "나"], "direction": "vertical", "bubbleDimensions": [12, 10], "emptyValue": "-"}
    block = parsed(block_json(**changes)).blocks[0]
    assert (block.values, block.size, block.empty_value) == (("가", "나"), (12.0, 10.0), "-")
    assert block.centres()[0][1] == (56.0, 105.0)


def test_fields_are_reported_in_natural_order_with_custom_labels_in_place_of_their_parts() -> None:
    assert [output.label for output in exam_template().outputs][:4] == ["number", "q1", "q2", "q3"]
    whole = small_json(customLabels={"both": ["q1..2"]})
    assert [(output.label, output.parts) for output in parsed(whole).outputs] == [
        ("both", ("q1", "q2")),
        ("q3", ("q3",)),
    ]
    many = block_json(fieldLabels=["q9", "q10", "q2"])
    assert [output.label for output in parsed(many).outputs] == ["q2", "q9", "q10"]


def test_output_columns_set_the_order() -> None:
    assert [output.label for output in parsed(small_json(outputColumns=["q3", "q1"])).outputs] == ["q3", "q1"]


def test_the_fingerprint_follows_the_content_and_nothing_else() -> None:
    first = parsed(small_json())
    again = parsed(json.loads(json.dumps(dict(reversed(small_json().items())))))
    other = parsed(block_json(labelsGap=51))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    with_markers = exam_json(with_markers=True)
    marked = parse_template(with_markers, assets={MARKER_NAME: marker_bytes()})
    remarked = parse_template(with_markers, assets={MARKER_NAME: marker_bytes() + b"\0"})
    assert marked.fingerprint != remarked.fingerprint


def test_a_template_survives_storage() -> None:
    template = exam_template(with_markers=True)
    stored = json.loads(json.dumps(template.to_json()))
    copied = Template.from_json(stored)
    assert copied.fingerprint == template.fingerprint
    assert copied.blocks == template.blocks
    assert copied.marker is not None
    assert copied.marker == template.marker


@pytest.mark.parametrize("name", ["GaussianBlur", "MedianBlur", "Levels"])
def test_smoothing_steps_are_accepted(name: str) -> None:
    assert parsed(small_json(preProcessors=[{"name": name, "options": {}}])).is_cropped_to_page is False


def test_an_unknown_step_is_named() -> None:
    with pytest.raises(BadTemplate, match="FeatureBasedAlignment"):
        parsed(small_json(preProcessors=[{"name": "FeatureBasedAlignment", "options": {}}]))


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (small_json(pageDimensions=None), "pageDimensions"),
        (small_json(pageDimensions=[0, 400]), "pageDimensions"),
        (small_json(pageDimensions=[300, float("nan")]), "pageDimensions"),
        (small_json(pageDimensions=[300, True]), "pageDimensions"),
        (small_json(pageDimensions=[1e9, 1e9]), "pageDimensions"),
        (small_json(bubbleDimensions=[25]), "bubbleDimensions"),
        (small_json(fieldBlocks={}), "fieldBlocks"),
        (small_json(fieldBlocks=[1]), "fieldBlocks"),
        (block_json(fieldType="QTYPE_MED"), "QTYPE_MED"),
        (block_json(fieldType=["x"]), "fieldType"),
        (block_json(bubbleValues=["A", "A"]), "different"),
        (block_json(bubbleValues=[]), "bubbleValues"),
        (block_json(bubbleValues=[str(n) for n in range(61)]), "bubbleValues"),
        (block_json(direction="sideways"), "direction"),
        (block_json(fieldLabels=["q1", "q1"]), "different"),
        (block_json(fieldLabels=["q5..1"]), "range"),
        (block_json(fieldLabels=["q1..999999"]), "range"),
        (block_json(fieldLabels=["q1a1..5"]), "range"),
        (block_json(fieldLabels=[]), "fieldLabels"),
        (block_json(fieldLabels="q1"), "list"),
        (block_json(bubblesGap=0), "on top of each other"),
        (block_json(labelsGap="5"), "labelsGap"),
        (block_json(origin=[-500, 0]), "outside"),
        (block_json(labelsGap=5000), "outside"),
        (small_json(customLabels={"x": ["q9"]}), "q9"),
        (small_json(customLabels={"x": ["q1"], "y": ["q1"]}), "another"),
        (small_json(customLabels={"q3": ["q1"]}), "q3"),
        (small_json(outputColumns=["zz"]), "zz"),
        (small_json(preProcessors={"name": "CropPage"}), "list"),
        (small_json(preProcessors=[{"name": "CropPage"}] * 21), "20"),
    ],
)
def test_a_bad_template_is_refused_with_the_place(whole: dict[str, Any], message: str) -> None:
    with pytest.raises(BadTemplate, match=message):
        parsed(whole)


def test_labels_may_not_repeat_between_blocks() -> None:
    whole = small_json()
    whole["fieldBlocks"]["Other"] = copy.deepcopy(whole["fieldBlocks"]["Block"])
    with pytest.raises(BadTemplate, match="used twice"):
        parsed(whole)


def test_the_number_of_bubbles_is_capped() -> None:
    blocks = {
        f"B{number}": {
            "bubbleValues": [str(value) for value in range(50)],
            "direction": "horizontal",
            "fieldLabels": [f"{'abc'[number]}1..200"],
            "origin": [0, 0],
            "bubblesGap": 5,
            "labelsGap": 1.5,
        }
        for number in range(3)
    }
    with pytest.raises(BadTemplate, match="bubbles"):
        parsed(small_json(fieldBlocks=blocks))


@pytest.mark.parametrize("name", ["../marker.png", "/etc/passwd", "a/b.png", "..", "", "a\\b.png", None, "x\0.png"])
def test_an_asset_is_a_plain_file_name(name: object) -> None:
    steps = [{"name": "CropOnMarkers", "options": {"relativePath": name}}]
    with pytest.raises(BadTemplate, match="relativePath"):
        parse_template(small_json(preProcessors=steps), assets={})
    with pytest.raises(BadTemplate, match="relativePath"):
        asset_names(small_json(preProcessors=steps))


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_a_marker_must_be_a_picture(content: bytes) -> None:
    marker = parse_template(exam_json(with_markers=True), assets={MARKER_NAME: content}).marker
    assert marker is not None
    with pytest.raises(BadTemplate, match=r"marker\.png"):
        decode_marker(marker)


def test_a_marker_must_be_there() -> None:
    with pytest.raises(BadTemplate, match="missing"):
        parse_template(exam_json(with_markers=True), assets={})


def test_a_folder_is_loaded_with_its_marker(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(json.dumps(exam_json(with_markers=True)))
    (tmp_path / MARKER_NAME).write_bytes(marker_bytes())
    assert load_template_folder(tmp_path).fingerprint == exam_template(with_markers=True).fingerprint
    (tmp_path / "template.json").write_text("{")
    with pytest.raises(BadTemplate, match="not JSON"):
        load_template_folder(tmp_path)
    (tmp_path / "template.json").write_text("[]")
    with pytest.raises(BadTemplate, match="object"):
        load_template_folder(tmp_path)


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
PLACES = (
    ("pageDimensions",),
    ("bubbleDimensions",),
    ("fieldBlocks",),
    ("preProcessors",),
    ("customLabels",),
    ("outputColumns",),
    ("emptyValue",),
    ("fieldBlocks", "Block"),
    *(
        ("fieldBlocks", "Block", key)
        for key in ("fieldType", "fieldLabels", "origin", "bubblesGap", "labelsGap", "bubbleValues", "direction")
    ),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PLACES), hostile)
def test_hostile_json_is_a_template_or_a_bad_template(place: tuple[str, ...], value: object) -> None:
    whole = small_json()
    inner: Any = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    try:
        template = parsed(whole)
    except BadTemplate:
        return
    assert 1 <= len(template.outputs) <= 2000
