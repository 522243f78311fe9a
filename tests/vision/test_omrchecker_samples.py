"""Real sheets of another maker, read as a person reads them.

The truth was written down by eye from zoomed crops of each picture. Skipped where the pictures are not at hand.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.omr import other_makers
from sheets.reading import FieldStatus
from workers.media.pages import decode_page
from workers.vision.omrchecker import read_template_sheet
from workers.vision.template_folder import load_template_folder

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT.parent / "shared" / "data" / "omr_templates"
TRUTH: dict[str, dict[str, str]] = json.loads(other_makers.TRUTH_FILE.read_text())

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample sheets are not at hand")


@pytest.mark.parametrize("name", TRUTH)
def test_a_sample_is_read_as_a_person_reads_it(name: str) -> None:
    template = load_template_folder(other_makers.template_folder_of(SAMPLES / name))
    reading = read_template_sheet(decode_page((SAMPLES / name).read_bytes()), template)
    assert {field.label: "".join(field.values) for field in reading.fields} == TRUTH[name]
    assert {field.status for field in reading.fields} <= {FieldStatus.OK, FieldStatus.BLANK}
    assert min(field.confidence for field in reading.fields) > 0.9


@pytest.mark.parametrize("kind", [label for label in other_makers.DEGRADATIONS if label != "as it is"])
def test_a_degraded_sample_is_never_silently_wrong(kind: str) -> None:
    for sheet, (name, truth) in enumerate(TRUTH.items()):
        template = load_template_folder(other_makers.template_folder_of(SAMPLES / name))
        image = decode_page((SAMPLES / name).read_bytes())
        degraded = other_makers.DEGRADATIONS[kind](image, np.random.default_rng([99, sheet]))
        tally, remark = other_makers.measure(degraded, template, truth)
        assert tally.wrong == 0, f"{name}: {remark}"
