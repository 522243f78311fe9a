"""Any upload that holds pages: how many, and each as a grey picture. What it is, its bytes say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.media import images, pdf
from workers.media.images import DEFAULT_LIMITS, DecodeLimits
from workers.media.sniff import MediaFormat, sniff


def page_count(data: bytes, *, limits: DecodeLimits = DEFAULT_LIMITS) -> int:
    """How many pages ``data`` (PDF, JPEG, PNG, HEIC, TIFF, WebP, BMP) holds; 1 or more. Raises ``BrokenMedia``."""
    if sniff(data) is MediaFormat.PDF:
        return pdf.count_pages(data, max_pages=limits.max_pages)
    info = images.probe_image(data)
    images.check_size(info.width, info.height, limits)
    return info.frames


def decode_page(
    data: bytes, index: int = 0, *, limits: DecodeLimits = DEFAULT_LIMITS, dpi: float = 200
) -> NDArray[np.uint8]:
    """Page ``index`` (from 0) as grey (H, W) uint8, upright. ``dpi`` applies to PDF only. Raises ``BrokenMedia``."""
    if sniff(data) is MediaFormat.PDF:
        return pdf.render_page_grey(data, index, dpi=dpi, max_pixels=min(limits.max_pixels, pdf.MAX_PAGE_PIXELS))
    return images.decode_grey(data, limits=limits, frame=index)


def decode_colour_page(
    data: bytes, index: int = 0, *, limits: DecodeLimits = DEFAULT_LIMITS, dpi: float = 200
) -> NDArray[np.uint8]:
    """As :func:`decode_page`, BGR (H, W, 3)."""
    if sniff(data) is MediaFormat.PDF:
        return pdf.render_page_colour(data, index, dpi=dpi, max_pixels=min(limits.max_pixels, pdf.MAX_PAGE_PIXELS))
    return images.decode_colour(data, limits=limits, frame=index)


def paper_size_mm(data: bytes, index: int = 0) -> tuple[float, float] | None:
    """What a PDF says of the paper of page ``index``; ``None`` for a picture, which says nothing of it."""
    return pdf.page_size_mm(data, index) if sniff(data) is MediaFormat.PDF else None
