"""Filled answer sheets with known truth: the real PDF, marks as people make them, scanned or photographed.

The page comes from the printed PDF itself, so the generator cannot be wrong in the same way as the reader.
One seed gives one image, always the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from benchmarks.omr.camera import PhoneDials, ScanDials, photograph_page, scan_page
from benchmarks.omr.marks import Bubble, Person, draw_erasure, draw_mark, draw_person, draw_stray
from sheets.layout import Layout, Point
from sheets.pdf import render_pdf

GreyImage = NDArray[np.uint8]

BASE_DPI: Final = 300


@dataclass(frozen=True, slots=True)
class Condition:
    """How sheets are filled and captured. Rates are per question; ``quarter_turns``: any of 0-3 turns of 90 degrees."""

    name: str
    capture: ScanDials | PhoneDials
    blank_rate: float = 0.03
    double_rate: float = 0.015
    erasure_rate: float = 0.03
    erased_blank_rate: float = 0.005
    stray_rate: float = 0.25
    quarter_turns: bool = False


@dataclass(frozen=True, slots=True)
class Truth:
    """What the person meant: marked choices by question label, the number (``?`` for a digit left out)."""

    sheet_id: str
    page: int
    answers: dict[str, tuple[str, ...]]
    student_number: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One image (H, W) and its truth."""

    image: GreyImage
    truth: Truth


CONDITIONS: Final = {
    condition.name: condition
    for condition in (
        Condition("flat", ScanDials(dpi=(150, 200), skew_degrees=0.5, noise=1.5, jpeg=(85, 95))),
        Condition("scan300", ScanDials(dpi=(300,), skew_degrees=1.2, noise=4.0, jpeg=(70, 95)), quarter_turns=True),
        Condition("scan100", ScanDials(dpi=(100,), skew_degrees=1.2, noise=3.0, jpeg=(70, 92))),
        Condition("bitonal", ScanDials(dpi=(200,), skew_degrees=0.8, noise=2.0, jpeg=(85, 95), is_bitonal=True)),
        Condition(
            "phone",
            PhoneDials(
                long_side=(1600, 2400),
                tilt_degrees=22.0,
                roll_degrees=10.0,
                fill=(0.78, 0.97),
                shadow=(0.0, 0.45),
                blur=(0.4, 1.2),
                motion=2.5,
                noise=(1.5, 5.0),
                jpeg=(60, 92),
                curl_mm=3.0,
            ),
            quarter_turns=True,
        ),
        Condition(
            "hard-phone",
            PhoneDials(
                long_side=(1200, 1600),
                tilt_degrees=30.0,
                roll_degrees=25.0,
                fill=(0.7, 0.95),
                shadow=(0.35, 0.6),
                blur=(0.8, 1.8),
                motion=4.0,
                noise=(3.0, 8.0),
                jpeg=(40, 75),
                curl_mm=6.0,
            ),
            quarter_turns=True,
        ),
    )
}


def make_sample(layout: Layout, condition: Condition, seed: int, *, page: int = 1) -> Sample:
    """One filled and captured page of ``layout``. The same arguments give the same sample."""
    rng = np.random.default_rng([seed, page])
    raster = blank_page(layout, sheet_id="bench", page=page).copy()
    truth = fill_page(raster, layout, page, condition, draw_person(rng), rng, sheet_id="bench")
    if isinstance(condition.capture, ScanDials):
        image = scan_page(raster, BASE_DPI, condition.capture, rng)
    else:
        image = photograph_page(raster, BASE_DPI, condition.capture, rng)
    if condition.quarter_turns:
        image = np.ascontiguousarray(np.rot90(image, int(rng.integers(0, 4))))
    return Sample(image, truth)


@lru_cache(maxsize=8)
def blank_page(layout: Layout, *, sheet_id: str, page: int) -> GreyImage:
    """The printed page as grey pixels (H, W) at ``BASE_DPI``. Shared: copy it before drawing."""
    pdf = pypdfium2.PdfDocument(
        render_pdf(layout, sheet_id=sheet_id, heading="11월 월말평가 고2 영어", academy="한빛학원")
    )
    try:
        bitmap = pdf[page - 1].render(scale=BASE_DPI / 72, grayscale=True)
        pixels: GreyImage = np.array(bitmap.to_numpy(), np.uint8).reshape(bitmap.height, -1)[:, : bitmap.width]
    finally:
        pdf.close()
    return np.ascontiguousarray(pixels)


def fill_page(
    raster: GreyImage,
    layout: Layout,
    page: int,
    condition: Condition,
    person: Person,
    rng: np.random.Generator,
    *,
    sheet_id: str,
) -> Truth:
    """Fill ``raster`` (H, W) at ``BASE_DPI`` in place as ``person`` would; return what was meant."""
    per_mm = BASE_DPI / 25.4
    fields = layout.page(page)
    answers: dict[str, tuple[str, ...]] = {}
    for field in fields.questions:
        bubbles = [_bubble(centre, field.shape.width_mm, field.shape.height_mm, per_mm) for centre in field.centres]
        draw = rng.random()
        order = [int(value) for value in rng.permutation(len(bubbles))]
        if draw < condition.blank_rate:
            count = 0
        elif draw < condition.blank_rate + condition.double_rate:
            count = 2
        else:
            count = 1
        is_erased = rng.random() < (condition.erasure_rate if count else condition.erased_blank_rate / 0.03)
        if is_erased and count < len(order):
            draw_erasure(raster, bubbles[order[count]], person, per_mm, rng)
        for index in order[:count]:
            draw_mark(raster, bubbles[index], person, per_mm, rng)
        answers[field.label] = tuple(field.choices[index] for index in sorted(order[:count]))
    number: str | None = None
    if fields.student_number is not None:
        number = ""
        careful = replace(person, style_change=0.01)
        shape = fields.student_number.shape
        for column in fields.student_number.columns:
            digit = int(rng.integers(0, 10))
            if rng.random() < 0.01:
                number += "?"
                continue
            number += str(digit)
            bubbles = [_bubble(centre, shape.width_mm, shape.height_mm, per_mm) for centre in column]
            if rng.random() < condition.erasure_rate:
                draw_erasure(raster, bubbles[(digit + 1) % 10], person, per_mm, rng)
            draw_mark(raster, bubbles[digit], careful, per_mm, rng)
    if rng.random() < condition.stray_rate:
        draw_stray(raster, person, per_mm, rng)
    return Truth(sheet_id, page, answers, number)


def write_samples(folder: Path, layout: Layout, condition: Condition, seeds: range) -> None:
    """Write ``seed.jpg`` for each seed, ``truth.json`` and ``layout.json`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    truths: dict[str, object] = {}
    for seed in seeds:
        for page in layout:
            sample = make_sample(layout, condition, seed, page=page.number)
            name = f"{seed:05d}-{page.number}.jpg"
            cv2.imwrite(str(folder / name), sample.image, [cv2.IMWRITE_JPEG_QUALITY, 95])
            truths[name] = {
                "page": sample.truth.page,
                "answers": {label: list(values) for label, values in sample.truth.answers.items()},
                "student_number": sample.truth.student_number,
            }
    (folder / "truth.json").write_text(json.dumps(truths, ensure_ascii=False, indent=1))
    (folder / "layout.json").write_text(layout.to_text())


def _bubble(centre: Point, width_mm: float, height_mm: float, per_mm: float) -> Bubble:
    return Bubble(centre[0] * per_mm, centre[1] * per_mm, width_mm / 2 * per_mm, height_mm / 2 * per_mm)
