"""Filled answer sheets with known truth: the real PDF, marks as people make them, scanned or photographed.

The page comes from the printed PDF itself, so the generator cannot be wrong in the same way as the reader.
One seed gives one image, always the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from sheets.layout import (
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Layout,
    NumericField,
    Point,
    VersionField,
)
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
    """What the person meant: marked choices by question label (of a numeric answer its text), the number (``?`` for a
    digit left out), the version ("" for none, None where there is no row for it)."""

    sheet_id: str
    page: int
    answers: dict[str, tuple[str, ...]]
    student_number: str | None
    version: str | None = None


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
    for field in fields.question_fields:
        if isinstance(field, EssayField):
            _write_essay(raster, field, person, per_mm, rng)
        elif isinstance(field, NumericField):
            answers[field.label] = _fill_numeric(raster, field, condition, person, per_mm, rng)
        else:
            answers[field.label] = _fill_choices(raster, field, condition, person, per_mm, rng)
    number: str | None = None
    if fields.student_number is not None:
        number = _fill_number(raster, fields.student_number, condition, person, per_mm, rng)
    version: str | None = None
    if fields.version is not None:
        version = _fill_version(raster, fields.version, person, per_mm, rng)
    if rng.random() < condition.stray_rate:
        draw_stray(raster, person, per_mm, rng)
    return Truth(sheet_id, page, answers, number, version)


def _fill_choices(
    raster: GreyImage,
    field: ChoiceField,
    condition: Condition,
    person: Person,
    per_mm: float,
    rng: np.random.Generator,
) -> tuple[str, ...]:
    bubbles = _bubbles(field.centres, field.shape, per_mm)
    draw = rng.random()
    order = [int(value) for value in rng.permutation(len(bubbles))]
    if draw < condition.blank_rate:
        count = 0
    elif draw < condition.blank_rate + condition.double_rate:
        count = 2
    else:
        count = 1
    if field.has_several and count:
        count = int(rng.integers(1, len(bubbles)))
    is_erased = rng.random() < (condition.erasure_rate if count else condition.erased_blank_rate / 0.03)
    if is_erased and count < len(order):
        draw_erasure(raster, bubbles[order[count]], person, per_mm, rng)
    for index in order[:count]:
        draw_mark(raster, bubbles[index], person, per_mm, rng)
    return tuple(field.choices[index] for index in sorted(order[:count]))


def _fill_numeric(
    raster: GreyImage,
    field: NumericField,
    condition: Condition,
    person: Person,
    per_mm: float,
    rng: np.random.Generator,
) -> tuple[str, ...]:
    """A number written as people do: with or without leading zeros, sometimes rubbed out first. Returns its text."""
    if rng.random() < condition.blank_rate:
        return ()
    whole_digits = int(rng.integers(1, field.whole_places + 1))
    whole = "".join(str(rng.integers(0, 10)) for _ in range(whole_digits))
    below = ""
    if field.decimals and rng.random() < 0.8:
        below = "".join(str(rng.integers(0, 10)) for _ in range(int(rng.integers(1, field.decimals + 1))))
    elif field.denominator:
        below = "".join(str(rng.integers(1, 10)) for _ in range(int(rng.integers(1, field.denominator + 1))))
    sign = ""
    if field.has_sign and rng.random() < 0.4:
        sign = "-"
    digits = whole.rjust(field.whole_places)
    digits += below.ljust(field.decimals) if field.decimals else below.rjust(field.denominator)
    marks = ([sign or " "] if field.has_sign else []) + list(digits)
    careful = replace(person, style_change=0.01)
    for symbol, symbols, column in zip(marks, field.symbols, field.columns, strict=True):
        bubbles = _bubbles(column, field.shape, per_mm)
        meant = symbols.index(symbol) if symbol in symbols else -1
        if rng.random() < condition.erasure_rate:
            draw_erasure(raster, bubbles[(meant + 1) % len(bubbles)], person, per_mm, rng)
        if meant >= 0:
            draw_mark(raster, bubbles[meant], careful, per_mm, rng)
    join = "." if field.decimals else "/"
    return (f"{sign}{whole}{join}{below}" if below else f"{sign}{whole}",)


def _fill_number(
    raster: GreyImage,
    field: DigitsField,
    condition: Condition,
    person: Person,
    per_mm: float,
    rng: np.random.Generator,
) -> str:
    number = ""
    careful = replace(person, style_change=0.01)
    for column in field.columns:
        digit = int(rng.integers(0, 10))
        if rng.random() < 0.01:
            number += "?"
            continue
        number += str(digit)
        bubbles = _bubbles(column, field.shape, per_mm)
        if rng.random() < condition.erasure_rate:
            draw_erasure(raster, bubbles[(digit + 1) % 10], person, per_mm, rng)
        draw_mark(raster, bubbles[digit], careful, per_mm, rng)
    return number


def _fill_version(
    raster: GreyImage, field: VersionField, person: Person, per_mm: float, rng: np.random.Generator
) -> str:
    """The marked version, "" for none."""
    if rng.random() < 0.02:
        return ""
    chosen = int(rng.integers(0, len(field.choices)))
    bubbles = _bubbles(field.centres, field.shape, per_mm)
    draw_mark(raster, bubbles[chosen], replace(person, style_change=0.01), per_mm, rng)
    return field.choices[chosen]


def _write_essay(raster: GreyImage, field: EssayField, person: Person, per_mm: float, rng: np.random.Generator) -> None:
    """Lines of scribble, some of which leave the box by a little."""
    box = field.box
    for line in range(int(rng.integers(0, field.lines + 1))):
        y = box.y_mm + box.height_mm * (line + 1.5) / (field.lines + 1.5)
        steps = int(rng.integers(40, 160))
        x = box.x_mm + 2 + np.arange(steps) * 1.05
        heights = y + rng.normal(0, 1.1, steps) + rng.normal(0, 0.3)
        points = (np.stack([x, heights], axis=1) * per_mm).round().astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(raster, [points], False, (round(255 * (1 - person.darkness)),), 5, cv2.LINE_AA)


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
                "version": sample.truth.version,
            }
    (folder / "truth.json").write_text(json.dumps(truths, ensure_ascii=False, indent=1))
    (folder / "layout.json").write_text(layout.to_text())


def _bubbles(centres: Sequence[Point], shape: BubbleShape, per_mm: float) -> list[Bubble]:
    half = (shape.width_mm / 2 * per_mm, shape.height_mm / 2 * per_mm)
    return [Bubble(x * per_mm, y * per_mm, *half) for x, y in centres]
