"""Data that leaves the product as a file: for a reason, streamed, and harmless to open."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.http import HttpResponse, StreamingHttpResponse
from rest_framework import serializers

MAX_REASON_CHARACTERS: Final = 500
_CSV: Final = "text/csv; charset=utf-8"
# Excel takes a file without it for the local code page.
_BYTE_ORDER_MARK: Final = "\ufeff"
# What makes a spreadsheet read a cell as a formula; full-width forms count as well (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class ReasonSerializer(serializers.Serializer[Any]):
    """Why the file is wanted: kept in the trail. To be part of what every export asks for."""

    reason = serializers.CharField(min_length=2, max_length=MAX_REASON_CHARACTERS)


class _Line:
    """What a writer of CSV writes to: gives the line back."""

    def write(self, line: str) -> str:
        return line


def harmless(cell: object) -> str:
    """``cell`` as text that no spreadsheet runs: what could be a formula gets an apostrophe before it."""
    if cell is None:
        return ""
    text = str(cell)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) and not isinstance(cell, int | float) else text


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A CSV file (RFC 4180, UTF-8 with a byte order mark) line by line; nothing is held but the line."""
    writer = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield _BYTE_ORDER_MARK + writer.writerow(header)
    for row in rows:
        yield writer.writerow([harmless(cell) for cell in row])


def csv_response(file_name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """``rows`` as a file named ``file_name`` (ASCII). They are asked for after the request's transaction has ended."""
    return StreamingHttpResponse(csv_lines(header, rows), content_type=_CSV, headers=_as_file(file_name))


def csv_file(file_name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> HttpResponse:
    """As ``csv_response``, for rows that are few and at hand."""
    return HttpResponse("".join(csv_lines(header, rows)), content_type=_CSV, headers=_as_file(file_name))


def _as_file(file_name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{file_name}"', "Cache-Control": "no-store"}
