"""What a file is, by its first bytes. The name and the declared type of an upload are never asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from workers.media.errors import BrokenMedia, MediaProblem


class MediaFormat(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    HEIC = "heic"
    TIFF = "tiff"
    WEBP = "webp"
    BMP = "bmp"
    PDF = "pdf"


# ISO 14496-12 brands of still pictures coded with HEVC, which is what phones write.
_HEIC_BRANDS: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
# ISO 32000-1, annex H: readers accept a header anywhere in the first 1024 bytes.
_PDF_HEADER_WINDOW_BYTES: Final = 1024
_DOCUMENT_MAGIC: Final = (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04", b"{\\rtf")


def sniff(data: bytes) -> MediaFormat:
    """The format of ``data`` by its magic bytes.

    Raises ``BrokenMedia``: EMPTY, UNSUPPORTED (known, but not read here) or NOT_A_PICTURE.
    """
    if not data:
        raise BrokenMedia(MediaProblem.EMPTY, "The file is empty. Please upload it again.")
    if data.startswith(b"\xff\xd8\xff"):
        return MediaFormat.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaFormat.PNG
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return MediaFormat.HEIC
    if data[:4] in {b"II*\0", b"MM\0*"}:
        return MediaFormat.TIFF
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return MediaFormat.WEBP
    if data.startswith(b"BM"):
        return MediaFormat.BMP
    if b"%PDF-" in data[:_PDF_HEADER_WINDOW_BYTES]:
        return MediaFormat.PDF
    raise _not_read_here(data)


def _not_read_here(data: bytes) -> BrokenMedia:
    if data.startswith(_DOCUMENT_MAGIC):
        return BrokenMedia(
            MediaProblem.UNSUPPORTED,
            "This is a document (Hangul, Word, ...) or an archive. Please save it as PDF and upload that.",
        )
    if data[4:8] == b"ftyp" and data[8:12] != b"avif":
        return BrokenMedia(MediaProblem.UNSUPPORTED, "This is a video. Please upload a photo, a scan or a PDF.")
    if data.startswith((b"GIF87a", b"GIF89a")) or data[4:12] == b"ftypavif":
        return BrokenMedia(
            MediaProblem.UNSUPPORTED, "This kind of picture is not read here. Please upload JPEG, PNG, HEIC or PDF."
        )
    return BrokenMedia(
        MediaProblem.NOT_A_PICTURE, "This is neither a picture nor a PDF. Please upload JPEG, PNG, HEIC or PDF."
    )
