"""What runs inside the sandboxed child: bytes and JSON in, bytes and JSON out. No database, no network, no state.

The functions here are the only ones a sandbox may call. What they refuse on purpose they raise with a reason and a
message (``BrokenMedia``, ``UnreadableSheet``), which reaches the person who handed the file in.
"""

from __future__ import annotations

from typing import Final, TypedDict

import cv2

from sheets.layout import Layout
from sheets.reading import SheetReadingJson
from sheets.template import parse_template
from workers import progress
from workers.media.encode import encode_jpeg
from workers.media.pages import decode_page, page_count
from workers.vision.essays import cut_essay
from workers.vision.locate import locate_page
from workers.vision.omrchecker import draw_template_overlay
from workers.vision.omrchecker import read_template_sheet as read_other_sheet
from workers.vision.overlay import draw_overlay
from workers.vision.sheet import read_located

cv2.setNumThreads(1)  # a slot is one core; OpenCV's own threads would take the other slots'

PAGE_DPI: Final = 200
"""What a sheet's page of a PDF is drawn at: the reader gains nothing above it (200 and 300 dpi read alike)."""
PAGE_JPEG_QUALITY: Final = 88
OVERLAY_JPEG_QUALITY: Final = 80
ESSAY_JPEG_QUALITY: Final = 85


class SheetAnswer(TypedDict):
    """A page as read, its picture with the reading drawn on it, and by label the essays cut out of it (JPEG)."""

    reading: SheetReadingJson
    overlay_jpeg: bytes
    essay_jpegs: dict[str, bytes]


def count_pages(data: bytes) -> int:
    """How many pages the file has. Raises ``BrokenMedia``."""
    return page_count(data)


def draw_pages(data: bytes, indices: list[int]) -> list[bytes]:
    """The named pages of a PDF (from 0), each as a grey JPEG. Raises ``BrokenMedia``."""
    pictures = []
    for done, index in enumerate(indices, start=1):
        pictures.append(encode_jpeg(decode_page(data, index, dpi=PAGE_DPI), PAGE_JPEG_QUALITY))
        progress.report(done / len(indices))
    return pictures


def read_sheet(data: bytes, layout_json: object) -> SheetAnswer:
    """Read a picture as a sheet of ours. Raises ``BrokenMedia`` and ``UnreadableSheet``."""
    layout = Layout.from_json(layout_json)
    image = decode_page(data)
    progress.report(0.3)
    located = locate_page(image, layout)
    reading = read_located(located, layout)
    progress.report(0.8)
    overlay = draw_overlay(image, layout, reading, located)
    essays = {crop.label: encode_jpeg(cut_essay(image, crop), ESSAY_JPEG_QUALITY) for crop in reading.essays}
    return {
        "reading": reading.to_json(),
        "overlay_jpeg": encode_jpeg(overlay, OVERLAY_JPEG_QUALITY),
        "essay_jpegs": essays,
    }


def read_template_sheet(data: bytes, template_json: dict[str, object], assets: dict[str, bytes]) -> SheetAnswer:
    """Read a picture as another maker's sheet, by its ``template.json`` and the pictures that names.

    Raises ``BrokenMedia`` and ``UnreadableSheet``.
    """
    template = parse_template(template_json, assets=assets)
    image = decode_page(data)
    progress.report(0.3)
    reading = read_other_sheet(image, template)
    progress.report(0.8)
    overlay = draw_template_overlay(image, template, reading)
    return {
        "reading": reading.to_json(),
        "overlay_jpeg": encode_jpeg(overlay, OVERLAY_JPEG_QUALITY),
        "essay_jpegs": {},
    }
