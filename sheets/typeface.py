"""The typeface of printed sheets: every modern Hangul syllable, Latin, digits; and what it cannot print."""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONT_DIRECTORIES: Final = (
    Path("/usr/share/fonts/truetype/nanum"),  # Debian, Ubuntu: fonts-nanum
    Path("/usr/share/fonts/nanum"),  # Fedora, Amazon Linux
    Path("/usr/share/fonts/naver-nanum-gothic-fonts"),
    Path("/usr/local/share/fonts/nanum"),
)
REGULAR: Final = "NanumGothic"
BOLD: Final = "NanumGothicBold"


class FontMissing(Exception):
    """The Korean font is not installed on this machine."""


def register_fonts() -> None:
    """Make both weights known to reportlab. Raises :class:`FontMissing`."""
    for name in (REGULAR, BOLD):
        if name in pdfmetrics.getRegisteredFontNames():
            continue
        for directory in FONT_DIRECTORIES:
            path = directory / f"{name}.ttf"
            if path.is_file():
                pdfmetrics.registerFont(TTFont(name, str(path)))
                break
        else:
            raise FontMissing(f"{name}.ttf is not in {', '.join(map(str, FONT_DIRECTORIES))}: install fonts-nanum")


def printable(text: str) -> str:
    """``text`` composed (a name typed on a Mac comes in jamo), without what the typeface has no glyph for.

    Raises :class:`FontMissing`.
    """
    register_fonts()
    glyphs = _glyphs()
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return " ".join("".join(letter for letter in composed if ord(letter) in glyphs and letter.isprintable()).split())


@cache
def _glyphs() -> frozenset[int]:
    """The characters that both weights can print."""
    fonts = [pdfmetrics.getFont(name) for name in (REGULAR, BOLD)]
    both = [frozenset(font.face.charToGlyph) for font in fonts if isinstance(font, TTFont)]
    return both[0] & both[1]
