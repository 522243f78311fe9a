"""The printed answer sheet: a layout drawn as a vector PDF."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reportlab import rl_config
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from sheets.fields import DIGITS
from sheets.layout import Layout
from sheets.payload import page_payload, parse_payload
from sheets.pen import Pen
from sheets.print_page import PagePrinter
from sheets.typeface import FontMissing, printable, register_fonts

__all__ = ["FontMissing", "Prefill", "page_payload", "parse_payload", "render_pdf"]

# Streams as bytes: written in ASCII they are a quarter larger and cost a fifth of the time.
rl_config.useA85 = 0

DEFAULT_COLOUR: Final = 0x24476B


@dataclass(frozen=True, slots=True)
class Prefill:
    """What is already known of one copy: its student's name, number (as many digits as the sheet has, or empty),
    the token of the copy and the version of the exam, which are in the printed code alone and as a letter."""

    name: str = ""
    number: str = ""
    token: str = ""
    version: str = ""


def render_pdf(
    layout: Layout,
    *,
    sheet_id: str,
    heading: str,
    academy: str,
    copies: Sequence[Prefill] = (),
    subject: str = "",
    colour: int = DEFAULT_COLOUR,
    logo: bytes | None = None,
) -> bytes:
    """The sheet as a PDF: all pages once per copy, or once blank when there are no ``copies``.

    Vector throughout, fonts embedded as subsets; the same arguments give the same bytes. The fixed part of a page
    is stored once, however many copies there are. Characters that the typeface has not (emoji) are left out. A
    ``colour`` (0xRRGGBB) too light to be read on white is darkened. ``logo`` is a PNG for the head of each page;
    nothing that is read moves for it. Raises ``ValueError`` for a sheet id, token or
    version that does not fit the code or a number that does not fit the sheet, :class:`FontMissing` without
    NanumGothic.
    """
    copies = copies or (Prefill(),)
    codes = [
        [
            page_payload(sheet_id, page.number, layout.fingerprint, version=copy.version, token=copy.token)
            for page in layout
        ]
        for copy in copies
    ]
    for copy in copies:
        _check_copy(copy, layout)
    register_fonts()
    out = io.BytesIO()
    size = (layout.paper.width_mm * mm, layout.paper.height_mm * mm)
    canvas = Canvas(out, pagesize=size, invariant=True, pageCompression=1)
    canvas.setTitle(printable(heading))
    canvas.setAuthor(printable(academy))
    printer = PagePrinter(layout, Pen(canvas, layout.paper.height_mm), colour, logo)
    for page in layout:
        canvas.beginForm(f"page{page.number}", 0, 0, *size)
        printer.draw_page(page, printable(heading), printable(academy), printable(subject), sheet_id)
        canvas.endForm()
    is_shared = len(set(map(tuple, codes))) == 1
    if is_shared:
        for page, code in zip(layout, codes[0], strict=True):
            canvas.beginForm(f"code{page.number}", 0, 0, *size)
            printer.draw_code(code)
            canvas.endForm()
    for copy, texts in zip(copies, codes, strict=True):
        name = printable(copy.name)
        for page, code in zip(layout, texts, strict=True):
            canvas.doForm(f"page{page.number}")
            if is_shared:
                canvas.doForm(f"code{page.number}")
            else:
                printer.draw_code(code)
            printer.draw_known(page, name, copy.number, copy.version)
            canvas.showPage()
    canvas.save()
    return out.getvalue()


def _check_copy(copy: Prefill, layout: Layout) -> None:
    digits = layout.number_digits
    if copy.number and not (len(copy.number) == digits and all(digit in DIGITS for digit in copy.number)):
        raise ValueError(f"student number {copy.number!r} is not {digits} digits")
    if copy.version and layout.versions and copy.version not in layout.versions:
        raise ValueError(f"version {copy.version!r} is none of {', '.join(layout.versions)}")
