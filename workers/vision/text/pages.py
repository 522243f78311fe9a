"""What was read on a page, and how it travels. Version 1 of the JSON is what the API shows and old results hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypedDict

SCHEMA_VERSION: Final = 1
WEAK_CONFIDENCE: Final = 0.85
"""Words below are marked. Of 6,000 words on twenty pages of the benchmark 44 were wrong: half of those lie there, and
six in a thousand of the right ones; the other half are read wrong as surely as right ones are."""


class Language(StrEnum):
    """What a line was read as, in Tesseract's words; ``LAYER``: it is the PDF's own text."""

    KOREAN = "kor"
    ENGLISH = "eng"
    MIXED = "kor+eng"
    LAYER = "layer"


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels of the straightened page: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    def around(self, other: Box) -> Box:
        """The smallest box that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, where it stands, and how sure the reader is (0 to 1)."""

    text: str
    box: Box
    confidence: float

    @property
    def is_weak(self) -> bool:
        return self.confidence < WEAK_CONFIDENCE


@dataclass(frozen=True, slots=True)
class Line:
    """Words from left to right. ``block``: which block of the page it belongs to, from 0 in reading order."""

    words: tuple[Word, ...]
    language: Language
    block: int = 0

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def box(self) -> Box:
        box = self.words[0].box
        for word in self.words[1:]:
            box = box.around(word.box)
        return box

    @property
    def confidence(self) -> float:
        """The words' mean, long ones counting for more."""
        weights = [len(word.text) for word in self.words]
        weighted = (word.confidence * weight for word, weight in zip(self.words, weights, strict=True))
        return sum(weighted) / max(sum(weights), 1)


class WordJson(TypedDict):
    text: str
    box: list[int]
    confidence: float
    is_weak: bool


class LineJson(TypedDict):
    block: int
    language: str
    words: list[WordJson]


class PageTextJson(TypedDict):
    version: int
    width: int
    height: int
    turn_degrees: float
    lines: list[LineJson]


@dataclass(frozen=True, slots=True)
class PageText:
    """A page of ``width`` x ``height`` pixels, straightened, and its lines in reading order.

    ``turn_degrees``: how far the picture that came in was turned clockwise to stand upright.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    turn_degrees: float = 0.0

    @property
    def text(self) -> str:
        """Lines one below the other, blocks apart by an empty line."""
        parts: list[str] = []
        for index, line in enumerate(self.lines):
            if index and line.block != self.lines[index - 1].block:
                parts.append("")
            parts.append(line.text)
        return "\n".join(parts)

    @property
    def confidence(self) -> float | None:
        """The words' mean by length; None where there is no word: an empty page is not badly read."""
        words = [word for line in self.lines for word in line.words]
        if not words:
            return None
        return Line(tuple(words), Language.MIXED).confidence

    def scaled(self, factor: float) -> PageText:
        """The same page in a picture ``factor`` times as large."""

        def box(old: Box) -> Box:
            return Box(*(round(value * factor) for value in (old.x, old.y, old.width, old.height)))

        lines = tuple(
            replace(line, words=tuple(replace(word, box=box(word.box)) for word in line.words)) for line in self.lines
        )
        return replace(self, width=round(self.width * factor), height=round(self.height * factor), lines=lines)

    def to_json(self) -> PageTextJson:
        return {
            "version": SCHEMA_VERSION,
            "width": self.width,
            "height": self.height,
            "turn_degrees": round(self.turn_degrees, 2),
            "lines": [_line_json(line) for line in self.lines],
        }

    @classmethod
    def from_json(cls, data: PageTextJson) -> PageText:
        """Raises ``ValueError`` on a version from elsewhere."""
        if data["version"] != SCHEMA_VERSION:
            raise ValueError(f"version {data['version']} of a page's text")
        lines = tuple(
            Line(
                tuple(Word(word["text"], Box(*word["box"]), word["confidence"]) for word in line["words"]),
                Language(line["language"]),
                line["block"],
            )
            for line in data["lines"]
        )
        return cls(data["width"], data["height"], lines, data["turn_degrees"])


def _line_json(line: Line) -> LineJson:
    return {
        "block": line.block,
        "language": line.language.value,
        "words": [
            {
                "text": word.text,
                "box": [word.box.x, word.box.y, word.box.width, word.box.height],
                "confidence": round(word.confidence, 3),
                "is_weak": word.is_weak,
            }
            for word in line.words
        ],
    }
