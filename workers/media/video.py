"""Videos: a file in, small grey samples and a few full pictures out, without decoding what is not looked at.

The container is read before anything is decoded, so that the distance of its keyframes decides how to sample: phones
write one a second, and decoding those alone is ten times as fast as decoding everything; screen recordings are
seconds apart, and there only frames that no other frame refers to are skipped. Seeking for each sample is slower than
either (measured).

FFmpeg is given an open file, never a name, one demuxer chosen by the file's first bytes, and no protocol at all: a
playlist or a concat script that calls itself .mp4 is no video here and opens nothing else. A codec that is not allowed
is refused before a decoder is made.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Final, Literal
from weakref import WeakValueDictionary

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Discard
from av.video.stream import VideoStream
from numpy.typing import NDArray

from workers.media.errors import BrokenMedia, MediaProblem, damaged_video

Grey = NDArray[np.uint8]
Skipped = Literal["NONKEY", "NONREF", "DEFAULT"]
"""What the decoder leaves out."""

CODECS: Final = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "mpeg4"})
MAX_PIXELS: Final = 4096 * 2304
"""8K is refused: one decoded picture with its references would take the memory of a whole job."""
MAX_SECONDS: Final = 4 * 3600.0
SAMPLE_SIDE: Final = 480
"""Pixels of a sample's longer side."""
DENSE_KEYFRAMES_SECONDS: Final = 1.25
"""Keyframes at most this far apart are dense enough to be the only frames that are decoded."""
MAX_PACKETS: Final = 5_000_000
MAX_DAMAGED_PACKETS: Final = 500
CUT_OFF_SECONDS: Final = 2.0
"""What phones write at the end of a track is shorter than its header says, by less than this."""
THREADS: Final = 1  # a slot is one core
MAX_KEPT_BYTES: Final = 64 * 1024 * 1024
"""Decoded pictures that are kept while somebody holds their samples: twenty of 1080 lines, five of 4K."""
CLOSE_RATE: Final = 20.0
"""Frames a second from which a close look can do without those that no other frame refers to."""

_EIGHT_BITS: Final = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
_TEN_BITS: Final = frozenset({"yuv420p10le", "yuv422p10le", "yuv444p10le"})


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the container says. ``width`` and ``height`` as stored, before ``rotation`` (degrees, 0 to 270)."""

    seconds: float
    width: int
    height: int
    codec: str
    keyframe_seconds: float
    """The longest time between two keyframes; infinite with fewer than two."""
    is_cut_off: bool
    """The file ends before its container says."""


class Kept:
    """A decoded picture: who holds it need not have it decoded again."""

    __slots__ = ("__weakref__", "frame")

    def __init__(self, frame: av.VideoFrame) -> None:
        self.frame = frame


@dataclass(frozen=True, slots=True)
class Sample:
    """One moment: ``luma`` is grey and upright, its longer side 480; ``sharpness`` was measured at half the size.

    ``kept``: as long as it is held, the picture is not decoded a second time; ``None`` when too many are held.
    """

    at: float
    luma: Grey
    sharpness: float
    pts: int
    is_key: bool
    kept: Kept | None = None


class Video:
    """An open video. Use with ``open_video``."""

    def __init__(self, container: InputContainer, stream: VideoStream, facts: VideoFacts) -> None:
        self._container = container
        self._stream = stream
        self._skipped: Skipped = "NONKEY" if facts.keyframe_seconds <= DENSE_KEYFRAMES_SECONDS else "NONREF"
        is_fast = float(stream.average_rate or 0) >= CLOSE_RATE
        self._skipped_closely: Skipped = "NONREF" if is_fast else "DEFAULT"
        self._kept: WeakValueDictionary[int, Kept] = WeakValueDictionary()
        self.facts = facts
        self.damaged_packets = 0
        """So many could not be decoded so far, or only in part."""

    def samples(self, *, per_second: float) -> Iterator[Sample]:
        """At most ``per_second`` samples a second, in time. Stops where the file is damaged beyond reading on."""
        step = 1.0 / per_second
        wanted = -1.0
        for frame in self.frames(0, self._skipped):
            at = _seconds(frame, self._stream)
            if at < wanted:
                continue
            wanted = at + step * 0.98 if at - wanted > step else max(wanted, 0.0) + step
            yield self._sample(frame, at)

    def before(self, pts: int, *, seconds: float, per_second: float) -> list[Sample]:
        """Samples in the ``seconds`` before the frame ``pts``, in time. Disturbs :meth:`samples` under way."""
        middle = self._at(pts)
        start = max(middle - seconds, 0.0)
        found: list[Sample] = []
        for frame in self.frames(int(start / self._base), self._skipped_closely):
            at = _seconds(frame, self._stream)
            if at >= middle:
                break
            if at >= start and (not found or at - found[-1].at >= 0.98 / per_second):
                found.append(self._sample(frame, at))
        return found

    def after(self, pts: int, *, seconds: float, per_second: float) -> Iterator[Sample]:
        """Samples in the ``seconds`` after the frame ``pts``, one by one: what is not asked for is not decoded."""
        middle = self._at(pts)
        last = middle
        for frame in self.frames(pts, self._skipped_closely):
            at = _seconds(frame, self._stream)
            if at > middle + seconds:
                break
            if at - last >= 0.98 / per_second:
                last = at
                yield self._sample(frame, at)

    def pictures(self, moments: Sequence[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """The pictures of samples with these ``pts``, upright, (height, width, 3) BGR, one by one in time.

        What is not found is left out.
        """
        for pts in sorted(set(moments)):
            kept = self._kept.get(pts)
            frame = kept.frame if kept is not None else self._frame_at(pts)
            if frame is not None:
                yield pts, upright(np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8), frame.rotation)

    @property
    def _base(self) -> float:
        return float(self._stream.time_base or Fraction(1, 1000))

    def _at(self, pts: int) -> float:
        return pts * self._base

    def _frame_at(self, pts: int) -> av.VideoFrame | None:
        for frame in self.frames(pts, self._skipped):  # what was sampled was not skipped
            if frame.pts is not None and frame.pts >= pts:
                return frame if frame.pts == pts else None
        return None

    def _sample(self, frame: av.VideoFrame, at: float) -> Sample:
        luma = _luma_of(frame)
        half = _halved(luma)
        pts, kept = frame.pts or 0, None
        size = sum(plane.buffer_size for plane in frame.planes)
        if (len(self._kept) + 1) * size <= MAX_KEPT_BYTES:
            kept = self._kept.setdefault(pts, Kept(frame))
        return Sample(at, _small(half, frame.rotation), _sharpness(half), pts, bool(frame.key_frame), kept)

    def frames(self, pts: int, skipped: Skipped) -> Iterator[av.VideoFrame]:
        """Decoded frames from the keyframe before ``pts`` on that are whole, of the size that was announced.

        A damaged packet costs its own only.
        """
        self._stream.codec_context.skip_frame = skipped
        # The demuxer need not even read what is not decoded.
        self._stream.discard = Discard.nonkey if skipped == "NONKEY" else Discard.default
        self._container.seek(pts, stream=self._stream, backward=True, any_frame=False)
        announced = (self.facts.width, self.facts.height)
        packets = self._container.demux(self._stream)
        while self.damaged_packets < MAX_DAMAGED_PACKETS:
            try:
                frames = next(packets).decode()
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:
                self.damaged_packets += 1
                continue
            for frame in frames:
                if frame.is_corrupt or (frame.width, frame.height) != announced:
                    self.damaged_packets += 1
                else:
                    yield frame


@contextmanager
def open_video(file: BinaryIO) -> Iterator[Video]:
    """Open the video in ``file``. Raises ``BrokenMedia`` with the reason why not."""
    with open_container(file) as container:
        stream = picture_track(container)
        facts = _facts(container, stream)
        yield Video(container, stream, facts)


def open_container(file: BinaryIO, *, sounds: Collection[str] = ()) -> InputContainer:
    """The container in ``file``, whose tracks may be decoded by ``CODECS`` and ``sounds`` alone.

    Raises ``BrokenMedia``.
    """
    file.seek(0, os.SEEK_END)
    if file.tell() == 0:
        raise BrokenMedia(MediaProblem.EMPTY, "The file is empty. Please upload it again.")
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    if not _looks_like_video(head):
        raise BrokenMedia(MediaProblem.NOT_A_VIDEO, "This is not a video. Please upload an MP4, MOV or WebM file.")
    try:
        return av.open(
            file,
            mode="r",
            format=_demuxer_of(head),
            options={
                "protocol_whitelist": "",
                "codec_whitelist": ",".join(sorted({*CODECS, *sounds})),
                "enable_drefs": "0",
                "use_absolute_path": "0",
            },
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise damaged_video() from error


def _looks_like_video(head: bytes) -> bool:
    is_mp4 = head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}
    return is_mp4 or head.startswith(b"\x1aE\xdf\xa3")


def _demuxer_of(head: bytes) -> str:
    return "matroska" if head.startswith(b"\x1aE\xdf\xa3") else "mov"


def picture_track(container: InputContainer) -> VideoStream:
    """The pictures, by a codec that is allowed and of a size that fits. Raises ``BrokenMedia``."""
    tracks = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not tracks:
        raise BrokenMedia(MediaProblem.NO_PICTURES, "The file has sound but no pictures. Please upload a video.")
    stream = tracks[0]
    name = stream.codec_context.name if stream.codec_context else ""
    if name not in CODECS:
        raise BrokenMedia(
            MediaProblem.UNSUPPORTED_VIDEO,
            "This kind of video is not read. Please save it as MP4 (H.264) and upload that.",
        )
    width, height = stream.codec_context.width, stream.codec_context.height
    if width < 16 or height < 16:
        raise BrokenMedia(MediaProblem.NO_PICTURES, "The video has no pictures. Please record it again.")
    if width * height > MAX_PIXELS:
        raise BrokenMedia(MediaProblem.VIDEO_TOO_LARGE, "The video has too many pixels. Please record in 4K or less.")
    stream.codec_context.thread_count = THREADS
    return stream


def _is_cover(stream: VideoStream) -> bool:
    """An album's cover is a video track of one picture to FFmpeg."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


def _facts(container: InputContainer, stream: VideoStream) -> VideoFacts:
    base = float(stream.time_base or Fraction(1, 1000))
    keys: list[float] = []
    last = 0.0
    count = 0
    try:
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            count += 1
            at = packet.pts * base
            last = max(last, at)
            if packet.is_keyframe:
                keys.append(at)
            if count >= MAX_PACKETS:
                break
    except av.error.FFmpegError:
        pass  # what could be read is looked at
    if not count:
        raise BrokenMedia(MediaProblem.NO_PICTURES, "The video has no pictures. Please record it again.")
    gaps = np.diff(np.array(sorted(keys)))
    said = float(stream.duration * base) if stream.duration else (container.duration or 0) / av.time_base
    if max(said, last) > MAX_SECONDS:
        raise BrokenMedia(MediaProblem.VIDEO_TOO_LONG, "The video is longer than four hours. Please cut it.")
    return VideoFacts(
        seconds=last,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        codec=stream.codec_context.name,
        keyframe_seconds=float(max(gaps.max(), last - keys[-1])) if gaps.size else float("inf"),
        is_cut_off=said - last > CUT_OFF_SECONDS,
    )


def _seconds(frame: av.VideoFrame, stream: VideoStream) -> float:
    return float((frame.pts or 0) * (stream.time_base or Fraction(1, 1000)))


def _luma_of(frame: av.VideoFrame) -> Grey:
    """The first plane without a copy where it is 8 bits of brightness, (height, width)."""
    name, plane = frame.format.name, frame.planes[0]
    if name in _EIGHT_BITS:
        return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width]
    if name in _TEN_BITS:
        wide = np.frombuffer(memoryview(plane), "<u2").reshape(-1, plane.line_size // 2)[: frame.height, : frame.width]
        return np.asarray(wide >> 2, dtype=np.uint8)
    return np.asarray(frame.to_ndarray(format="gray"), dtype=np.uint8)


def _halved(luma: Grey) -> Grey:
    """By half as often as leaves the longer side no shorter than a sample's: that is fast, other shares are not."""
    while max(luma.shape) >= 2 * SAMPLE_SIDE:
        size = (luma.shape[1] // 2, luma.shape[0] // 2)
        luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return luma


def _small(half: Grey, rotation: int) -> Grey:
    height, width = half.shape
    scale = SAMPLE_SIDE / max(width, height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return upright(np.asarray(cv2.resize(half, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8), rotation)


def upright(picture: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turned as it was held. FFmpeg's ``rotation`` counts counter-clockwise."""
    turns = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
    turn = turns.get(rotation % 360)
    return picture if turn is None else np.asarray(cv2.rotate(picture, turn), dtype=np.uint8)


def _sharpness(half: Grey) -> float:
    """Mean square of the Laplacian of every other line of the middle: high where edges are."""
    height, width = half.shape
    middle = half[height // 6 : height * 5 // 6 : 2, width // 6 : width * 5 // 6]
    return cv2.norm(cv2.Laplacian(middle, cv2.CV_16S), cv2.NORM_L2SQR) / middle.size
