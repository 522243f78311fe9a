"""An exam's results and analysis as an Excel file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Final

from django.utils.translation import pgettext
from xlsxwriter import Workbook

from academy.http.exports import harmless
from apps.exams.analysis import Analysis
from apps.exams.queries import StudentResult

CONTENT_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# What no XML can hold (XML 1.0, 2.2), lone surrogates included.
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MAX_CELL_CHARACTERS: Final = 32_767  # of Excel


def results_workbook(results: Iterable[StudentResult], analysis: Analysis) -> bytes:
    """The file: a sheet of results by student, one of questions, one of answers. No cell is ever a formula."""
    file = BytesIO()
    # XlsxWriter and not openpyxl, which loads numpy into the process wherever that is installed
    book = Workbook(
        file,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    _write(
        book,
        _heading("Results"),
        (
            _heading("Number"),
            _heading("Name"),
            _heading("Points"),
            _heading("Out of"),
            _heading("Unsure"),
            _heading("Awaited"),
            _heading("Pages"),
        ),
        (
            (row.number, row.name, row.points, row.max_points, row.unsure_count, row.awaited_count, row.page_count)
            for row in results
        ),
    )
    _write(
        book,
        _heading("Questions"),
        (
            _heading("Question"),
            _heading("Difficulty"),
            _heading("Discrimination"),
            _heading("Upper less lower 27 %"),
            _heading("Blank"),
            _heading("Multiple"),
            _heading("Unsure"),
        ),
        (
            (item.label, item.difficulty, item.discrimination, item.upper_lower, item.blank, item.multiple, item.unsure)
            for item in analysis.items
        ),
    )
    _write(
        book,
        _heading("Answers"),
        (
            _heading("Question"),
            _heading("Answer"),
            _heading("Accepted"),
            _heading("All"),
            _heading("Upper 27 %"),
            _heading("Lower 27 %"),
        ),
        (
            (item.label, row.answer, "O" if row.is_accepted else "", row.count, row.upper, row.lower)
            for item in analysis.items
            for row in item.answers
        ),
    )
    _write(
        book,
        _heading("Summary"),
        (_heading("Measure"), _heading("Value")),
        (
            (_heading("People"), analysis.people),
            (_heading("Left out"), analysis.left_out),
            (_heading("Out of"), analysis.max_points),
            (_heading("Mean"), analysis.mean),
            (_heading("Median"), analysis.median),
            (_heading("Standard deviation"), analysis.sd),
            (_heading("Cronbach's alpha"), analysis.alpha),
            (_heading("Standard error of measurement"), analysis.sem),
        ),
    )
    book.close()
    return file.getvalue()


def _heading(text: str) -> str:
    return pgettext("column", text)


def _write(book: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    sheet = book.add_worksheet(title)
    sheet.write_row(0, 0, header)
    for place, row in enumerate(rows, start=1):
        sheet.write_row(place, 0, [_cell(value) for value in row])


def _cell(value: object) -> object:
    """Numbers as they are; text as text that no spreadsheet runs."""
    if value is None or not isinstance(value, str):
        return value
    return harmless(_UNWRITABLE.sub("", value))[:MAX_CELL_CHARACTERS]
