"""Lists as people keep them: XLSX, CSV, or what was copied from a spreadsheet. Bytes in, lines of text out.

Of an XLSX file (ECMA-376) the first visible sheet is read, as the values that were last shown: no formula is computed,
nothing outside the file is looked up, a document type is refused. What it unpacks to is bounded before it is.
CSV is UTF-8, UTF-16 with a byte order mark, or CP949 as Korean Excel writes it.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final
from xml.parsers import expat

from workers.media.archive import is_archive
from workers.media.errors import BrokenMedia, MediaProblem

MAX_ROWS: Final = 20_000
MAX_COLUMNS: Final = 50
MAX_CELL_CHARACTERS: Final = 500
MAX_PART_BYTES: Final = 64 * 1024 * 1024
MAX_TEXT_CHARACTERS: Final = 32 * 1024 * 1024
"""Of all shared texts together, and of a CSV file."""
_CHUNK_BYTES: Final = 1024 * 1024
_OLD_OR_LOCKED: Final = b"\xd0\xcf\x11\xe0"  # a compound file: .xls, and .xlsx behind a password
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})[0-9]*\Z")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,2})?\Z")

Line = tuple[int, list[str]]


def read_table(data: bytes) -> list[Line]:
    """The lines that are not empty, each with its number from 1 and its cells as text. Raises ``BrokenMedia``."""
    if not data.strip():
        raise BrokenMedia(MediaProblem.EMPTY, "The file is empty.")
    if data.startswith(_OLD_OR_LOCKED):
        raise BrokenMedia(MediaProblem.OLD_TABLE, "An old or locked Excel file. Please save it as .xlsx, no password.")
    lines = _read_xlsx(data) if is_archive(data) else _read_csv(data)
    if not lines:
        raise BrokenMedia(MediaProblem.EMPTY, "The list has no rows.")
    return lines


def _kept(rows: Iterable[tuple[int, list[str]]]) -> list[Line]:
    lines: list[Line] = []
    for line, cells in rows:
        shown = [_clean(cell) for cell in cells[:MAX_COLUMNS]]
        if not any(shown):
            continue
        if len(lines) > MAX_ROWS:
            raise BrokenMedia(MediaProblem.TOO_MANY_ROWS, f"The list has more than {MAX_ROWS} rows. Please split it.")
        lines.append((line, shown))
    return lines


def _clean(cell: str) -> str:
    text = "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in cell)
    return text.strip()[:MAX_CELL_CHARACTERS]


# ---------------------------------------------------------------- CSV


def _read_csv(data: bytes) -> list[Line]:
    text = _decoded(data)
    if len(text) > MAX_TEXT_CHARACTERS:
        raise BrokenMedia(MediaProblem.TABLE_TOO_LARGE, "The file is too large to be read.")
    first = text[:4096].split("\n", 1)[0]
    delimiter = max("\t;,", key=first.count) if any(first.count(mark) for mark in "\t;,") else ","
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return _kept((rows.line_num, cells) for cells in rows)
    except csv.Error as error:
        raise BrokenMedia(MediaProblem.DAMAGED_TABLE, "The CSV file is damaged.") from error


def _decoded(data: bytes) -> str:
    encodings = ["utf-16"] if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp949"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise BrokenMedia(MediaProblem.NOT_A_TABLE, "This is neither an Excel nor a CSV file.")


# ---------------------------------------------------------------- XLSX


def _read_xlsx(data: bytes) -> list[Line]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            sheet = _first_sheet(book)
            texts = _Texts()
            if "xl/sharedStrings.xml" in book.namelist():
                _parse(book, "xl/sharedStrings.xml", texts)
            rows = _Rows(texts.texts)
            _parse(book, sheet, rows)
            return rows.lines
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, NotImplementedError) as error:
        raise BrokenMedia(MediaProblem.DAMAGED_TABLE, "The Excel file is damaged.") from error
    except RuntimeError as error:  # what zipfile raises for an entry behind a password
        raise BrokenMedia(
            MediaProblem.OLD_TABLE, "The Excel file is locked. Please save it without a password."
        ) from error


class _Handler:
    """What is told of a part's elements, without their namespaces."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, text: str) -> None:
        """Characters of the element that began last."""


def _parse(book: zipfile.ZipFile, name: str, handler: _Handler) -> None:
    """Read one part of the file, bit by bit. Raises ``BrokenMedia``."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise BrokenMedia(MediaProblem.DAMAGED_TABLE, "The Excel file has a document type, which none has.")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda name, attributes: handler.start(name.rpartition(":")[2], attributes)
    parser.EndElementHandler = lambda name: handler.end(name.rpartition(":")[2])
    parser.CharacterDataHandler = handler.text
    seen = 0
    try:
        with book.open(name) as part:
            while chunk := part.read(_CHUNK_BYTES):
                seen += len(chunk)
                if seen > MAX_PART_BYTES:
                    raise BrokenMedia(MediaProblem.TABLE_TOO_LARGE, "The Excel file unpacks to more than can be read.")
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
    except (expat.ExpatError, KeyError) as error:
        raise BrokenMedia(MediaProblem.DAMAGED_TABLE, "The Excel file is damaged.") from error


class _Sheets(_Handler):
    """The book's sheets: (name of the relation, whether it is shown)."""

    def __init__(self) -> None:
        self.found: list[tuple[str, bool]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "sheet":
            relation = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "id"), "")
            self.found.append((relation, attributes.get("state", "visible") == "visible"))


class _Relations(_Handler):
    def __init__(self) -> None:
        self.targets: dict[str, str] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            self.targets[attributes.get("Id", "")] = attributes.get("Target", "")


def _first_sheet(book: zipfile.ZipFile) -> str:
    names = set(book.namelist())
    if "xl/workbook.xml" not in names:
        raise BrokenMedia(MediaProblem.NOT_A_TABLE, "This is neither an Excel nor a CSV file.")
    sheets, relations = _Sheets(), _Relations()
    _parse(book, "xl/workbook.xml", sheets)
    if "xl/_rels/workbook.xml.rels" in names:
        _parse(book, "xl/_rels/workbook.xml.rels", relations)
    shown = [relation for relation, is_shown in sheets.found if is_shown] or [relation for relation, _ in sheets.found]
    target = relations.targets.get(shown[0], "") if shown else ""
    place = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
    return place if place in names else "xl/worksheets/sheet1.xml"


class _Texts(_Handler):
    """The texts that cells refer to; readings beside Japanese words (rPh) are left out."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._parts: list[str] = []
        self._is_text = self._is_reading = False
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:  # noqa: ARG002  texts have none that matter
        if name == "si":
            self._parts = []
        self._is_reading = self._is_reading or name == "rPh"
        self._is_text = name == "t" and not self._is_reading

    def end(self, name: str) -> None:
        self._is_text = False
        if name == "rPh":
            self._is_reading = False
        if name == "si":
            self.texts.append("".join(self._parts)[:MAX_CELL_CHARACTERS])

    def text(self, text: str) -> None:
        if self._is_text:
            self._count += len(text)
            if self._count > MAX_TEXT_CHARACTERS:
                raise BrokenMedia(MediaProblem.TABLE_TOO_LARGE, "The Excel file unpacks to more than can be read.")
            self._parts.append(text)


class _Rows(_Handler):
    """The sheet's rows as lines of text."""

    def __init__(self, texts: list[str]) -> None:
        self.lines: list[Line] = []
        self._texts = texts
        self._line = 0
        self._cells: dict[int, str] = {}
        self._column = -1
        self._kind = ""
        self._parts: list[str] = []
        self._is_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "row":
            told = attributes.get("r", "")
            self._line = int(told) if told.isdecimal() and len(told) < 9 else self._line + 1
            self._cells, self._column = {}, -1
        elif name == "c":
            self._column = _column_of(attributes.get("r", ""), self._column + 1)
            self._kind, self._parts = attributes.get("t", "n"), []
        self._is_value = name == "v" or (name == "t" and self._kind == "inlineStr")

    def text(self, text: str) -> None:
        if self._is_value and len(self._parts) < MAX_CELL_CHARACTERS:
            self._parts.append(text)

    def end(self, name: str) -> None:
        self._is_value = False
        if name == "c" and 0 <= self._column < MAX_COLUMNS:
            self._cells[self._column] = self._shown("".join(self._parts))
        elif name == "row" and self._cells:
            cells = [self._cells.get(place, "") for place in range(max(self._cells) + 1)]
            self.lines += _kept([(self._line, cells)])
            if len(self.lines) > MAX_ROWS + 1:
                raise BrokenMedia(
                    MediaProblem.TOO_MANY_ROWS, f"The list has more than {MAX_ROWS} rows. Please split it."
                )

    def _shown(self, value: str) -> str:
        if self._kind == "s":
            place = int(value) if value.isdecimal() and len(value) < 9 else -1
            return self._texts[place] if 0 <= place < len(self._texts) else ""
        if self._kind == "n":
            return _number(value)
        return "" if self._kind in ("e", "b") else value


def _column_of(reference: str, otherwise: int) -> int:
    found = _REFERENCE.match(reference)
    if found is None:
        return otherwise
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - ord("A") + 1
    return column - 1


def _number(value: str) -> str:
    """A number without what only its storing adds: 1.0101E+10 is 10101000000, 3.0 is 3."""
    if not _NUMBER.match(value):
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    return str(int(number)) if number == number.to_integral_value() and abs(number) < Decimal(10) ** 20 else str(number)
