"""What runs inside the sandboxed child: bytes and JSON in, bytes and JSON out. No database, no network, no state.

The functions here are the only ones a sandbox may call. What they refuse on purpose they raise with a reason and a
message (``BrokenMedia``, ``UnreadableSheet``), which reaches the person who handed the file in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypedDict, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.homework import PageReadingJson, RegionJson, regions_from_json, regions_to_json
from sheets.layout import Layout
from sheets.reading import SheetReadingJson
from sheets.template import parse_template
from workers import progress
from workers.film import open_film, shrunk
from workers.media import archive, logo, tables
from workers.media.encode import encode_jpeg, encode_png
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import FULL_SIZE_LIMITS
from workers.media.lecture import draw_storyboard, write_streamable
from workers.media.pages import decode_colour_page, decode_page, page_count, paper_size_mm
from workers.media.pdf import join_pdfs, take_pages
from workers.media.renditions import write_renditions
from workers.media.searchable import PicturePage, PlacedWord, write_searchable_pdf
from workers.media.sniff import MediaFormat, sniff
from workers.media.text_layer import read_text_layer
from workers.vision.essays import cut_essay
from workers.vision.homework.evidence import cut_region, draw_verdicts
from workers.vision.homework.reading import BlankPage, read_homework, register_page
from workers.vision.homework.unregistered import read_unregistered
from workers.vision.locate import locate_page
from workers.vision.omrchecker import draw_template_overlay, flatten_blank
from workers.vision.omrchecker import read_template_sheet as read_other_sheet
from workers.vision.overlay import draw_overlay
from workers.vision.sheet import read_located
from workers.vision.text.networks import configured_networks
from workers.vision.text.pages import Box, Language, Line, PageText, PageTextJson, Word
from workers.vision.text.readers import reader_of
from workers.vision.text.reading import read_page

cv2.setNumThreads(1)  # a slot is one core; OpenCV's own threads would take the other slots'

PAGE_DPI: Final = 200
"""What a sheet's page of a PDF is drawn at: the reader gains nothing above it (200 and 300 dpi read alike)."""
PAGE_JPEG_QUALITY: Final = 88
OVERLAY_JPEG_QUALITY: Final = 80
ESSAY_JPEG_QUALITY: Final = 85
FILMED_JPEG_QUALITY: Final = 88
LECTURE_FILE: Final = "lecture.mp4"
THUMBNAIL_SIDE: Final = 320
THUMBNAIL_JPEG_QUALITY: Final = 75
TEXT_DPI: Final = 300
"""What a page of text is drawn at to be read: below 250 dpi small Hangul loses strokes."""
SHOWN_LONG_SIDE_PX: Final = 2200
"""Of the picture that people see of a page of text, some 190 dpi of A4."""
SHOWN_JPEG_QUALITY: Final = 78
MOST_WEAK_LINES: Final = 40
BLANK_JPEG_QUALITY: Final = 92
"""Of a registered page, whose noise is taken for print above a darkness of 0.1; at 92 it stays below 0.04."""
REGION_JPEG_QUALITY: Final = 80


class RegisteredPageAnswer(TypedDict):
    """A blank page as it is kept: its picture (JPEG), its paper in mm, and the regions proposed for its problems."""

    picture_jpeg: bytes
    paper_mm: list[float]
    regions: list[RegionJson]


class KnownPage(TypedDict):
    """A registered page as homework is compared with it."""

    picture_jpeg: bytes
    paper_mm: list[float]
    regions: list[RegionJson]


class HomeworkAnswer(TypedDict):
    """A page of homework as read; the page straight with the verdicts drawn on it, and by label what is in each region
    (JPEG). No picture when it shows no page of the worksheet."""

    reading: PageReadingJson
    overlay_jpeg: bytes | None
    region_jpegs: dict[str, bytes]


class SheetAnswer(TypedDict):
    """A page as read, its picture with the reading drawn on it, and by label the essays cut out of it (JPEG)."""

    reading: SheetReadingJson
    overlay_jpeg: bytes
    essay_jpegs: dict[str, bytes]


class BlankSheetAnswer(TypedDict):
    """A blank sheet of another maker, flat (JPEG), its size in pixels, and its bubbles: x, y, width, height each."""

    picture_jpeg: bytes
    width: int
    height: int
    bubbles: list[list[float]]


class EntryJson(TypedDict):
    name: str
    byte_count: int


def list_entries(data: bytes) -> list[EntryJson]:
    """The pictures of a ZIP file by name. Raises ``BrokenMedia``."""
    return [{"name": entry.name, "byte_count": entry.byte_count} for entry in archive.list_entries(data)]


def unpack_entries(data: bytes, indices: list[int]) -> list[bytes]:
    """The named pictures of a ZIP file (from 0) as they are in it, b"" for a damaged one. Raises ``BrokenMedia``."""
    return archive.unpack_entries(data, indices)


def read_table(data: bytes) -> list[tuple[int, list[str]]]:
    """The lines of an Excel or CSV file: each its number and its cells."""
    return tables.read_table(data)


class FilmedPageAnswer(TypedDict):
    """One page of a film. ``at`` and ``stays`` (from, to) in seconds; pictures as JPEG."""

    at: float
    stays: list[list[float]]
    jpeg: bytes
    thumbnail_jpeg: bytes
    width: int
    height: int
    is_straightened: bool


class FilmAnswer(TypedDict):
    """What a film shows. ``width`` and ``height`` as stored. The flags say why pages may be missing."""

    pages: list[FilmedPageAnswer]
    seconds: float
    width: int
    height: int
    codec: str
    is_truncated: bool
    is_timed_out: bool
    is_cut_off: bool


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


def draw_blank_sheet(data: bytes) -> BlankSheetAnswer:
    """The first page of a file as a blank sheet of another maker. Raises ``BrokenMedia``."""
    image = decode_page(data, dpi=PAGE_DPI)
    progress.report(0.4)
    blank = flatten_blank(image, is_whole=sniff(data) is MediaFormat.PDF)
    height, width = blank.picture.shape
    return {
        "picture_jpeg": encode_jpeg(blank.picture, PAGE_JPEG_QUALITY),
        "width": width,
        "height": height,
        "bubbles": [[round(value, 1) for value in box] for box in blank.bubbles],
    }


class LogoAnswer(TypedDict):
    """A logo drawn anew (PNG), and the same in a square."""

    logo_png: bytes
    icon_png: bytes


def draw_logo(data: bytes) -> LogoAnswer:
    """A picture as an academy's logo. Raises ``BrokenMedia``."""
    picture, icon = logo.draw_logo(data)
    return {"logo_png": encode_png(picture), "icon_png": encode_png(icon)}


def find_pages(path: str, max_pages: int, time_limit_seconds: float) -> FilmAnswer:
    """The pages of the film in the file ``path``, at most ``max_pages``. Raises ``BrokenMedia``.

    After ``time_limit_seconds`` what was found by then is returned, flagged.
    """
    with Path(path).open("rb") as file, open_film(file, time_limit_seconds=time_limit_seconds) as film:
        found = film.find_pages(max_pages=max_pages, report=lambda share: progress.report(0.9 * share))
        pages: list[FilmedPageAnswer] = []
        for page in film.pictures(found):
            height, width = page.picture.shape[:2]
            pages.append(
                {
                    "at": page.found.best.at,
                    "stays": [[stay.start, stay.end] for stay in page.found.stays],
                    "jpeg": encode_jpeg(page.picture, FILMED_JPEG_QUALITY),
                    "thumbnail_jpeg": encode_jpeg(shrunk(page.picture, THUMBNAIL_SIDE), THUMBNAIL_JPEG_QUALITY),
                    "width": width,
                    "height": height,
                    "is_straightened": page.is_straightened,
                }
            )
            progress.report(0.9 + 0.1 * len(pages) / len(found.pages))
        if not pages:
            raise BrokenMedia(
                MediaProblem.NO_PAGES, "No page lies still in this video. Show each page for two seconds or more."
            )
        facts = film.facts
        return {
            "pages": sorted(pages, key=lambda page: page["stays"][0][0]),
            "seconds": facts.seconds,
            "width": facts.width,
            "height": facts.height,
            "codec": facts.codec,
            "is_truncated": found.is_truncated,
            "is_timed_out": film.is_timed_out,
            "is_cut_off": facts.is_cut_off or film.damaged_packets > 0,
        }


class LectureAnswer(TypedDict):
    """A lecture as written to ``file`` in the working folder. ``storyboard``: where each small picture lies in it.

    ``width``, ``height`` and ``codec`` of what was sent; the flags say why what was written may be shorter.
    """

    file: str
    seconds: float
    width: int
    height: int
    codec: str
    has_sound: bool
    is_copied: bool
    is_cut_off: bool
    is_timed_out: bool
    poster_jpeg: bytes
    storyboard_jpeg: bytes
    storyboard: StoryboardJson


class StoryboardJson(TypedDict):
    """Tile n, row by row, shows the moment ``n * every_seconds``; sizes in pixels."""

    every_seconds: float
    columns: int
    count: int
    tile_width: int
    tile_height: int


def prepare_lecture(path: str, time_limit_seconds: float) -> LectureAnswer:
    """Write the lecture in the file ``path`` as browsers play it, and draw its poster and storyboard.

    After ``time_limit_seconds`` of writing what was written by then is kept, flagged. Raises ``BrokenMedia``.
    """
    target = Path(LECTURE_FILE)
    with Path(path).open("rb") as file:
        written = write_streamable(
            file, target, time_limit_seconds=time_limit_seconds, report=lambda share: progress.report(0.85 * share)
        )
    with target.open("rb") as file:
        board = draw_storyboard(
            file, seconds=written.seconds, report=lambda share: progress.report(0.85 + 0.15 * share)
        )
    return {
        "file": LECTURE_FILE,
        "seconds": written.seconds,
        "width": written.source.width,
        "height": written.source.height,
        "codec": written.source.codec,
        "has_sound": written.has_sound,
        "is_copied": written.is_copied,
        "is_cut_off": written.is_cut_off,
        "is_timed_out": written.is_timed_out,
        "poster_jpeg": encode_jpeg(board.poster, FILMED_JPEG_QUALITY),
        "storyboard_jpeg": encode_jpeg(board.sprite, THUMBNAIL_JPEG_QUALITY),
        "storyboard": {
            "every_seconds": board.every_seconds,
            "columns": board.columns,
            "count": board.count,
            "tile_width": board.tile_width,
            "tile_height": board.tile_height,
        },
    }


class RenditionAnswer(TypedDict):
    """One quality of a lecture as written to ``file`` in the working folder; bits are per second.

    ``segments``: seconds and bytes of each, one after the other from ``head_bytes`` on.
    """

    name: str
    file: str
    width: int
    height: int
    codecs: str
    peak_bits: int
    average_bits: int
    head_bytes: int
    segments: list[list[float]]


def write_lecture_renditions(path: str, time_limit_seconds: float) -> list[RenditionAnswer]:
    """Write what ``prepare_lecture`` wrote in the qualities that players choose from, the highest first.

    Raises ``BrokenMedia``, also when it is too long for the time.
    """
    with Path(path).open("rb") as file:
        written = write_renditions(file, Path(), time_limit_seconds=time_limit_seconds, report=progress.report)
    return [
        {
            "name": one.name,
            "file": one.file,
            "width": one.width,
            "height": one.height,
            "codecs": one.codecs,
            "peak_bits": one.peak_bits_per_second,
            "average_bits": one.average_bits_per_second,
            "head_bytes": one.head_bytes,
            "segments": [[seconds, byte_count] for seconds, byte_count in one.segments],
        }
        for one in written
    ]


def register_homework_page(data: bytes, index: int, first_label: int) -> RegisteredPageAnswer:
    """Register page ``index`` (from 0) of a blank worksheet; its problems are numbered from ``first_label``.

    Raises ``BrokenMedia`` and ``UnusablePage``.
    """
    image = decode_page(data, index, dpi=PAGE_DPI)
    progress.report(0.3)
    page = register_page(image, paper_size_mm(data, index), first_label)
    return {
        "picture_jpeg": encode_jpeg(page.picture, BLANK_JPEG_QUALITY),
        "paper_mm": [round(side, 2) for side in page.paper_mm],
        "regions": regions_to_json(page.regions),
    }


def read_homework_page(data: bytes, index: int, pages: list[KnownPage], likely: int) -> HomeworkAnswer:
    """Read page ``index`` of what was handed in against the ``pages`` of its worksheet, the ``likely`` one first.

    Without pages handwriting is told from print on the picture alone. Raises ``BrokenMedia``.
    """
    image = decode_colour_page(data, index, dpi=PAGE_DPI)
    progress.report(0.2)
    if pages:
        known = [
            BlankPage(
                decode_page(page["picture_jpeg"]),
                (page["paper_mm"][0], page["paper_mm"][1]),
                regions_from_json(page["regions"]),
            )
            for page in pages
        ]
        read = read_homework(image, known, likely)
        reading, picture = read.reading, read.picture
        regions = known[reading.page].regions if reading.page is not None else ()
    else:
        reading, picture = read_unregistered(image)
        regions = reading.proposed
    progress.report(0.8)
    if picture is None:
        return {"reading": reading.to_json(), "overlay_jpeg": None, "region_jpegs": {}}
    cut = {region.label: encode_jpeg(cut_region(picture, region), REGION_JPEG_QUALITY) for region in regions}
    overlay = draw_verdicts(picture, regions, reading.regions)
    return {
        "reading": reading.to_json(),
        "overlay_jpeg": encode_jpeg(overlay, OVERLAY_JPEG_QUALITY),
        "region_jpegs": cut,
    }


class TextAnswer(TypedDict):
    """A page's text and its straightened picture (JPEG), on whose pixels the boxes lie.

    ``weak_lines``: pictures (JPEG) of the lines that were read doubtfully, by their place in ``page``.
    """

    text: str
    confidence: float | None
    word_count: int
    weak_count: int
    page: PageTextJson
    picture_jpeg: bytes
    weak_lines: dict[str, bytes]


def split_pdf(data: bytes, indices: list[int]) -> list[bytes]:
    """The named pages of a PDF (from 0), each as a PDF of its own. Raises ``BrokenMedia``."""
    return take_pages(data, indices)


def read_text(data: bytes, tier: str, with_weak_lines: bool) -> TextAnswer:
    """The text of a picture or of the only page of a PDF, as ``tier`` ("lite", "basic", "premium") reads.

    A PDF's own text is taken where it is real. Raises ``BrokenMedia``.
    """
    image = decode_page(data, limits=FULL_SIZE_LIMITS, dpi=TEXT_DPI)
    page = _text_layer(data, image) if sniff(data) is MediaFormat.PDF else None
    if page is None:
        networks = configured_networks() if tier == "premium" else None
        reading = read_page(image, reader_of(tier), progress.report, networks.detector if networks else None)
        page, image = reading.page, reading.image
    weak = _weak_lines(page, image) if with_weak_lines else {}
    factor = min(SHOWN_LONG_SIDE_PX / max(image.shape), 1.0)
    size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
    shown = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    words = [word for line in page.lines for word in line.words]
    return {
        "text": page.text,
        "confidence": page.confidence,
        "word_count": len(words),
        "weak_count": sum(word.is_weak for word in words),
        "page": page.scaled(factor).to_json(),
        "picture_jpeg": encode_jpeg(shown, SHOWN_JPEG_QUALITY),
        "weak_lines": weak,
    }


def _text_layer(data: bytes, image: NDArray[np.uint8]) -> PageText | None:
    height, width = image.shape
    found = read_text_layer(data, 0, size=(width, height))
    if found is None:
        return None
    lines = tuple(Line(tuple(Word(word.text, Box(*word.box), 1.0) for word in line), Language.LAYER) for line in found)
    return PageText(width, height, lines)


def _weak_lines(page: PageText, image: NDArray[np.uint8]) -> dict[str, bytes]:
    weak = [(place, line) for place, line in enumerate(page.lines) if any(word.is_weak for word in line.words)]
    pictures = {}
    for place, line in sorted(weak, key=lambda found: found[1].confidence)[:MOST_WEAK_LINES]:
        box = line.box
        margin = round(box.height * 0.3)
        crop = image[max(box.y - margin, 0) : box.bottom + margin, max(box.x - margin, 0) : box.right + margin]
        if crop.size:
            pictures[str(place)] = encode_jpeg(np.ascontiguousarray(crop), PAGE_JPEG_QUALITY)
    return pictures


def write_pages(pictures: list[bytes], pages: list[PageTextJson]) -> bytes:
    """A searchable PDF of these pages' pictures (JPEG) and texts, doubtful words highlighted."""
    return write_searchable_pdf(
        [
            PicturePage(
                picture,
                page["width"],
                page["height"],
                [
                    [
                        PlacedWord(word["text"], cast(tuple[int, int, int, int], tuple(word["box"])), word["is_weak"])
                        for word in line["words"]
                    ]
                    for line in page["lines"]
                ],
            )
            for picture, page in zip(pictures, pages, strict=True)
        ]
    )


def join_parts(parts: list[bytes]) -> bytes:
    """PDFs one after the other in one. Raises ``BrokenMedia``."""
    return join_pdfs(parts)
