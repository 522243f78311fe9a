"""Filled answer sheets with known truth: the real PDF, marks as people make them, scanned or photographed.

The page comes from the printed PDF itself, so the generator cannot be wrong in the same way as the reader.
One seed gives one image, always the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pypdfium2
from numpy.typing import NDArray

from benchmarks.omr.camera import PhoneDials, ScanDials, photograph_page, scan_page
from benchmarks.omr.marks import (
    INSTRUMENTS,
    STYLE_CHANGE,
    Bubble,
    Person,
    draw_erasure,
    draw_line,
    draw_mark,
    draw_person,
    draw_stray,
)
from sheets.layout import (
    BubbleShape,
    ChoiceField,
    DigitsField,
    EssayField,
    Layout,
    LayoutPage,
    NumericField,
    Point,
    VersionField,
)
from sheets.pdf import render_pdf

GreyImage = NDArray[np.uint8]

BASE_DPI: Final = 300
PER_MM: Final = BASE_DPI / 25.4


@dataclass(frozen=True, slots=True)
class Condition:
    """How sheets are filled and captured.

    Rates are per question, that of torn corners per sheet, that of struck rows per question left out.
    ``quarter_turns``: any of 0-3 turns of 90 degrees. ``style_change``: how often a person marks otherwise than usual.
    ``instruments``: shares of felt pens, ball pens, soft pencils and light hands.
    """

    name: str
    capture: ScanDials | PhoneDials
    blank_rate: float = 0.03
    double_rate: float = 0.015
    erasure_rate: float = 0.03
    erased_blank_rate: float = 0.005
    stray_rate: float = 0.25
    quarter_turns: bool = False
    torn_rate: float = 0.0
    struck_rate: float = 0.0
    style_change: float = STYLE_CHANGE
    instruments: tuple[float, ...] = INSTRUMENTS


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
    """One image (H, W), its truth, and which bubbles were marked, (N,) in the page's bubble order."""

    image: GreyImage
    truth: Truth
    is_marked: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Hand:
    """A person at a raster (H, W): what is marked on it is remembered."""

    raster: GreyImage
    person: Person
    rng: np.random.Generator
    marked: list[Bubble] = field(default_factory=list)

    def mark(self, bubble: Bubble) -> None:
        draw_mark(self.raster, bubble, self.person, PER_MM, self.rng)
        self.marked.append(bubble)

    def erase(self, bubble: Bubble) -> None:
        draw_erasure(self.raster, bubble, self.person, PER_MM, self.rng)

    def strike(self, bubbles: Sequence[Bubble]) -> None:
        """A line through a whole row: the question is given up."""
        first, last = bubbles[0], bubbles[-1]
        ends = np.array([[first.x - 2 * first.half_width, first.y], [last.x + 2 * last.half_width, last.y]])
        ends[:, 1] += self.rng.normal(0, first.half_height / 2, 2)
        draw_line(self.raster, ends, self.person, PER_MM, self.rng)

    def carefully(self) -> _Hand:
        """As one fills a number, nearly always in one's own way."""
        return replace(self, person=replace(self.person, style_change=0.01))


CONDITIONS: Final = {
    condition.name: condition
    for condition in (
        Condition("flat", ScanDials(dpi=(150, 200), skew_degrees=0.5, noise=1.5, jpeg=(85, 95))),
        Condition("scan300", ScanDials(dpi=(300,), skew_degrees=1.2, noise=4.0, jpeg=(70, 95)), quarter_turns=True),
        Condition("scan100", ScanDials(dpi=(100,), skew_degrees=1.2, noise=3.0, jpeg=(70, 92))),
        Condition("scan600", ScanDials(dpi=(600,), skew_degrees=1.2, noise=5.0, jpeg=(70, 95))),
        Condition("photocopy", ScanDials(dpi=(200,), skew_degrees=0.8, noise=3.0, jpeg=(75, 95), copies=1)),
        Condition("bitonal", ScanDials(dpi=(200,), skew_degrees=0.8, noise=2.0, jpeg=(85, 95), is_bitonal=True)),
        Condition(
            "phone",
            PhoneDials(
                long_side=(1600, 2400),
                tilt_degrees=30.0,
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
                glare=(0.0, 0.5),
            ),
            quarter_turns=True,
            torn_rate=0.05,
            instruments=(0.15, 0.15, 0.45, 0.25),
        ),
    )
}


def make_sample(layout: Layout, condition: Condition, seed: int, *, page: int = 1) -> Sample:
    """One filled and captured page of ``layout``. The same arguments give the same sample."""
    rng = np.random.default_rng([seed, page])
    raster = blank_page(layout, sheet_id="bench", page=page).copy()
    person = replace(draw_person(rng, condition.instruments), style_change=condition.style_change)
    truth, marked = fill_page(raster, layout.page(page), condition, person, rng, sheet_id="bench")
    if condition.torn_rate and rng.random() < condition.torn_rate:
        _tear_corner(raster, rng)
    if isinstance(condition.capture, ScanDials):
        image = scan_page(raster, BASE_DPI, condition.capture, rng)
    else:
        image = photograph_page(raster, BASE_DPI, condition.capture, rng)
    if condition.quarter_turns:
        image = np.ascontiguousarray(np.rot90(image, int(rng.integers(0, 4))))
    places = {(bubble.x, bubble.y) for bubble in marked}
    is_marked = [(x * PER_MM, y * PER_MM) in places for x, y in layout.page(page).bubble_centres]
    return Sample(image, truth, np.array(is_marked))


def _tear_corner(raster: GreyImage, rng: np.random.Generator) -> None:
    """One corner with its marker gone: what lies below the sheet shows."""
    height, width = raster.shape
    side = [rng.uniform(20, 32) * BASE_DPI / 25.4 for _ in range(2)]
    triangle = np.array([[0, 0], [side[0], 0], [0, side[1]]])
    corner = int(rng.integers(0, 4))
    if corner % 2:
        triangle[:, 0] = width - triangle[:, 0]
    if corner // 2:
        triangle[:, 1] = height - triangle[:, 1]
    cv2.fillPoly(raster, [triangle.round().astype(np.int32)], (int(rng.integers(60, 250)),))


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
    page: LayoutPage,
    condition: Condition,
    person: Person,
    rng: np.random.Generator,
    *,
    sheet_id: str,
) -> tuple[Truth, list[Bubble]]:
    """Fill ``raster`` (H, W) at ``BASE_DPI`` in place as ``person`` would; what was meant, and what was marked."""
    hand = _Hand(raster, person, rng)
    answers: dict[str, tuple[str, ...]] = {}
    for asked in page.question_fields:
        if isinstance(asked, EssayField):
            _write_essay(hand, asked)
        elif isinstance(asked, NumericField):
            answers[asked.label] = _fill_numeric(hand.carefully(), asked, condition)
        else:
            answers[asked.label] = _fill_choices(hand, asked, condition)
    number: str | None = None
    if page.student_number is not None:
        number = _fill_number(hand.carefully(), page.student_number, condition)
    version: str | None = None
    if page.version is not None:
        version = _fill_version(hand.carefully(), page.version)
    for drawn in range(math.ceil(condition.stray_rate)):
        if hand.rng.random() < condition.stray_rate - drawn:
            draw_stray(hand.raster, hand.person, PER_MM, hand.rng)
    return Truth(sheet_id, page.number, answers, number, version), hand.marked


def _fill_choices(hand: _Hand, asked: ChoiceField, condition: Condition) -> tuple[str, ...]:
    bubbles, rng = _bubbles(asked.centres, asked.shape), hand.rng
    draw = rng.random()
    order = [int(value) for value in rng.permutation(len(bubbles))]
    if draw < condition.blank_rate:
        count = 0
    elif draw < condition.blank_rate + condition.double_rate:
        count = 2
    else:
        count = 1
    if asked.has_several and count:
        count = int(rng.integers(1, len(bubbles)))
    is_erased = rng.random() < (condition.erasure_rate if count else condition.erased_blank_rate / 0.03)
    if is_erased and count < len(order):
        hand.erase(bubbles[order[count]])
    for index in order[:count]:
        hand.mark(bubbles[index])
    if not count and condition.struck_rate and rng.random() < condition.struck_rate:
        hand.strike(bubbles)
    return tuple(asked.choices[index] for index in sorted(order[:count]))


def _fill_numeric(hand: _Hand, asked: NumericField, condition: Condition) -> tuple[str, ...]:
    """A number written as people do: with or without leading zeros, sometimes rubbed out first. Returns its text."""
    rng = hand.rng
    if rng.random() < condition.blank_rate:
        return ()
    whole_digits = int(rng.integers(1, asked.whole_places + 1))
    whole = "".join(str(rng.integers(0, 10)) for _ in range(whole_digits))
    below = ""
    if asked.decimals and rng.random() < 0.8:
        below = "".join(str(rng.integers(0, 10)) for _ in range(int(rng.integers(1, asked.decimals + 1))))
    elif asked.denominator:
        below = "".join(str(rng.integers(1, 10)) for _ in range(int(rng.integers(1, asked.denominator + 1))))
    sign = ""
    if asked.has_sign and rng.random() < 0.4:
        sign = "-"
    digits = whole.rjust(asked.whole_places)
    digits += below.ljust(asked.decimals) if asked.decimals else below.rjust(asked.denominator)
    marks = ([sign or " "] if asked.has_sign else []) + list(digits)
    for symbol, symbols, column in zip(marks, asked.symbols, asked.columns, strict=True):
        bubbles = _bubbles(column, asked.shape)
        meant = symbols.index(symbol) if symbol in symbols else -1
        if rng.random() < condition.erasure_rate:
            hand.erase(bubbles[(meant + 1) % len(bubbles)])
        if meant >= 0:
            hand.mark(bubbles[meant])
    join = "." if asked.decimals else "/"
    return (f"{sign}{whole}{join}{below}" if below else f"{sign}{whole}",)


def _fill_number(hand: _Hand, asked: DigitsField, condition: Condition) -> str:
    number, rng = "", hand.rng
    for column in asked.columns:
        digit = int(rng.integers(0, 10))
        if rng.random() < 0.01:
            number += "?"
            continue
        number += str(digit)
        bubbles = _bubbles(column, asked.shape)
        if rng.random() < condition.erasure_rate:
            hand.erase(bubbles[(digit + 1) % 10])
        hand.mark(bubbles[digit])
    return number


def _fill_version(hand: _Hand, asked: VersionField) -> str:
    """The marked version, "" for none."""
    if hand.rng.random() < 0.02:
        return ""
    chosen = int(hand.rng.integers(0, len(asked.choices)))
    hand.mark(_bubbles(asked.centres, asked.shape)[chosen])
    return asked.choices[chosen]


def _write_essay(hand: _Hand, asked: EssayField) -> None:
    """Lines of scribble, some of which leave the box by a little."""
    box, rng = asked.box, hand.rng
    for line in range(int(rng.integers(0, asked.lines + 1))):
        y = box.y_mm + box.height_mm * (line + 1.5) / (asked.lines + 1.5)
        steps = int(rng.integers(40, 160))
        x = box.x_mm + 2 + np.arange(steps) * 1.05
        heights = y + rng.normal(0, 1.1, steps) + rng.normal(0, 0.3)
        points = (np.stack([x, heights], axis=1) * PER_MM).round().astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(hand.raster, [points], False, (round(255 * (1 - hand.person.darkness)),), 5, cv2.LINE_AA)


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


def _bubbles(centres: Sequence[Point], shape: BubbleShape) -> list[Bubble]:
    half = (shape.width_mm / 2 * PER_MM, shape.height_mm / 2 * PER_MM)
    return [Bubble(x * PER_MM, y * PER_MM, *half) for x, y in centres]
