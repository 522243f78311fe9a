"""The one schema of a sheet reading: what a worker writes, the API understands."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets.reading import (
    READING_SCHEMA_VERSION,
    EssayCrop,
    FieldReading,
    FieldStatus,
    SheetReading,
    SheetReadingJson,
)

SHARES = st.floats(min_value=0, max_value=1)
POINTS = st.tuples(*[st.floats(min_value=-1e4, max_value=1e4)] * 2)


@st.composite
def field_readings(draw: st.DrawFn) -> FieldReading:
    return FieldReading(
        label=draw(st.text(min_size=1, max_size=20)),
        values=tuple(draw(st.lists(st.text(max_size=5), max_size=5))),
        status=draw(st.sampled_from(FieldStatus)),
        confidence=draw(SHARES),
        ink=tuple(draw(st.lists(SHARES, max_size=10))),
        places=tuple(draw(st.lists(st.sampled_from(FieldStatus), max_size=4))),
    )


@st.composite
def sheet_readings(draw: st.DrawFn) -> SheetReading:
    return SheetReading(
        layout_fingerprint=draw(st.text(max_size=64)),
        sheet_id=draw(st.none() | st.text(min_size=1, max_size=40)),
        page=draw(st.integers(min_value=1, max_value=99)),
        fields=tuple(draw(st.lists(field_readings(), max_size=4))),
        student_number=draw(st.none() | field_readings()),
        corners_found=draw(st.integers(min_value=0, max_value=4)),
        rotation_degrees=draw(st.floats(min_value=-180, max_value=180)),
        sharpness=draw(SHARES),
        version=draw(st.none() | field_readings()),
        token=draw(st.none() | st.text(min_size=1, max_size=16)),
        essays=tuple(draw(st.lists(st.builds(EssayCrop, st.text(min_size=1), st.tuples(*[POINTS] * 4)), max_size=2))),
    )


@given(sheet_readings())
def test_a_reading_survives_the_database(reading: SheetReading) -> None:
    stored = cast(SheetReadingJson, json.loads(json.dumps(reading.to_json(), allow_nan=False)))
    assert SheetReading.from_json(stored).to_json() == reading.to_json()


def test_the_names_on_the_wire_are_these() -> None:
    number = FieldReading("student_number", ("00123?",), FieldStatus.UNSURE, 0.51239, (0.12345,))
    reading = SheetReading("abc", "CODE", 2, (), number, 4, 1.239, 0.98765)
    assert reading.to_json() == {
        "schema": 2,
        "layout_fingerprint": "abc",
        "sheet_id": "CODE",
        "page": 2,
        "fields": [],
        "student_number": {
            "label": "student_number",
            "values": ["00123?"],
            "status": "unsure",
            "confidence": 0.5124,
            "ink": [0.123],
        },
        "corners_found": 4,
        "rotation_degrees": 1.24,
        "sharpness": 0.988,
        "version": None,
        "token": None,
        "essays": [],
    }


def test_the_names_of_what_schema_2_added_are_these() -> None:
    field = FieldReading("q9", ("-1?",), FieldStatus.UNSURE, 0.5, places=(FieldStatus.OK, FieldStatus.UNSURE))
    version = FieldReading("version", ("B",), FieldStatus.OK, 1.0)
    crop = EssayCrop("q10", ((0.0, 1.04), (9.0, 1.0), (9.0, 5.0), (0.0, 5.0)))
    reading = SheetReading("abc", "CODE", 2, (field,), None, 4, 0.0, 1.0, version, "TOKEN", (crop,))
    data = reading.to_json()
    assert data["fields"][0]["places"] == ["ok", "unsure"]
    assert data["version"] == {"label": "version", "values": ["B"], "status": "ok", "confidence": 1.0, "ink": []}
    assert data["token"] == "TOKEN"
    assert data["essays"] == [{"label": "q10", "corners": [[0.0, 1.0], [9.0, 1.0], [9.0, 5.0], [0.0, 5.0]]}]


def test_a_reading_of_schema_1_is_still_read() -> None:
    stored = {
        "schema": 1,
        "layout_fingerprint": "abc",
        "sheet_id": "CODE",
        "page": 1,
        "fields": [{"label": "q1", "values": ["3"], "status": "ok", "confidence": 0.99, "ink": [0.0, 0.6]}],
        "student_number": None,
        "corners_found": 4,
        "rotation_degrees": 0.0,
        "sharpness": 1.0,
    }
    reading = SheetReading.from_json(cast(SheetReadingJson, stored))
    assert reading.fields == (FieldReading("q1", ("3",), FieldStatus.OK, 0.99, (0.0, 0.6)),)
    assert (reading.version, reading.token, reading.essays) == (None, None, ())


@pytest.mark.parametrize("version", [0, READING_SCHEMA_VERSION + 1, None, "1"])
def test_a_reading_of_another_version_is_refused(version: object) -> None:
    data = SheetReading("abc", None, 1, (), None, 4, 0.0, 1.0).to_json()
    with pytest.raises(ValueError, match="schema"):
        SheetReading.from_json(cast(SheetReadingJson, {**data, "schema": version}))


def test_an_unknown_status_is_refused() -> None:
    data = FieldReading("q1", ("1",), FieldStatus.OK, 1.0).to_json()
    with pytest.raises(ValueError, match="maybe"):
        FieldReading.from_json({**data, "status": "maybe"})
