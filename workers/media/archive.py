"""ZIP files of pictures: what is in them, and each picture's own bytes. What it unpacks to is bounded before it is.

Names are UTF-8 where the entry says so; else they are tried as UTF-8 (macOS) and as CP949 (Korean Windows).
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.images import probe_image

ARCHIVE_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
MAX_ENTRIES: Final = 500
MAX_LISTED: Final = 4 * MAX_ENTRIES
"""Of all entries: systems add a folder, a thumbnail or a shadow to each picture."""
MAX_ENTRY_BYTES: Final = 60 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 1024 * 1024 * 1024
MAX_RATIO: Final = 200
"""How often smaller than its content an entry may be: uncompressed scans in black and white reach 60."""
SMALL_BYTES: Final = 1024 * 1024
MAX_NAME_CHARACTERS: Final = 255
_ENCRYPTED: Final = 0x1
_UTF8_NAME: Final = 0x800
_KNOWN_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What systems put beside the pictures.
_LITTER: Final = re.compile(r"(^|/)(__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_NESTED: Final = (*ARCHIVE_MAGIC, b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"EGGA", b"ALZ\x01")
_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture in the file: its name in there, and its size in bytes once unpacked."""

    name: str
    byte_count: int


def is_archive(data: bytes) -> bool:
    return data.startswith(ARCHIVE_MAGIC)


def list_entries(data: bytes) -> list[Entry]:
    """The pictures of the ZIP file ``data`` by name, 2 before 10. Raises ``BrokenMedia``."""
    with _opened(data) as archive:
        return [Entry(name, info.file_size) for name, info in _entries(archive)]


def unpack_entries(data: bytes, indices: list[int]) -> list[bytes]:
    """The bytes of the named entries, from 0 in the order of ``list_entries``; b"" for one that is damaged.

    Raises ``BrokenMedia`` for the file as a whole, also when an entry is a file of several pages or an archive.
    """
    with _opened(data) as archive:
        entries = _entries(archive)
        return [_unpack(archive, entries[index][1]) for index in indices]


def _opened(data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, struct.error, NotImplementedError) as error:
        raise BrokenMedia(MediaProblem.DAMAGED, "The ZIP file is damaged. Please make it again.") from error


def _entries(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    infos = archive.infolist()
    if len(infos) > MAX_LISTED:
        raise _too_many()
    found = []
    for info in infos:
        name = _name_of(info)
        _check_name(name)
        if name.endswith("/") or _LITTER.search(name):
            continue
        _check_entry(info)
        found.append((name[:MAX_NAME_CHARACTERS], info))
    if not found:
        raise BrokenMedia(MediaProblem.EMPTY, "The ZIP file holds no pictures.")
    if len(found) > MAX_ENTRIES:
        raise _too_many()
    if sum(info.file_size for _, info in found) > MAX_TOTAL_BYTES:
        raise _unpacks_to_too_much()
    found.sort(key=lambda entry: (_natural(entry[0]), entry[0]))
    return found


def _name_of(info: zipfile.ZipInfo) -> str:
    """The entry's name; ``zipfile`` takes for CP437 what is not marked as UTF-8."""
    name = info.orig_filename.replace("\\", "/") if info.flag_bits & _UTF8_NAME else _decoded(info.orig_filename)
    return name.encode(errors="replace").decode()


def _decoded(name: str) -> str:
    raw = name.encode("cp437", errors="replace")
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding).replace("\\", "/")
        except UnicodeDecodeError:
            continue
    return name.replace("\\", "/")


def _check_name(name: str) -> None:
    """Nothing is ever written under these names; who makes such a file means to have it written somewhere."""
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in PurePosixPath(name).parts or "\x00" in name:
        raise BrokenMedia(
            MediaProblem.ARCHIVE_UNSAFE,
            "The ZIP file names places outside of itself. Please make it again from the pictures.",
        )


def _check_entry(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise BrokenMedia(
            MediaProblem.ARCHIVE_LOCKED, "The ZIP file is locked with a password. Please make one without."
        )
    if info.compress_type not in _KNOWN_METHODS:
        raise BrokenMedia(MediaProblem.UNSUPPORTED, "The ZIP file is compressed in a way that is not read here.")
    is_bomb = info.file_size > SMALL_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1)
    if info.file_size > MAX_ENTRY_BYTES or is_bomb:
        raise _unpacks_to_too_much()


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(info) as file:
            data = file.read(MAX_ENTRY_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, struct.error, NotImplementedError):
        return b""
    if len(data) > MAX_ENTRY_BYTES:
        raise _unpacks_to_too_much()
    if data.startswith(_NESTED) or b"%PDF-" in data[:1024] or _has_pages(data):
        raise BrokenMedia(
            MediaProblem.ARCHIVE_NESTED,
            "The ZIP file holds other files of many pages. Please hand in PDF files by themselves.",
        )
    return data


def _has_pages(data: bytes) -> bool:
    """Whether this is a TIFF of several pages, of which all but the first would be lost without a word."""
    if not data.startswith((b"II*\0", b"MM\0*")):
        return False
    try:
        return probe_image(data).frames > 1
    except BrokenMedia:
        return False  # the page will say so itself


def _natural(name: str) -> tuple[tuple[bool, int, str], ...]:
    """A key that puts 2.jpg before 10.jpg."""
    parts = _DIGITS.split(name.casefold())
    return tuple((part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def _too_many() -> BrokenMedia:
    return BrokenMedia(
        MediaProblem.TOO_MANY_PAGES, f"The ZIP file holds more than {MAX_ENTRIES} pictures. Please split it."
    )


def _unpacks_to_too_much() -> BrokenMedia:
    return BrokenMedia(
        MediaProblem.ARCHIVE_TOO_LARGE, "The ZIP file unpacks to more than can be read. Please split it."
    )
