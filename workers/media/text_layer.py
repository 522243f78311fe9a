"""The text that a PDF page holds itself: its words and where they stand, if it is real.

A scan often has none, a stamp or a page number only, or letters that an odd font turns into nonsense. Such a page
is read from its picture.
"""

from __future__ import annotations

import ctypes
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.pdf import POINTS_PER_INCH, opened_pdf

MIN_CHARACTERS: Final = 8
MAX_CHARACTERS: Final = 60_000
MAX_STRANGE_SHARE: Final = 0.05
"""Of the characters that are no text: unmapped, private, control. Fonts without a mapping give nothing else."""
MIN_COVERED_SHARE: Final = 0.6
"""Of the page's ink that stands under its text. A scan with a printed footer has less than a tenth."""
LOOK_DPI: Final = 60
INK_BELOW: Final = 200


@dataclass(frozen=True, slots=True)
class LayerWord:
    """A word in the page's pixels: left, top, width, height."""

    text: str
    box: tuple[int, int, int, int]


def read_text_layer(data: bytes, index: int, *, size: tuple[int, int]) -> list[list[LayerWord]] | None:
    """The lines of page ``index`` (from 0) in the order of the file, in a picture of ``size`` (width, height) px.

    None where there is no text, or none to rely on. Raises ``BrokenMedia``.
    """
    with opened_pdf(data) as document:
        if not 0 <= index < len(document):
            raise BrokenMedia(MediaProblem.NO_SUCH_PAGE, f"The PDF has {len(document)} pages.")
        try:
            page = document[index]
            text_page = page.get_textpage()
            count = text_page.count_chars()
            if not MIN_CHARACTERS <= count <= MAX_CHARACTERS:
                return None
            text = text_page.get_text_range(0, count)
            if _is_nonsense(text):
                return None
            lines = _lines(page, text_page, count, size)
            return lines if lines and _covers_ink(page, lines, size) else None
        except (pdfium.PdfiumError, ValueError, OverflowError):
            return None  # its picture may still be drawn


def _is_nonsense(text: str) -> bool:
    visible = [character for character in text if not character.isspace()]
    if len(visible) < MIN_CHARACTERS:
        return True
    strange = sum(
        unicodedata.category(character) in {"Co", "Cn", "Cc", "Cs"} or character == "�" for character in visible
    )
    letters = sum(character.isalnum() for character in visible)
    return strange > MAX_STRANGE_SHARE * len(visible) or letters < 0.3 * len(visible)


def _lines(page: Any, text_page: Any, count: int, size: tuple[int, int]) -> list[list[LayerWord]]:
    lines: list[list[LayerWord]] = [[]]
    letters: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []

    def end_word() -> None:
        if letters:
            edges = np.array(boxes)
            left, top = edges[:, :2].min(0)
            right, bottom = edges[:, 2:].max(0)
            text = unicodedata.normalize("NFC", "".join(letters))
            box = (round(left), round(top), max(round(right - left), 1), max(round(bottom - top), 1))
            lines[-1].append(LayerWord(text, box))
        letters.clear()
        boxes.clear()

    for number in range(count):
        code = pdfium_c.FPDFText_GetUnicode(text_page.raw, number)
        character = chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else " "
        if character in "\r\n" or character.isspace():
            end_word()
            if character in "\r\n" and lines[-1]:
                lines.append([])
        elif unicodedata.category(character) != "Cc":
            letters.append(character)
            boxes.append(_device_box(page, text_page.get_charbox(number), size))
    end_word()
    return [line for line in lines if line]


def _device_box(
    page: Any, box: tuple[float, float, float, float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """A box of the page's own space in pixels of a picture of ``size``, whatever the page's rotation."""
    xs, ys = [], []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        device_x, device_y = ctypes.c_int(), ctypes.c_int()
        pdfium_c.FPDF_PageToDevice(page.raw, 0, 0, size[0], size[1], 0, x, y, device_x, device_y)
        xs.append(float(min(max(device_x.value, 0), size[0])))
        ys.append(float(min(max(device_y.value, 0), size[1])))
    return min(xs), min(ys), max(xs), max(ys)


def _covers_ink(page: Any, lines: list[list[LayerWord]], size: tuple[int, int]) -> bool:
    scale = min(LOOK_DPI / POINTS_PER_INCH, 1200 / max(page.get_width(), page.get_height(), 1.0))
    bitmap = page.render(scale=scale, grayscale=True)
    pixels = np.array(bitmap.to_numpy(), dtype=np.uint8)
    bitmap.close()
    grey: NDArray[np.uint8] = pixels.reshape(pixels.shape[:2])
    ink = grey < INK_BELOW
    total = int(np.count_nonzero(ink))
    if total == 0:
        return False  # text that nobody sees
    covered = np.zeros(grey.shape, np.uint8)
    factor = scale * page.get_width() / size[0]
    for line in lines:
        for word in line:
            x, y, width, height = (value * factor for value in word.box)
            corner = (int(x) - 2, int(y) - 2)
            cv2.rectangle(covered, corner, (int(x + width) + 2, int(y + height) + 2), (255,), -1)
    return int(np.count_nonzero(ink & (covered > 0))) >= MIN_COVERED_SHARE * total
