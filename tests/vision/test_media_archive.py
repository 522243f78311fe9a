"""ZIP files of pictures: names of Korean Windows and of macOS, and everything a hostile one may hold."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.media import archive
from workers.media.archive import list_entries, unpack_entries
from workers.media.errors import BrokenMedia, MediaProblem

JPEG = cv2.imencode(".jpg", np.full((40, 30), 200, np.uint8))[1].tobytes()


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return file.getvalue()


def with_raw_name(name: bytes) -> bytes:
    """One picture under a name in bytes of no stated encoding, as Windows and macOS write it."""
    made = zipped({"x" * len(name): JPEG})
    return made.replace(b"x" * len(name), name)


def refusal(data: bytes) -> MediaProblem:
    with pytest.raises(BrokenMedia) as refused:
        unpack_entries(data, list(range(len(list_entries(data)))))
    return refused.value.reason


def test_pictures_come_by_name_2_before_10_and_whole() -> None:
    data = zipped({"반/10.jpg": JPEG, "반/2.jpg": JPEG + b"2", "반/": b"", "__MACOSX/._2.jpg": b"x", "Thumbs.db": b"x"})
    assert [entry.name for entry in list_entries(data)] == ["반/2.jpg", "반/10.jpg"]
    assert unpack_entries(data, [0, 1]) == [JPEG + b"2", JPEG]


@pytest.mark.parametrize("encoding", ["cp949", "utf-8"])
def test_korean_names_are_read_from_either_system(encoding: str) -> None:
    (entry,) = list_entries(with_raw_name("김하늘.jpg".encode(encoding)))
    assert entry.name == "김하늘.jpg"


def test_a_damaged_picture_costs_only_itself() -> None:
    data = bytearray(zipped({"1.jpg": JPEG, "2.jpg": JPEG + b"2"}, method=zipfile.ZIP_STORED))
    data[data.index(JPEG) + 20] ^= 0xFF
    assert unpack_entries(bytes(data), [0, 1]) == [b"", JPEG + b"2"]


@pytest.mark.parametrize("name", ["/etc/1.jpg", "../1.jpg", "a/../../1.jpg", "C:/1.jpg", "..\\1.jpg"])
def test_names_that_lead_outside_are_refused(name: str) -> None:
    assert refusal(zipped({name: JPEG})) is MediaProblem.ARCHIVE_UNSAFE


@pytest.mark.parametrize("inner", [zipped({"1.jpg": JPEG}), b"%PDF-1.7 ...", b"Rar!\x1a\x07\x00", b"\x1f\x8b\x08"])
def test_files_of_many_pages_inside_are_refused(inner: bytes) -> None:
    assert refusal(zipped({"1.jpg": JPEG, "inner": inner})) is MediaProblem.ARCHIVE_NESTED


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    assert refusal(zipped({"1.bmp": bytes(8 * 1024 * 1024)})) is MediaProblem.ARCHIVE_TOO_LARGE


def test_all_together_may_not_be_too_much_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 2 * len(JPEG))
    assert refusal(zipped({f"{index}.jpg": JPEG for index in range(3)})) is MediaProblem.ARCHIVE_TOO_LARGE


def test_too_many_pictures_or_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_ENTRIES", 2)
    assert refusal(zipped({f"{index}.jpg": JPEG for index in range(3)})) is MediaProblem.TOO_MANY_PAGES
    monkeypatch.setattr(archive, "MAX_LISTED", 2)
    assert refusal(zipped({f"{index}/": b"" for index in range(3)})) is MediaProblem.TOO_MANY_PAGES


def test_a_password_is_named() -> None:
    data = bytearray(zipped({"1.jpg": JPEG}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert refusal(bytes(data)) is MediaProblem.ARCHIVE_LOCKED


def test_nothing_in_it_and_no_archive_at_all() -> None:
    assert refusal(zipped({})) is MediaProblem.EMPTY
    assert refusal(b"PK\x03\x04" + bytes(100)) is MediaProblem.DAMAGED
    assert refusal(zipped({"1.jpg": JPEG})[:-30]) is MediaProblem.DAMAGED


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_whatever_is_damaged_is_unpacked_or_refused_and_nothing_else(place: int, noise: bytes) -> None:
    data = bytearray(zipped({"1.jpg": JPEG, "반/2.jpg": JPEG}))
    place %= len(data)
    data[place : place + len(noise)] = noise
    try:
        found = unpack_entries(bytes(data), list(range(len(list_entries(bytes(data))))))
    except BrokenMedia:
        return
    assert len(found) >= 1
