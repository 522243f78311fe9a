"""What the worker writes the API reads, and regions are boxes on paper."""

from __future__ import annotations

import math

import orjson
import pytest

from sheets.homework import Doubt, HomeworkReading, Mark, Region, RegionReading, Verdict, check_regions


def test_a_reading_survives_the_wire() -> None:
    region = RegionReading("1", Verdict.UNSURE, 0.5, 1.25, 2, 0.91, 0.12, Mark.WRONG, Doubt.LITTLE_INK)
    reading = HomeworkReading(None, False, True, 12, (region,), (Region("1", 1.0, 2.0, 30.0, 40.0),))
    assert HomeworkReading.from_json(orjson.loads(orjson.dumps(reading.to_json()))) == reading


def test_a_reading_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        HomeworkReading.from_json({"version": 99})


@pytest.mark.parametrize(
    "region",
    [
        Region("1", -1, 0, 20, 20),
        Region("1", 0, 0, 211, 20),
        Region("1", 0, 0, 2, 20),
        Region("1", 0, 0, math.nan, 20),
        Region("", 0, 0, 20, 20),
        Region("1" * 21, 0, 0, 20, 20),
    ],
)
def test_a_box_that_is_none_is_refused(region: Region) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  the label is in each message, its words differ
        check_regions([region], (210.0, 297.0))


def test_a_label_names_one_box() -> None:
    with pytest.raises(ValueError, match="twice"):
        check_regions([Region("1", 0, 0, 20, 20), Region("1", 30, 0, 20, 20)], (210.0, 297.0))
