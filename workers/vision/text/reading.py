"""The whole way from a picture to its text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text import engines, paper
from workers.vision.text.circled import CircledDigit, find_rings, read_rings
from workers.vision.text.engines import FoundWord
from workers.vision.text.layout import Layout, Segment, find_layout, letter_height
from workers.vision.text.networks import TextDetector
from workers.vision.text.outline import cut_out_paper
from workers.vision.text.pages import Box, Language, Line, PageText, Word
from workers.vision.text.paper import Ruled
from workers.vision.text.readers import HANGUL, SURE, LineReader, worth_of
from workers.vision.text.strips import Strip, cut_strip

GreyImage = NDArray[np.uint8]
Progress = Callable[[float], None]

MAX_LONG_SIDE_PX: Final = 5200
PAGE_UNIT_PX: Final = 36.0
"""Letters that a page is shrunk to: at 30 the digits in rings get lost (0.011 of error on photos rather than 0.005)."""
LEAST_SHRINKING: Final = 0.92
SMALL_UNIT_PX: Final = 24.0
ENLARGED_UNIT_PX: Final = 30.0
"""Of pages scanned coarsely: at 150 dpi 0.002 of error rather than 0.046, at 120 dpi 0.02 rather than 0.06 to 0.10. It
is the digits in rings that are saved, and it costs a fiftieth of the time."""
ENLARGED_LONG_SIDE_PX: Final = 3600
MIN_LINE_CONFIDENCE: Final = 0.3
MIN_PAGE_CONFIDENCE: Final = 0.73
"""Below, what was read of a page is noise, and it has no words. Pure noise of eight kinds reads with 0.72 at most, the
worst photo of the benchmark with 0.91; photos shrunk until they read with 0.73 have every third letter wrong."""
SAMPLE_LINES: Final = 4
SAMPLE_PX: Final = 700
PLAINLY_UPRIGHT: Final = 0.85
"""No line of twenty pages of the benchmark reads upside down with more than 0.62 of worth."""
MIN_SKEW_DEGREES: Final = 0.15
WORD_GAP: Final = 0.36
"""Of the letter height: what stands nearer is one word. Tesseract's Korean sets spaces between syllables."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The text of a page and the straightened picture (H, W) its boxes lie on."""

    page: PageText
    image: GreyImage


def read_page(
    image: GreyImage,
    reader: LineReader,
    on_progress: Progress = lambda _: None,
    detector: TextDetector | None = None,
) -> Reading:
    """The text of ``image`` (H, W) grey, a photo or a scan lying any way round.

    A page without words, or of mere noise, has no lines. Where ``detector`` sees no text a line has to be read surely:
    drawings and stains go, and nothing that can be read is lost.
    """
    paper_alone = _at_reading_size(cut_out_paper(_of_workable_size(image)))
    found = _stand_up(paper_alone)
    on_progress(0.2)
    if found is None:
        return Reading(PageText(paper_alone.shape[1], paper_alone.shape[0], ()), paper_alone)
    height, width = found.image.shape
    seen = None if detector is None else detector.find(found.image)
    digits = read_rings(find_rings(found.even, found.ink, found.layout.unit), engines.read_digits)
    for digit in digits:
        ring = digit.ring
        found.even[ring.y : ring.y + ring.height, ring.x : ring.x + ring.width] = 255
    lines: list[Line] = []
    hint = Language.KOREAN
    rows = [(index, row) for index, block in enumerate(found.layout.blocks) for row in block]
    for done, (block, row) in enumerate(rows, start=1):
        words: list[Word] = []
        for segment in row:
            read, hint = _read_segment(found, digits, segment, reader, hint)
            words += read
        if words:
            line = Line(tuple(words), hint, block)
            is_seen = seen is None or seen.holds(line.box)
            if line.confidence >= (MIN_LINE_CONFIDENCE if is_seen else SURE):
                lines.append(line)
        on_progress(0.2 + 0.8 * done / len(rows))
    text = PageText(width, height, _numbered(lines), found.turn_degrees)
    sure = text.confidence
    if sure is not None and sure < MIN_PAGE_CONFIDENCE:
        text = replace(text, lines=())
    return Reading(text, found.image)


def read_crop(image: GreyImage, reader: LineReader, hint: Language = Language.KOREAN) -> list[FoundWord]:
    """The words of a small picture (H, W) of one line that stands upright: no layout, no turning."""
    even = paper.even_light(image)
    ink = paper.find_ink(even)
    unit = None if ink is None else letter_height(ink, tallest_share=1.0)
    if ink is None or unit is None:
        return []
    labels = np.ones(ink.shape, np.int32)
    segment = Segment(Box(0, 0, ink.shape[1], ink.shape[0]), 1)
    words, _ = reader.read(cut_strip(even, ink, labels, segment, unit).pixels, hint)
    return words


@dataclass(frozen=True, slots=True)
class _Found:
    """A page ready to be read line by line. ``image``: upright; ``even``: the same in even light."""

    image: GreyImage
    even: GreyImage
    ink: NDArray[np.uint8]
    layout: Layout
    turn_degrees: float


def _of_workable_size(image: GreyImage) -> GreyImage:
    factor = MAX_LONG_SIDE_PX / max(image.shape)
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _at_reading_size(image: GreyImage) -> GreyImage:
    """``image``, smaller where its letters are larger than the reader needs, which costs by the pixel; larger where
    they are so small that rings and strokes are a pixel wide."""
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) if min(image.shape) >= 200 else image
    ink = paper.find_ink(paper.even_light(np.asarray(half, np.uint8)))
    measured = None if ink is None else letter_height(paper.take_out_rules(ink).ink)
    if measured is None:
        return image
    unit = measured * image.shape[0] / half.shape[0]
    if PAGE_UNIT_PX / unit <= LEAST_SHRINKING:
        factor, method = PAGE_UNIT_PX / unit, cv2.INTER_AREA
    elif unit < SMALL_UNIT_PX:
        factor, method = min(ENLARGED_UNIT_PX / unit, 2.0, ENLARGED_LONG_SIDE_PX / max(image.shape)), cv2.INTER_CUBIC
        if factor <= 1:
            return image
    else:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=method), np.uint8)


def _stand_up(image: GreyImage) -> _Found | None:
    """``image`` with its lines level and its head up. None where there are no lines."""
    even = paper.even_light(image)
    ink = paper.find_ink(even)
    if ink is None:
        return None
    ruled = paper.take_out_rules(ink)
    turn = 0.0
    unit = letter_height(ruled.ink)
    if unit is None:
        return None
    if paper.lies_sideways(ruled.ink, unit):
        image, even, ink = (np.ascontiguousarray(np.rot90(one)) for one in (image, even, ink))
        ruled = Ruled(np.ascontiguousarray(np.rot90(ruled.ink)), np.ascontiguousarray(np.rot90(ruled.rules)))
        turn = 270.0
    skew = paper.skew_degrees(ruled.ink)
    if abs(skew) >= MIN_SKEW_DEGREES:
        image, even = paper.turned(image, skew), paper.turned(even, skew)
        turn -= skew
        level = paper.find_ink(even)
        if level is None:
            return None
        ruled = paper.take_out_rules(level)
    layout = _layout_of(ruled)
    if layout is None:
        return None
    if _is_upside_down(even, ruled.ink, layout):
        image, even = (np.ascontiguousarray(np.rot90(one, 2)) for one in (image, even))
        ruled = Ruled(np.ascontiguousarray(np.rot90(ruled.ink, 2)), np.ascontiguousarray(np.rot90(ruled.rules, 2)))
        layout = _layout_of(ruled)
        turn += 180.0
    return None if layout is None else _Found(image, even, ruled.ink, layout, turn % 360)


def _layout_of(ruled: Ruled) -> Layout | None:
    unit = letter_height(ruled.ink)
    return None if unit is None else find_layout(ruled.ink, ruled.rules, unit)


def _is_upside_down(even: GreyImage, ink: NDArray[np.uint8], layout: Layout) -> bool:
    """Some lines, read both ways round: which way makes more sense. One that reads surely as it is ends the search."""
    segments = [segment for block in layout.blocks for row in block for segment in row]
    longest = sorted(segments, key=lambda segment: -min(segment.box.width, round(14 * layout.unit)))[:SAMPLE_LINES]
    up = down = 0.0
    for segment in longest:
        strip = cut_strip(even, ink, layout.labels, segment, layout.unit).pixels[:, :SAMPLE_PX]
        turned = np.ascontiguousarray(strip[::-1, ::-1])
        best_up = best_down = 0.0
        for language in (Language.KOREAN, Language.ENGLISH):
            best_up = max(best_up, worth_of(engines.read_strip(strip, language)))
            if best_up >= PLAINLY_UPRIGHT:
                return False
            best_down = max(best_down, worth_of(engines.read_strip(turned, language)))
            if best_down >= PLAINLY_UPRIGHT:
                return True
        up, down = up + best_up, down + best_down
    return down > up


def _read_segment(
    found: _Found, digits: Sequence[CircledDigit], segment: Segment, reader: LineReader, hint: Language
) -> tuple[list[Word], Language]:
    """The words of a segment from left to right, its circled digits among them."""
    strip = cut_strip(found.even, found.ink, found.layout.labels, segment, found.layout.unit)
    own = [digit for digit in digits if _holds(segment, found.layout, digit)]
    words: list[Word] = []
    if int(strip.pixels.min()) < 170:
        read, hint = reader.read(strip.pixels, hint)
        words = [_word(strip, word) for word in _joined(strip, read)]
    for digit in own:
        ring = digit.ring
        words.append(Word(digit.sign, Box(ring.x, ring.y, ring.width, ring.height), digit.confidence))
    return sorted(words, key=lambda word: word.box.x), hint


def _holds(segment: Segment, layout: Layout, digit: CircledDigit) -> bool:
    ring = digit.ring
    if not (ring.x < segment.box.right and segment.box.x < ring.x + ring.width):
        return False
    if not (ring.y < segment.box.bottom and segment.box.y < ring.y + ring.height):
        return False
    patch = layout.labels[ring.y : ring.y + ring.height, ring.x : ring.x + ring.width]
    labels, counts = np.unique(patch[patch > 0], return_counts=True)
    return bool(labels.size) and int(labels[int(np.argmax(counts))]) == segment.label


def _joined(strip: Strip, words: list[FoundWord]) -> list[FoundWord]:
    """Words as the gaps on paper have them."""
    if not words:
        return []
    has_ink = np.asarray((strip.pixels < 140).any(0), np.bool_)
    limit = WORD_GAP * 30.0
    joined = [words[0]]
    for word in words[1:]:
        last = joined[-1]
        is_korean = bool(HANGUL.search(last.text[-1]) or HANGUL.search(word.text[0]))
        if is_korean and _gap(has_ink, last.box, word.box) < limit:
            weights = len(last.text), len(word.text)
            sure = (last.confidence * weights[0] + word.confidence * weights[1]) / sum(weights)
            box = (
                min(last.box[0], word.box[0]),
                min(last.box[1], word.box[1]),
                max(last.box[2], word.box[2]),
                max(last.box[3], word.box[3]),
            )
            joined[-1] = FoundWord(last.text + word.text, box, sure)
        else:
            joined.append(word)
    return joined


def _gap(has_ink: NDArray[np.bool_], left: tuple[int, int, int, int], right: tuple[int, int, int, int]) -> int:
    """The longest run of columns without ink round the border of two boxes: Tesseract's are not exact."""
    border = (left[2] + right[0]) // 2
    start, stop = max(border - 16, 0), min(border + 16, has_ink.size)
    longest = run = 0
    for column in has_ink[start:stop]:
        run = 0 if column else run + 1
        longest = max(longest, run)
    return longest


def _word(strip: Strip, word: FoundWord) -> Word:
    left, top, right, bottom = word.box
    x, y = strip.to_page(left, top)
    to_x, to_y = strip.to_page(right, bottom)
    box = Box(round(x), round(y), max(round(to_x - x), 1), max(round(to_y - y), 1))
    return Word(word.text, box, min(max(word.confidence, 0.0), 1.0))


def _numbered(lines: list[Line]) -> tuple[Line, ...]:
    """Blocks numbered without gaps."""
    numbers = {block: number for number, block in enumerate(dict.fromkeys(line.block for line in lines))}
    return tuple(replace(line, block=numbers[line.block]) for line in lines)
