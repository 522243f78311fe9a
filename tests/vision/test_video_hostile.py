"""Files that call themselves videos: refused for a reason that helps, and nothing else is opened on their word."""

from __future__ import annotations

import contextlib
import io
import re
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests.vision.films import encode, noise
from workers.compute import find_pages
from workers.film import open_film
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.video import open_video

CANARY = b"the content of a file that is nobody's business"


def reason_of(data: bytes) -> MediaProblem:
    with pytest.raises(BrokenMedia) as caught, open_film(io.BytesIO(data), time_limit_seconds=20) as film:
        film.find_pages(max_pages=15, report=lambda _: None)
    assert len(caught.value.message) > 20
    return caught.value.reason


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary.mp4"
    path.write_bytes(encode([noise(1)] * 30))
    return path


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.0)
        yield server


def assert_nobody_called(server: socket.socket) -> None:
    with pytest.raises(BlockingIOError):
        server.accept()


def playlists(target: str) -> list[bytes]:
    """What makes FFmpeg open ``target`` when it is let."""
    return [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n".encode(),
        f"ffconcat version 1.0\nfile '{target}'\n".encode(),
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{target}</BaseURL></MPD>'.encode(),
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=control:{target}".encode(),
        f"[playlist]\nFile1={target}\n".encode(),
        f"concat:{target}|{target}".encode(),
        target.encode(),
    ]


def disguises(data: bytes) -> list[bytes]:
    """The same behind the first bytes of an MP4 and of a Matroska file."""
    return [data, struct.pack(">I", 16) + b"ftypisom\0\0\0\0" + data, b"\x1aE\xdf\xa3" + data]


def test_playlists_open_neither_files_nor_connections(canary: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    for target in (str(canary), f"file://{canary}", f"http://127.0.0.1:{port}/film.mp4", f"tcp://127.0.0.1:{port}"):
        for playlist in playlists(target):
            for data in disguises(playlist):
                assert reason_of(data) in {MediaProblem.NOT_A_VIDEO, MediaProblem.DAMAGED_VIDEO}
    assert_nobody_called(listener)


def with_reference(data: bytes, target: str) -> bytes:
    """The MP4 with its data said to lie in another file (ISO 14496-12, 8.7.2: a "url " entry that is not here)."""
    ours = b"\x00\x00\x00\x0curl \x00\x00\x00\x01"
    assert data.count(ours) == 1
    location = target.encode() + b"\0"
    entry = struct.pack(">I", 12 + len(location)) + b"url \x00\x00\x00\x00" + location
    grown = len(entry) - len(ours)
    place = data.index(ours)
    out = bytearray(data.replace(ours, entry))
    for name in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        found = max(match.start() for match in re.finditer(name, data[:place])) - 4
        (size,) = struct.unpack(">I", data[found : found + 4])
        out[found : found + 4] = struct.pack(">I", size + grown)
    return bytes(out)


def test_a_track_that_lies_in_another_file_does_not_get_it(
    canary: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    import sys

    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    film = encode([noise(2)] * 30)
    before = {path.name for path in Path("/proc/self/fd").iterdir()}
    for target in (str(canary), f"file://{canary}", f"http://127.0.0.1:{listener.getsockname()[1]}/film.mp4"):
        data = with_reference(film, target)
        with open_video(io.BytesIO(data)) as video:  # its data lies in the file too: that is read, or nothing
            descriptors = {path.name for path in Path("/proc/self/fd").iterdir()} - before
            list(video.samples(per_second=2))
        assert len(descriptors) <= 1, "besides the folder that is listed"
    assert str(canary) not in opened
    assert_nobody_called(listener)


def test_what_is_no_video_is_refused() -> None:
    assert reason_of(b"") == MediaProblem.EMPTY
    for data in (
        b"\0",
        b"GIF89a" + bytes(64),
        b"%PDF-1.7\n",
        b"\xff\xd8\xff\xe0" + bytes(64),
        b"RIFF....AVI LIST",
        bytes(4096),
    ):
        assert reason_of(data) == MediaProblem.NOT_A_VIDEO


def test_headers_without_a_film_are_damaged() -> None:
    for data in (b"\0\0\0\x10ftypisom\0\0\0\0", b"\x1aE\xdf\xa3", b"\0\0\0\x08moov", b"\0\0\0\x00mdat" + bytes(99)):
        assert reason_of(data) in {MediaProblem.DAMAGED_VIDEO, MediaProblem.NO_PICTURES}


def test_sound_alone_has_no_pictures() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate = 44100
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert reason_of(target.getvalue()) == MediaProblem.NO_PICTURES


@pytest.mark.parametrize(("codec", "container"), [("mjpeg", "mov"), ("ffv1", "matroska"), ("png", "mov")])
def test_other_codecs_are_refused_before_they_are_decoded(codec: str, container: str) -> None:
    def prepare(stream: av.video.stream.VideoStream) -> None:
        stream.pix_fmt = {"mjpeg": "yuvj420p", "png": "rgb24"}.get(codec, "yuv420p")

    data = encode([noise(3)] * 5, codec=codec, container=container, prepare=prepare)
    assert reason_of(data) == MediaProblem.UNSUPPORTED_VIDEO


def test_eight_k_is_refused() -> None:
    data = encode([np.zeros((4320, 7680, 3), np.uint8)])
    assert reason_of(data) == MediaProblem.VIDEO_TOO_LARGE


def test_ten_hours_are_refused() -> None:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for at in (0, 5 * 3600, 10 * 3600):
            frame = av.VideoFrame.from_ndarray(noise(at), format="bgr24")
            frame.pts = at
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert reason_of(target.getvalue()) == MediaProblem.VIDEO_TOO_LONG


def test_a_film_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    options = {"movflags": "faststart"}
    target = tmp_path / "film.mp4"
    with av.open(str(target), "w", options=options) as output:
        stream = output.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt, stream.gop_size = 160, 120, "yuv420p", 10
        for number in range(100):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(noise(number // 50, size=(160, 120)), format="bgr24")))
        output.mux(stream.encode())
    whole = target.read_bytes()
    target.write_bytes(whole[: len(whole) * 7 // 10])
    answer = find_pages(str(target), 15, 60.0)
    assert answer["is_cut_off"]
    assert len(answer["pages"]) == 2


def test_a_phone_film_without_its_end_is_damaged() -> None:
    whole = encode([noise(1)] * 60)  # the index comes last
    assert reason_of(whole[: len(whole) // 2]) == MediaProblem.DAMAGED_VIDEO


def test_a_hole_in_the_middle_is_survived_and_said(tmp_path: Path) -> None:
    pictures = [noise(number // 40, size=(160, 120)) for number in range(120)]
    data = bytearray(encode(pictures, options={"preset": "ultrafast", "g": "10", "keyint_min": "10"}))
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = np.random.default_rng(5).bytes(len(data) // 20)
    target = tmp_path / "film.mp4"
    target.write_bytes(data)
    answer = find_pages(str(target), 15, 60.0)
    assert answer["is_cut_off"]
    assert len(answer["pages"]) >= 2


def test_noise_behind_an_honest_head_ends_in_words() -> None:
    whole = encode([noise(number) for number in range(30)])
    rng = np.random.default_rng(11)
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 60):
            data[place] = int(rng.integers(0, 256))
        with (
            contextlib.suppress(BrokenMedia),
            open_film(io.BytesIO(bytes(data)), time_limit_seconds=20) as film,
        ):
            film.find_pages(max_pages=15, report=lambda _: None)
