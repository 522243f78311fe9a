"""How texts are compared when they are searched, and the signature by which most pages are passed over.

The embedded PostgreSQL has no contrib modules, and under row-level security no index but a B-tree led by the academy
serves a search (decision 21). So an academy's pages are looked through by a signature of 512 bytes each: one bit for
every letter and pair of letters that a page holds. What its bits let through is compared with the text itself.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SIGNATURE_BITS: Final = 4096
"""A full page of Hangul sets a fifth of them; a word of two letters then lets one other page in a hundred through."""
_HANGUL_GAP: Final = re.compile(r"(?<=[가-힣])\s+(?=[가-힣])")
_SPACE: Final = re.compile(r"\s+")


def folded(text: str) -> str:
    """``text`` as it is compared: compatibility forms and case are one, and Korean is spaced in no way at all."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\x00", "")
    return _SPACE.sub(" ", _HANGUL_GAP.sub("", plain)).strip()


def terms_of(query: str) -> list[str]:
    """What must all be found: the words of ``query``, folded, each once."""
    return list(dict.fromkeys(word for word in folded(_SPACE.sub(" | ", query)).split(" ") if word not in ("", "|")))


def signature(text: str) -> str:
    """The bits of a folded text, as PostgreSQL writes them: "0100..."."""
    bits = bytearray(b"0" * SIGNATURE_BITS)
    for gram in _grams(text):
        bits[zlib.crc32(gram.encode()) % SIGNATURE_BITS] = ord("1")
    return bits.decode()


def _grams(text: str) -> Iterator[str]:
    for place, character in enumerate(text):
        if character != " ":
            yield character
            following = text[place + 1 : place + 2]
            if following.strip():
                yield character + following


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text, and where in it the words stand that were looked for (start, end)."""

    text: str
    highlights: list[tuple[int, int]]


SNIPPET_CHARACTERS: Final = 120


def snippet_of(text: str, terms: list[str]) -> Snippet:
    """The piece of ``text`` with the first word that was looked for, and all of them marked in it.

    Places, not markup: what a page says is never taken for HTML.
    """
    plain, places = _folded_with_places(text)
    spans = sorted(
        (places[found], places[found + len(term) - 1] + 1) for term in terms for found in _occurrences(plain, term)
    )
    first = spans[0][0] if spans else 0
    start = max(first - SNIPPET_CHARACTERS // 4, 0)
    piece = text[start : start + SNIPPET_CHARACTERS]
    merged: list[tuple[int, int]] = []
    for begin, end in spans:
        begin, end = max(begin - start, 0), min(end - start, len(piece))
        if begin >= end:
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return Snippet(piece.replace("\n", " "), merged)


def words_with(words: Sequence[str], terms: Sequence[str]) -> set[int]:
    """Which of a line's ``words`` the ``terms`` stand on, also where one begins in a word and ends in the next."""
    owners: list[int] = []
    letters: list[str] = []
    for place, word in enumerate(words):
        plain = folded(word).replace(" ", "")
        letters.append(plain)
        owners += [place] * len(plain)
    line = "".join(letters)
    return {
        owner
        for term in terms
        for found in _occurrences(line, term.replace(" ", ""))
        for owner in owners[found : found + len(term)]
    }


def _occurrences(text: str, term: str) -> Iterator[int]:
    found = text.find(term)
    while found >= 0:
        yield found
        found = text.find(term, found + len(term))


def _folded_with_places(text: str) -> tuple[str, list[int]]:
    """``text`` folded letter by letter, and for each letter where it came from."""
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for part in unicodedata.normalize("NFKC", character).casefold():
            letters.append(" " if part.isspace() else part)
            places.append(place)
    kept = [
        index
        for index, letter in enumerate(letters)
        if letter != " " or not (_is_hangul_before(letters, index) and _is_hangul_after(letters, index))
        if letter != " " or index == 0 or letters[index - 1] != " "
    ]
    return "".join(letters[index] for index in kept), [places[index] for index in kept]


def _is_hangul_before(letters: list[str], index: int) -> bool:
    while index > 0 and letters[index - 1] == " ":
        index -= 1
    return index > 0 and "가" <= letters[index - 1] <= "힣"


def _is_hangul_after(letters: list[str], index: int) -> bool:
    while index + 1 < len(letters) and letters[index + 1] == " ":
        index += 1
    return index + 1 < len(letters) and "가" <= letters[index + 1] <= "힣"
