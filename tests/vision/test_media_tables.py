"""Lists of students as Korean Excel and others write them, and files made to hurt who reads them."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from workers.media import tables
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.tables import MAX_COLUMNS, MAX_ROWS, read_table

ROWS = [["번호", "이름", "학부모 전화"], ["240101", "김하나", "010-1234-5678"], ["240102", "똠방각하", "01012345679"]]
LINES = [(place, row) for place, row in enumerate(ROWS, start=1)]


def workbook(rows: Sequence[Sequence[object]]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    shown = book.worksheets[0]
    for row in rows:
        shown.append(list(row))
    book.save(file)
    return file.getvalue()


def archive(**parts: str | bytes) -> bytes:
    """An XLSX file of these parts; ``__`` stands for what no name of an argument may hold."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(f"xl/{name.replace('__', '/')}.xml", content)
    return file.getvalue()


def sheet(rows: str) -> bytes:
    return archive(workbook="<workbook/>", worksheets__sheet1=f"<worksheet><sheetData>{rows}</sheetData></worksheet>")


def problem_of(data: bytes) -> MediaProblem:
    with pytest.raises(BrokenMedia) as caught:
        read_table(data)
    return caught.value.reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_csv_is_read_as_korean_excel_and_others_write_it(encoding: str, delimiter: str, end: str) -> None:
    text = end.join(delimiter.join(row) for row in ROWS)
    assert read_table(text.encode(encoding)) == LINES


def test_a_cell_of_csv_may_hold_commas_and_lines() -> None:
    assert read_table('이름,메모\n하나,"a, b\n둘"\n\n두리,x'.encode()) == [
        (1, ["이름", "메모"]),
        (3, ["하나", "a, b\n둘"]),
        (5, ["두리", "x"]),
    ]


def test_a_workbook_is_read_with_the_numbers_of_its_lines() -> None:
    rows: Sequence[Sequence[object]] = [
        ["명단"],
        [],
        *ROWS,
        [240103, "셋", 1012345678],
        [None, None, None],
        [1.5, "넷", None],
    ]
    assert read_table(workbook(rows)) == [
        (1, ["명단"]),
        *[(line + 2, row) for line, row in LINES],
        (6, ["240103", "셋", "1012345678"]),
        (8, ["1.5", "넷"]),
    ]


def test_a_formula_is_its_last_value_and_never_computed() -> None:
    rows = (
        '<row r="3"><c r="A3"><f>1+1</f><v>2</v></c><c r="C3" t="str"><f>HYPERLINK("http://x")</f><v>링크</v></c>'
        '<c r="D3" t="e"><v>#REF!</v></c><c r="E3" t="inlineStr"><is><t>안</t><t>쪽</t></is></c>'
        '<c r="F3"><f>1</f></c></row>'
    )
    assert read_table(sheet(rows)) == [(3, ["2", "", "링크", "", "안쪽", ""])]


def test_the_first_sheet_that_is_shown_is_read() -> None:
    book, file = Workbook(), io.BytesIO()
    book.worksheets[0].sheet_state = "hidden"
    book.worksheets[0].append(["숨김"])
    book.create_sheet("둘째").append(["보임"])
    book.save(file)
    assert read_table(file.getvalue()) == [(1, ["보임"])]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", MediaProblem.EMPTY),
        (b" \n,,\n", MediaProblem.EMPTY),
        (b"\xd0\xcf\x11\xe0" + bytes(600), MediaProblem.OLD_TABLE),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), MediaProblem.NOT_A_TABLE),
        (b"PK\x03\x04 nothing", MediaProblem.DAMAGED_TABLE),
        (archive(document="<x/>"), MediaProblem.NOT_A_TABLE),
        (archive(workbook="<workbook/>"), MediaProblem.DAMAGED_TABLE),
        (archive(workbook="<workbook"), MediaProblem.DAMAGED_TABLE),
        (
            archive(workbook='<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><workbook>&b;</workbook>'),
            MediaProblem.DAMAGED_TABLE,
        ),
        (sheet("<row/>"), MediaProblem.EMPTY),
    ],
)
def test_what_is_no_list_is_refused_with_its_reason(data: bytes, problem: MediaProblem) -> None:
    assert problem_of(data) == problem


def test_a_file_that_unpacks_to_more_than_can_be_read_is_refused_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_PART_BYTES", 4 * 1024 * 1024)
    bomb = sheet("<row><c><v>1</v></c></row>" + " " * 64 * 1024 * 1024)
    assert len(bomb) < 200_000
    begun = time.monotonic()
    assert problem_of(bomb) == MediaProblem.TABLE_TOO_LARGE
    assert time.monotonic() - begun < 30


def test_a_million_rows_are_refused_and_a_million_empty_ones_are_none() -> None:
    assert problem_of(sheet("<row><c><v>1</v></c></row>" * (MAX_ROWS + 2))) == MediaProblem.TOO_MANY_ROWS
    assert problem_of(b"a,b\n" * (MAX_ROWS + 2)) == MediaProblem.TOO_MANY_ROWS
    lines = read_table(sheet("<row/>" * 1_000_000 + '<row r="1048576"><c><v>7</v></c></row>'))
    assert lines == [(1_048_576, ["7"])]


def test_columns_and_references_beyond_reason_are_left_out() -> None:
    row = '<row><c r="XFD1"><v>1</v></c><c r="A1"><v>2</v></c><c r="nonsense"><v>3</v></c>'
    row += '<c r="A1" t="s"><v>99</v></c></row>'
    [(_line, cells)] = read_table(sheet(row))
    assert len(cells) <= MAX_COLUMNS
    assert read_table(b",".join([b"x"] * 500)) == [(1, ["x"] * MAX_COLUMNS)]


@given(st.binary(max_size=400))
def test_any_bytes_are_lines_or_a_reason(data: bytes) -> None:
    for candidate in (data, b"PK\x03\x04" + data):
        try:
            lines = read_table(candidate)
        except BrokenMedia:
            continue
        assert all(any(cells) for _line, cells in lines)
