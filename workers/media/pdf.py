"""PDF pages: bytes in, one grey page out, rendered by PDFium.

PDFium is not thread-safe, not even on different documents: call these functions from one thread of a process
only (https://pdfium.googlesource.com/pdfium, "fpdfview.h"). The sandboxed child, which has one thread, does.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from numpy.typing import NDArray

from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import DEFAULT_LIMITS

POINTS_PER_INCH: Final = 72
MM_PER_POINT: Final = 25.4 / POINTS_PER_INCH
# A4 at 300 dpi has 8.7 megapixels; a poster is rendered coarser, never larger.
MAX_PAGE_PIXELS: Final = 25_000_000
MAX_PAGE_SIDE_PX: Final = 12_000


def count_pages(data: bytes, *, max_pages: int = DEFAULT_LIMITS.max_pages) -> int:
    """The number of pages of the PDF ``data``, which has no scripts.

    Raises ``BrokenMedia``: ENCRYPTED, DAMAGED, TOO_MANY_PAGES (over ``max_pages``), HAS_SCRIPTS.
    """
    with opened_pdf(data) as document:
        pages = len(document)
        if pages > max_pages:
            raise BrokenMedia(
                MediaProblem.TOO_MANY_PAGES, f"The PDF has {pages} pages, more than {max_pages}. Please split it."
            )
        if _has_scripts(document):
            raise BrokenMedia(
                MediaProblem.HAS_SCRIPTS, "The PDF contains scripts. Please print it to a new PDF and hand that in."
            )
    return pages


class _ScriptFinder:
    """Looks for the name of a script's action in what is written to it, and keeps nothing."""

    NAME: Final = b"/JavaScript"

    def __init__(self) -> None:
        self.has_found = False
        self._end = b""

    def write(self, data: bytes) -> int:
        piece = bytes(data)
        self.has_found = self.has_found or self.NAME in self._end + piece
        self._end = (self._end + piece)[-len(self.NAME) + 1 :]
        return len(piece)


def _has_scripts(document: pdfium.PdfDocument) -> bool:
    """Whether the document, a page, a field or a link has one: also where they are packed, locked or spelled oddly.

    Nothing here would run it. PDFium writes every object plainly, one after the other, so a copy shows what there is.
    """
    finder = _ScriptFinder()
    try:
        document.save(finder, flags=pdfium_c.FPDF_REMOVE_SECURITY)
    except pdfium.PdfiumError as error:
        raise BrokenMedia(
            MediaProblem.DAMAGED, "The PDF is damaged or not finished. Please export or scan it again."
        ) from error
    return finder.has_found


def render_page_grey(
    data: bytes, index: int, *, dpi: float = 200, max_pixels: int = MAX_PAGE_PIXELS
) -> NDArray[np.uint8]:
    """Page ``index`` (from 0) on white paper, grey (H, W) uint8, upright, annotations drawn.

    ``dpi``: wanted resolution; a page that would have more than ``max_pixels`` is rendered coarser.
    Raises ``BrokenMedia``: ENCRYPTED, DAMAGED, NO_SUCH_PAGE.
    """
    return _render(data, index, dpi, max_pixels, has_colours=False)[:, :, 0]


def render_page_colour(
    data: bytes, index: int, *, dpi: float = 200, max_pixels: int = MAX_PAGE_PIXELS
) -> NDArray[np.uint8]:
    """As :func:`render_page_grey`, BGR (H, W, 3)."""
    return _render(data, index, dpi, max_pixels, has_colours=True)


def page_size_mm(data: bytes, index: int) -> tuple[float, float]:
    """Width and height of page ``index`` (from 0), as it is shown. Raises as :func:`render_page_grey`."""
    with opened_pdf(data) as document:
        if not 0 <= index < len(document):
            raise BrokenMedia(MediaProblem.NO_SUCH_PAGE, f"The PDF has {len(document)} pages.")
        try:
            width, height = document[index].get_size()
        except pdfium.PdfiumError as error:
            raise BrokenMedia(MediaProblem.DAMAGED, f"Page {index + 1} of the PDF cannot be drawn.") from error
    return width * MM_PER_POINT, height * MM_PER_POINT


def _render(data: bytes, index: int, dpi: float, max_pixels: int, *, has_colours: bool) -> NDArray[np.uint8]:
    with opened_pdf(data) as document:
        if not 0 <= index < len(document):
            raise BrokenMedia(
                MediaProblem.NO_SUCH_PAGE, f"The PDF has {len(document)} pages, page {index + 1} is missing."
            )
        try:
            page = document[index]
            scale = _scale(page.get_width(), page.get_height(), dpi, max_pixels)
            bitmap = page.render(scale=scale, grayscale=not has_colours)
        except (pdfium.PdfiumError, ValueError, OverflowError) as error:
            raise BrokenMedia(
                MediaProblem.DAMAGED, f"Page {index + 1} of the PDF cannot be drawn. Please export the PDF again."
            ) from error
        drawn = np.array(bitmap.to_numpy(), dtype=np.uint8)
        bitmap.close()
        page.close()
    return np.ascontiguousarray(drawn.reshape(*drawn.shape[:2], -1)[:, :, :3])


def take_pages(data: bytes, indices: Sequence[int]) -> list[bytes]:
    """The named pages (from 0), each a PDF of its own with its text and fonts, without the document's scripts.

    Raises ``BrokenMedia``: ENCRYPTED, DAMAGED, NO_SUCH_PAGE.
    """
    pages = []
    with opened_pdf(data) as document:
        for index in indices:
            if not 0 <= index < len(document):
                raise BrokenMedia(
                    MediaProblem.NO_SUCH_PAGE, f"The PDF has {len(document)} pages, page {index + 1} is missing."
                )
            pages.append(_joined(index + 1, [(document, [index])]))
    return pages


def join_pdfs(parts: Sequence[bytes]) -> bytes:
    """All pages of ``parts``, one after the other. Raises ``BrokenMedia``."""
    with ExitStack() as stack:
        documents = [stack.enter_context(opened_pdf(part)) for part in parts]
        return _joined(1, [(document, list(range(len(document)))) for document in documents])


def _joined(page_number: int, parts: Sequence[tuple[pdfium.PdfDocument, list[int]]]) -> bytes:
    joined = pdfium.PdfDocument.new()
    try:
        for document, indices in parts:
            joined.import_pages(document, indices)
        buffer = io.BytesIO()
        joined.save(buffer)
    except pdfium.PdfiumError as error:
        raise BrokenMedia(
            MediaProblem.DAMAGED, f"Page {page_number} of the PDF cannot be taken out. Please export the PDF again."
        ) from error
    finally:
        joined.close()
    return buffer.getvalue()


@contextmanager
def opened_pdf(data: bytes) -> Iterator[pdfium.PdfDocument]:
    """The document, closed afterwards. Raises ``BrokenMedia``: ENCRYPTED, DAMAGED."""
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in {pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY}:
            raise BrokenMedia(
                MediaProblem.ENCRYPTED, "The PDF is locked with a password. Please save a copy without one."
            ) from error
        raise BrokenMedia(
            MediaProblem.DAMAGED, "The PDF is damaged or not finished. Please export or scan it again."
        ) from error
    try:
        yield document
    finally:
        document.close()


def _scale(width_pt: float, height_pt: float, dpi: float, max_pixels: int) -> float:
    """Pixels a point, at most ``dpi`` / 72, so that the page fits the caps. Raises ``ValueError`` on no area."""
    if not (math.isfinite(width_pt) and math.isfinite(height_pt) and min(width_pt, height_pt) > 0):
        raise ValueError(f"a page of {width_pt} x {height_pt} points")
    by_area = math.sqrt(max_pixels) / (math.sqrt(width_pt) * math.sqrt(height_pt))
    by_side = MAX_PAGE_SIDE_PX / max(width_pt, height_pt)
    return min(dpi / POINTS_PER_INCH, by_area, by_side)
