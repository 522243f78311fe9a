"""A lecture in two qualities: segments that stand alone and begin together, measured figures, hostile films."""

from __future__ import annotations

import io
import os
import resource
from pathlib import Path

import av
import numpy as np
import pytest

from tests.vision.films import SPOKEN_SIZE, noise, spoken_film
from workers.compute import RenditionAnswer, prepare_lecture, write_lecture_renditions
from workers.media.errors import BrokenMedia, MediaProblem
from workers.media.renditions import SHIFT_SECONDS, write_renditions

LARGE = (854, 480)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(data: bytes) -> dict[str, RenditionAnswer]:
    Path("input").write_bytes(data)
    return {one["name"]: one for one in write_lecture_renditions("input", 120.0)}


def segments(one: RenditionAnswer) -> list[bytes]:
    """Each with what sets a player up, as a player of HLS puts them together."""
    data, place = Path(one["file"]).read_bytes(), one["head_bytes"]
    head, found = data[:place], []
    for _, byte_count in one["segments"]:
        found.append(head + data[place : place + int(byte_count)])
        place += int(byte_count)
    assert place == len(data), "nothing is left over"
    return found


def frames(segment: bytes) -> list[av.VideoFrame]:
    with av.open(io.BytesIO(segment), "r") as opened:
        return list(opened.decode(video=0))


def begins(one: RenditionAnswer) -> list[float]:
    """When each segment begins; each begins with a keyframe, and decodes without the others."""
    found = []
    for segment in segments(one):
        pictures = frames(segment)
        assert pictures[0].key_frame
        assert not any(picture.is_corrupt for picture in pictures)
        found.append(float(pictures[0].time or 0) - SHIFT_SECONDS)
    return found


def film_with_b_frames(seconds: int, *, keyframe_every: int = 60, open_gop: bool = False) -> bytes:
    """As encoders for the web write them: pictures refer to later ones, and times of decoding begin below zero."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as out:
        options = {"preset": "veryfast", "bf": "3", "g": str(keyframe_every)}
        if open_gop:
            options["x264-params"] = "open-gop=1"
        stream = out.add_stream("libx264", rate=30, options=options)
        assert isinstance(stream, av.video.stream.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *LARGE, "yuv420p"
        back = noise(1, size=(LARGE[0], LARGE[1])) // 4
        for number in range(seconds * 30):
            picture = np.roll(back, number * 2, axis=1)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return target.getvalue()


def test_both_begin_their_segments_at_the_same_pictures() -> None:
    found = written(spoken_film(20, size=LARGE))
    assert list(found) == ["high", "low"]
    high, low = found["high"], found["low"]
    assert (high["width"], high["height"]) == LARGE
    assert (low["width"], low["height"]) == (640, 360)
    assert begins(high) == pytest.approx(begins(low), abs=1e-4)
    assert begins(high) == pytest.approx([0, 6, 12, 18], abs=1e-4)
    assert [seconds for seconds, _ in high["segments"]] == [seconds for seconds, _ in low["segments"]]
    assert sum(seconds for seconds, _ in low["segments"]) == pytest.approx(20, abs=0.05)


def test_the_high_one_is_what_was_there_and_both_have_its_sound() -> None:
    data = spoken_film(12, size=LARGE)
    found = written(data)
    with av.open(io.BytesIO(data), "r") as source:
        packets = [bytes(packet) for packet in source.demux(video=0) if packet.size]
    with av.open(found["high"]["file"], "r") as copy:
        assert [bytes(packet) for packet in copy.demux(video=0) if packet.size] == packets
    for one in found.values():
        with av.open(one["file"], "r") as copy:
            sound, pictures = copy.streams.audio[0], copy.streams.video[0]
            times = [float((packet.pts or 0) * (packet.time_base or 0)) for packet in copy.demux(sound) if packet.size]
            assert times[0] == pytest.approx(SHIFT_SECONDS, abs=0.03), "sound and pictures are not moved apart"
            assert times[-1] == pytest.approx(SHIFT_SECONDS + 12, abs=0.1)
            assert pictures.codec_context.name == "h264"


def test_pictures_that_refer_to_later_ones_are_not_moved_either() -> None:
    found = written(film_with_b_frames(15))
    assert begins(found["high"]) == pytest.approx(begins(found["low"]), abs=1e-4)
    assert begins(found["high"])[0] == pytest.approx(0, abs=1e-4)


def test_keyframes_that_need_what_is_before_them_are_no_beginnings() -> None:
    """Then both are encoded anew, every six seconds."""
    found = written(film_with_b_frames(13, keyframe_every=30, open_gop=True))
    assert begins(found["high"]) == pytest.approx(begins(found["low"]), abs=1e-4)
    assert begins(found["high"]) == pytest.approx([0, 6, 12], abs=0.05)


@pytest.mark.parametrize(("keyframe_every", "rotation"), [(9999, 0), (30, 90)], ids=["one keyframe", "held sideways"])
def test_what_cannot_be_copied_is_encoded_from_one_decoding(keyframe_every: int, rotation: int) -> None:
    found = written(spoken_film(17, size=LARGE, keyframe_every=keyframe_every, rotation=rotation))
    assert begins(found["high"]) == pytest.approx(begins(found["low"]), abs=1e-4)
    assert begins(found["high"]) == pytest.approx([0, 6, 12], abs=0.05)
    sizes = [(one["width"], one["height"]) for one in found.values()]
    assert sizes == ([(480, 854), (360, 640)] if rotation else [LARGE, (640, 360)])
    with av.open(found["low"]["file"], "r") as low:
        picture = next(low.decode(video=0)).to_ndarray(format="gray")
    corner = picture[10, -10] if rotation else picture[10, 10]
    assert corner > 200, "the white corner is where it was"


def test_the_figures_are_those_of_the_files() -> None:
    for one in written(spoken_film(20, size=LARGE, is_noisy=True)).values():
        rates = [8 * byte_count / seconds for seconds, byte_count in one["segments"]]
        total = sum(byte_count for _, byte_count in one["segments"])
        assert one["average_bits"] == pytest.approx(8 * total / sum(s for s, _ in one["segments"]), rel=1e-3)
        assert one["average_bits"] <= one["peak_bits"] <= max(rates) + 1
        assert one["peak_bits"] >= max(rates[:-1]) - 1, "the last is short, and counts with the one before"
        profile, sound = one["codecs"].split(",")
        with av.open(one["file"], "r") as opened:
            extradata = opened.streams.video[0].codec_context.extradata or b""
        assert profile == f"avc1.{extradata[1:4].hex()}"
        assert sound == "mp4a.40.2"


def test_a_film_of_few_lines_is_one_and_never_made_larger() -> None:
    (one,) = written(spoken_film(7)).values()
    assert (one["name"], one["width"], one["height"]) == ("high", *SPOKEN_SIZE)
    (one,) = written(spoken_film(17, keyframe_every=9999)).values()
    assert (one["width"], one["height"]) == SPOKEN_SIZE


def test_without_sound_no_sound_is_named() -> None:
    for one in written(spoken_film(7, size=LARGE, sound=None)).values():
        assert "mp4a" not in one["codecs"]
        assert begins(one)[0] == pytest.approx(0, abs=1e-4)


def test_a_prepared_lecture_with_few_pictures_a_second_can_be_copied(tmp_path: Path) -> None:
    """A screen recording is encoded anew first, with keyframes by time and not by pictures."""
    data = spoken_film(20, codec="libvpx-vp9", sound="libopus", container="webm", size=LARGE)
    (tmp_path / "sent").write_bytes(data)
    prepare_lecture(str(tmp_path / "sent"), 120.0)
    film = (tmp_path / "lecture.mp4").read_bytes()
    found = written(film)
    with av.open(io.BytesIO(film), "r") as source, av.open(found["high"]["file"], "r") as copy:
        count = sum(packet.size for packet in source.demux(video=0))
        assert sum(packet.size for packet in copy.demux(video=0)) == count
    assert max(seconds for seconds, _ in found["high"]["segments"]) < 9


def test_a_film_that_is_too_long_for_the_time_is_given_up() -> None:
    with pytest.raises(BrokenMedia) as caught:
        write_renditions(
            io.BytesIO(spoken_film(12, size=LARGE)), Path(), time_limit_seconds=0.01, report=lambda _: None
        )
    assert caught.value.reason == MediaProblem.TOO_LONG_FOR_RENDITIONS


def test_what_cannot_be_done_in_time_is_given_up_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a tenth of the time it is told by the pace."""
    clock = iter(range(100_000))
    shares: list[float] = []
    monkeypatch.setattr("workers.media.renditions.time.monotonic", lambda: float(next(clock)))
    with pytest.raises(BrokenMedia) as caught:
        write_renditions(
            io.BytesIO(spoken_film(12, size=LARGE, sound=None)), Path(), time_limit_seconds=200, report=shares.append
        )
    assert caught.value.reason == MediaProblem.TOO_LONG_FOR_RENDITIONS
    assert len(shares) < 30, "of 360 pictures"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", MediaProblem.EMPTY),
        (b"#EXTM3U\nhttp://127.0.0.1/film.mp4\n", MediaProblem.NOT_A_VIDEO),
        (b"\0\0\0\x18ftypmp42" + os.urandom(4000), MediaProblem.DAMAGED_VIDEO),
    ],
)
def test_what_is_no_video_is_refused(data: bytes, reason: MediaProblem) -> None:
    with pytest.raises(BrokenMedia) as caught:
        written(data)
    assert caught.value.reason == reason


def test_broken_films_are_refused_or_give_what_plays() -> None:
    """Whatever bytes are turned over: a reason, or renditions whose segments lie where it is said."""
    good = spoken_film(8, size=LARGE, is_noisy=True)
    rng = np.random.default_rng(4)
    kept = 0
    for _ in range(12):
        data = bytearray(good)
        for place in rng.integers(0, len(data), 40):
            data[place] ^= 1 << int(rng.integers(0, 8))
        try:
            found = written(bytes(data))
        except BrokenMedia:
            continue
        kept += 1
        for one in found.values():
            assert segments(one)
    assert kept, "most of a film is pictures, and a wrong one is not the end of it"


def test_a_lecture_ten_times_as_long_takes_no_more_memory() -> None:
    data, long = (spoken_film(seconds, size=LARGE, sound=None) for seconds in (10, 100))
    written(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(written(long)["low"]["segments"]) == 17
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024, "KiB"
