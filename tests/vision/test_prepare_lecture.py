"""A lecture as browsers play it: copied where it can be, its index first, whole pieces of what is broken."""

from __future__ import annotations

import io
import os
import resource
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.vision.films import SPOKEN_SIZE, spoken_film
from workers.compute import LectureAnswer, prepare_lecture
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.lecture import MAX_TILES, write_streamable


def prepared(data: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> LectureAnswer:
    monkeypatch.chdir(folder)
    path = folder / "input"
    path.write_bytes(data)
    return prepare_lecture(str(path), 60.0)


def tracks(folder: Path) -> dict[str, float]:
    """Codec and length of each track of what was written, whose index comes before its data."""
    written = (folder / "lecture.mp4").read_bytes()
    assert 0 < written.index(b"moov") < written.index(b"mdat")
    with av.open(io.BytesIO(written)) as opened:
        return {
            track.codec_context.name: float((track.duration or 0) * (track.time_base or 0)) for track in opened.streams
        }


def test_h264_and_aac_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = prepared(spoken_film(), tmp_path, monkeypatch)
    assert answer["is_copied"]
    assert (answer["has_sound"], answer["is_cut_off"], answer["is_timed_out"]) == (True, False, False)
    assert (answer["width"], answer["height"], answer["codec"]) == (*SPOKEN_SIZE, "h264")
    assert tracks(tmp_path) == pytest.approx({"h264": 12.0, "aac": 12.0}, abs=0.1)


@pytest.mark.parametrize(
    ("codec", "sound", "container", "keyframe_every"),
    [
        ("libvpx-vp9", "libopus", "webm", 30),
        ("libx264", "libmp3lame", "mp4", 30),
        ("libx264", None, "mp4", 9999),  # with one keyframe nobody can seek
    ],
)
def test_what_browsers_play_badly_is_encoded_anew(
    codec: str,
    sound: str | None,
    container: str,
    keyframe_every: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = spoken_film(6, codec=codec, sound=sound, container=container, keyframe_every=keyframe_every)
    answer = prepared(data, tmp_path, monkeypatch)
    assert answer["is_copied"] == (sound == "libmp3lame")
    assert answer["has_sound"] == (sound is not None)
    assert tracks(tmp_path) == pytest.approx({"h264": 6.0, **({"aac": 6.0} if sound else {})}, abs=0.15)


def test_a_phone_held_sideways_is_shown_upright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied, the file says so itself; encoded anew, the pixels are turned."""
    for keyframe_every in (30, 9999):
        answer = prepared(spoken_film(6, keyframe_every=keyframe_every, rotation=90), tmp_path, monkeypatch)
        poster = cv2.imdecode(np.frombuffer(answer["poster_jpeg"], np.uint8), cv2.IMREAD_GRAYSCALE)
        assert poster is not None
        assert poster.shape == (SPOKEN_SIZE[0], SPOKEN_SIZE[1]), answer["is_copied"]
        assert poster[20, -20] > 200, "the white corner is at the top right"


def test_the_storyboard_shows_each_moment_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = prepared(spoken_film(12), tmp_path, monkeypatch)
    board = answer["storyboard"]
    assert (board["every_seconds"], board["count"], board["columns"]) == (5.0, 3, 3)
    sprite = cv2.imdecode(np.frombuffer(answer["storyboard_jpeg"], np.uint8), cv2.IMREAD_GRAYSCALE)
    assert sprite is not None
    width, height = board["tile_width"], board["tile_height"]
    shown = [int(sprite[height - 10, place * width + width - 10]) for place in range(3)]
    assert shown == pytest.approx([0, 100, 200], abs=8)


def test_a_broken_tail_gives_what_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = spoken_film(12)
    answer = prepared(data[: len(data) * 6 // 10], tmp_path, monkeypatch)
    assert answer["is_cut_off"]
    assert 4 < answer["seconds"] < 10
    assert tracks(tmp_path)["h264"] == pytest.approx(answer["seconds"], abs=0.5)


def test_a_time_limit_gives_what_was_written_by_then(tmp_path: Path) -> None:
    data = spoken_film(12, keyframe_every=9999, sound=None)
    written = write_streamable(
        io.BytesIO(data), tmp_path / "out.mp4", time_limit_seconds=0.05, report=lambda share: None
    )
    assert written.is_timed_out
    assert 0 < written.seconds < 11


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", MediaProblem.EMPTY),
        (b"#EXTM3U\nhttp://127.0.0.1/film.mp4\n", MediaProblem.NOT_A_VIDEO),
        (b"\0\0\0\x18ftypmp42" + os.urandom(4000), MediaProblem.DAMAGED_VIDEO),
    ],
)
def test_what_is_no_video_is_refused(
    data: bytes, reason: MediaProblem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BrokenMedia) as caught:
        prepared(data, tmp_path, monkeypatch)
    assert caught.value.reason == reason


def test_a_lecture_ten_times_as_long_takes_no_more_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, long = spoken_film(10, sound=None), spoken_film(100, sound=None)
    prepared(data, tmp_path, monkeypatch)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = prepared(long, tmp_path, monkeypatch)
    assert answer["storyboard"]["count"] <= MAX_TILES
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024, "KiB"
