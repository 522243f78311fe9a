"""Tesseract in this process: one warm engine for each language and mode."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

# Read by Tesseract's OpenMP when it is loaded: two processes with the default are 4.8 times slower than with this.
os.environ["OMP_THREAD_LIMIT"] = "1"

import numpy as np
import tesserocr  # type: ignore[import-untyped]  # ships no types
from numpy.typing import NDArray

from workers.vision.text.pages import Language

GreyImage = NDArray[np.uint8]

TESSDATA: Final = Path("/usr/share/tesseract-ocr/5/tessdata")
"""Debian's: the packages tesseract-ocr, tesseract-ocr-eng and tesseract-ocr-kor. In the image, never downloaded."""
LINE_DPI: Final = 300


class LanguageDataMissing(RuntimeError):
    """The machine has no data for a language: tesseract-ocr-kor is not installed."""


@dataclass(frozen=True, slots=True)
class FoundWord:
    """A word in the strip's pixels: left, top, right, bottom; ``confidence`` 0 to 1."""

    text: str
    box: tuple[int, int, int, int]
    confidence: float


def read_strip(pixels: GreyImage, language: Language) -> list[FoundWord]:
    """The words of one line, black on white (h, w). Raises ``LanguageDataMissing``."""
    return _words(_engine(language, tesserocr.PSM.SINGLE_LINE, ""), pixels, tesserocr.RIL.WORD)


def read_digits(pixels: GreyImage) -> list[FoundWord]:
    """The digits of one line, symbol by symbol: nothing else is recognised."""
    return _words(_engine(Language.ENGLISH, tesserocr.PSM.SINGLE_LINE, "0123456789"), pixels, tesserocr.RIL.WORD)


def warm_up() -> None:
    """Load what every page needs, so that processes forked from this one share it."""
    for language in (Language.KOREAN, Language.ENGLISH, Language.MIXED):
        read_strip(np.full((60, 200), 255, np.uint8), language)
    read_digits(np.full((60, 200), 255, np.uint8))


@cache
def _engine(language: Language, mode: int, only: str) -> Any:
    for part in language.value.split("+"):
        if not (TESSDATA / f"{part}.traineddata").is_file():
            raise LanguageDataMissing(f"{TESSDATA}/{part}.traineddata: install tesseract-ocr-{part}")
    engine = tesserocr.PyTessBaseAPI(path=str(TESSDATA), lang=language.value, psm=mode, oem=tesserocr.OEM.LSTM_ONLY)
    # A Korean line is else measured for a fixed pitch: 3 % of a page's time, and not one letter read otherwise.
    engine.SetVariable("textord_all_prop", "1")
    if only:
        engine.SetVariable("tessedit_char_whitelist", only)
    return engine


def _words(engine: Any, pixels: GreyImage, level: int) -> list[FoundWord]:
    height, width = pixels.shape
    engine.SetImageBytes(np.ascontiguousarray(pixels).tobytes(), width, height, 1, width)
    engine.SetSourceResolution(LINE_DPI)
    found: list[FoundWord] = []
    if not engine.Recognize():
        return found
    results = engine.GetIterator()
    if results is None:
        return found
    for result in tesserocr.iterate_level(results, level):
        box = result.BoundingBox(level)
        try:
            text = (result.GetUTF8Text(level) or "").strip()
        except RuntimeError:  # tesserocr's word for "nothing here"
            continue
        if text and box is not None:
            found.append(FoundWord(text, box, result.Confidence(level) / 100))
    return found
