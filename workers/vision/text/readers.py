"""How the words of one line are read: one port, ``LineReader``, behind which the tiers differ."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text import engines
from workers.vision.text.engines import FoundWord
from workers.vision.text.networks import CtcRecogniser, configured_networks
from workers.vision.text.pages import Language

GreyImage = NDArray[np.uint8]

SURE: Final = 0.8
"""A line read with this confidence in its first language is not tried in another."""
HANGUL: Final = re.compile(r"[가-힣]")
LATIN: Final = re.compile(r"[A-Za-z]")


class LineReader(Protocol):
    """What tells the tiers apart: how the words of one line are read."""

    def read(self, strip: GreyImage, hint: Language) -> tuple[list[FoundWord], Language]:
        """The words of ``strip`` (h, w; black on white, letters about 30 px high) and what language they are in.

        ``hint``: the language of the line before.
        """
        ...


@dataclass(frozen=True, slots=True)
class LiteReader:
    """Tesseract in this process, one pass: in the language of the line before, another where that is doubtful."""

    def read(self, strip: GreyImage, hint: Language) -> tuple[list[FoundWord], Language]:
        first = engines.read_strip(strip, hint)
        if confidence_of(first) >= SURE and _fits(first, hint):
            return (_latin_repaired(strip, first) if hint is Language.KOREAN else first), hint
        if hint is Language.KOREAN and _is_surely_korean(first):
            return _latin_repaired(strip, first), hint  # what is weak are English words in it
        other = Language.ENGLISH if hint is Language.KOREAN else Language.KOREAN
        second = engines.read_strip(strip, other)
        words, language = first, hint
        if worth_of(second) > worth_of(first):
            words, language = second, other
        if language is Language.KOREAN:
            words = _latin_repaired(strip, words)
        return words, language


@dataclass(frozen=True, slots=True)
class BasicReader:
    """As ``LiteReader``, then what is weak once more: larger and softened, in both languages together."""

    first: LiteReader = LiteReader()

    def read(self, strip: GreyImage, hint: Language) -> tuple[list[FoundWord], Language]:
        words, language = self.first.read(strip, hint)
        if words and min(word.confidence for word in words) >= SURE:
            return words, language
        for factor, tried in ((1.5, language), (1.25, Language.MIXED)):
            again = _at_scale(strip, factor, tried)
            if worth_of(again) > worth_of(words) + 0.01:
                words = again
        return words, language


@dataclass(frozen=True, slots=True)
class PremiumReader:
    """As ``BasicReader``, then what is still weak by a network, where one is configured."""

    recogniser: CtcRecogniser
    first: BasicReader = BasicReader()

    def read(self, strip: GreyImage, hint: Language) -> tuple[list[FoundWord], Language]:
        words, language = self.first.read(strip, hint)
        if words and min(word.confidence for word in words) >= SURE:
            return words, language
        again = self.recogniser.read(strip)
        if worth_of(again) <= worth_of(words) + 0.01:
            return words, language
        has_hangul = any(HANGUL.search(word.text) for word in again)
        return again, Language.KOREAN if has_hangul else Language.ENGLISH


def confidence_of(words: Sequence[FoundWord]) -> float:
    """The mean of the words by length; 0 for none."""
    total = sum(len(word.text) for word in words)
    return sum(word.confidence * len(word.text) for word in words) / total if total else 0.0


def worth_of(words: Sequence[FoundWord]) -> float:
    """Confidence, less where a reading is made of the digits and signs that stand for a script it cannot read."""
    text = "".join(word.text for word in words)
    if not text:
        return 0.0
    letters = sum(1 for character in text if HANGUL.match(character) or LATIN.match(character))
    return confidence_of(words) - (0.0 if letters >= 0.4 * len(text) else 0.12)


def _fits(words: Sequence[FoundWord], language: Language) -> bool:
    """Whether a sure reading also looks like its language: Korean data reads English as digits, now and then surely."""
    text = "".join(word.text for word in words)
    if language is Language.KOREAN:
        return bool(HANGUL.search(text)) or not LATIN.search(text)
    return True


def _is_surely_korean(words: Sequence[FoundWord]) -> bool:
    """Whether Hangul that was read surely makes up half of the line."""
    sure = sum(len(HANGUL.findall(word.text)) for word in words if word.confidence >= SURE)
    return 2 * sure >= sum(len(word.text) for word in words)


def _latin_repaired(strip: GreyImage, words: list[FoundWord]) -> list[FoundWord]:
    """English words in a Korean line, which its data reads as digits and signs, read as English."""
    repaired = []
    for place, word in enumerate(words):
        is_foreign = not HANGUL.search(word.text) and word.confidence < 0.9
        is_foreign = is_foreign and (len(word.text) >= 2 or word.confidence < 0.5)
        left, right = max(word.box[0] - 3, 0), min(word.box[2] + 3, strip.shape[1])
        if place + 1 < len(words) and words[place + 1].box[0] > left:
            right = min(right, words[place + 1].box[0])  # its box reaches into the particle that follows it
        if is_foreign and right - left >= 8:
            crop = cv2.copyMakeBorder(strip[:, left:right], 0, 0, 12, 12, cv2.BORDER_CONSTANT, value=(255,))
            again = engines.read_strip(np.asarray(crop, np.uint8), Language.ENGLISH)
            if again and confidence_of(again) > word.confidence + 0.03:
                repaired.append(FoundWord(" ".join(one.text for one in again), word.box, confidence_of(again)))
                continue
        repaired.append(word)
    return repaired


def _at_scale(strip: GreyImage, factor: float, language: Language) -> list[FoundWord]:
    larger = cv2.resize(strip, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    soft = np.asarray(cv2.GaussianBlur(larger, (3, 3), 0.8), np.uint8)
    found = engines.read_strip(soft, language)
    return [
        replace(word, box=tuple(round(value / factor) for value in word.box))  # type: ignore[arg-type]  # four stay four
        for word in found
    ]


def reader_of(tier: str) -> LineReader:
    """The reader of the tier "lite", "basic" or "premium". Raises ``UnusableModel`` as ``configured_networks``."""
    if tier == "lite":
        return LiteReader()
    networks = configured_networks() if tier == "premium" else None
    return BasicReader() if networks is None else PremiumReader(networks.recogniser)
