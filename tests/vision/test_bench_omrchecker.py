"""The benchmark's other reader, here a stand-in that behaves as OMRChecker does at the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.omr.omrchecker import Failed, read_all

STAND_IN = """
import argparse, csv, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("-i"), parser.add_argument("-o")
options = parser.parse_args()
inputs = pathlib.Path(options.i)
assert (inputs / "template.json").exists() and (inputs / "marker.jpg").exists()
config = json.loads((inputs / "config.json").read_text())
assert config == {"dimensions": {"processing_width": 666}, "outputs": {"show_image_level": 0, "save_detections": True}}
results = pathlib.Path(options.o) / "sheets" / "Results"
results.mkdir(parents=True)
with (results / "Results_09AM.csv").open("w", newline="") as file:
    writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(["file_id", "input_path", "output_path", "score", "q1"])
    for picture in sorted((inputs / "sheets").iterdir()):
        sum(number * number for number in range(300_000))
        if picture.name != "0001.jpg":
            writer.writerow([picture.name, str(picture), "", 0, "A"])
"""


@pytest.fixture
def template_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "sample" / "inner"
    folder.mkdir(parents=True)
    (folder / "template.json").write_text("{}")
    (folder / "marker.jpg").write_bytes(b"")
    config = {
        "dimensions": {"processing_width": 666},
        "outputs": {"show_image_level": 5, "save_detections": True},
    }
    (folder.parent / "config.json").write_text(json.dumps(config))
    return folder


def checkout_with(tmp_path: Path, program: str) -> Path:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "main.py").write_text(program)
    return checkout


def test_what_it_read_refused_and_took_is_told(tmp_path: Path, template_folder: Path) -> None:
    pictures = [np.full((40, 30), 200, np.uint8)] * 3
    readings, milliseconds = read_all(checkout_with(tmp_path, STAND_IN), template_folder, pictures)
    assert [reading and reading["q1"] for reading in readings] == ["A", None, "A"]
    assert milliseconds > 0


def test_what_it_says_when_it_fails_is_passed_on(tmp_path: Path, template_folder: Path) -> None:
    checkout = checkout_with(tmp_path, "raise SystemExit('no module named pandas')")
    with pytest.raises(Failed, match="pandas"):
        read_all(checkout, template_folder, [np.full((40, 30), 200, np.uint8)])
