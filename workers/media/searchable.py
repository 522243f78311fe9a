"""A PDF of pictures with their text invisibly over them: it looks like the scan, and can be searched and copied."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

FONT: Final = "HYSMyeongJo-Medium"
"""One of the fonts that every reader has for Korean. Nothing is drawn with it, so none is embedded: its code is
Unicode itself (UniKS-UCS2-H), which is what copying and searching go by."""
INVISIBLE: Final = 3  # ISO 32000-1, table 106: neither fill nor stroke
A4_LONG_POINTS: Final = 842.0
WEAK_COLOUR: Final = (1.0, 0.88, 0.35)


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word in its picture's pixels: left, top, width, height; ``is_weak``: it was read doubtfully."""

    text: str
    box: tuple[int, int, int, int]
    is_weak: bool = False


@dataclass(frozen=True, slots=True)
class PicturePage:
    """A JPEG of ``width`` x ``height`` pixels and the lines of words that it shows, in reading order."""

    jpeg: bytes
    width: int
    height: int
    lines: Sequence[Sequence[PlacedWord]]


def write_searchable_pdf(pages: Sequence[PicturePage]) -> bytes:
    """One page of the size of A4's long side per picture. The pictures go in as they are, not coded again."""
    if FONT not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pageCompression=1, invariant=1)
    for page in pages:
        scale = A4_LONG_POINTS / max(page.width, page.height)
        width, height = page.width * scale, page.height * scale
        canvas.setPageSize((width, height))
        canvas.drawImage(ImageReader(io.BytesIO(page.jpeg)), 0, 0, width, height)
        for line in page.lines:
            _write_line(canvas, line, scale, height)
            _mark_weak(canvas, line, scale, height)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _write_line(canvas: Canvas, line: Sequence[PlacedWord], scale: float, page_height: float) -> None:
    for place, word in enumerate(line):
        text = "".join(character for character in word.text if ord(character) < 0x10000)
        left, top, width, height = (value * scale for value in word.box)
        size = max(height * 0.9, 1.0)
        natural = pdfmetrics.stringWidth(text, FONT, size)
        if not text or natural <= 0:
            continue
        written = canvas.beginText(left, page_height - top - height * 0.85)
        written.setTextRenderMode(INVISIBLE)
        written.setFont(FONT, size)
        written.setHorizScale(100 * max(width, 1.0) / natural)
        written.textOut(text + (" " if place + 1 < len(line) else ""))
        canvas.drawText(written)


def _mark_weak(canvas: Canvas, line: Sequence[PlacedWord], scale: float, page_height: float) -> None:
    """Highlighted, with what was read beside it: on the screen, where it can be taken away, and not on paper."""
    for word in line:
        if word.is_weak:
            left, top, width, height = (value * scale for value in word.box)
            box = (left, page_height - top - height, left + width, page_height - top)
            canvas.highlightAnnotation(f"{word.text}?", box, Color=WEAK_COLOUR)
