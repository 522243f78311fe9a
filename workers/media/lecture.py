"""A lecture as browsers play it: H.264 and AAC in an MP4 whose index comes first, so that it starts and seeks at once.

What is so already is copied packet by packet; the rest is encoded anew, smaller where it is large. One frame and one
packet are in memory whatever the length. A file that breaks off gives what is whole, and so does a time limit.

The storyboard is one picture of small ones, taken at even distances at the keyframes, for whoever looks for a place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final, cast

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType
from av.video.stream import VideoStream
from numpy.typing import NDArray

from workers.media.errors import damaged_video
from workers.media.video import THREADS, VideoFacts, open_container, open_video, picture_track, upright

Picture = NDArray[np.uint8]

SOUNDS: Final = frozenset(
    {"aac", "mp3", "mp3float", "opus", "libopus", "vorbis", "alac", "ac3", "flac", "pcm_s16le", "pcm_s16be"}
)
ENCODED_SIDE: Final = 1280
"""Pixels of the longer side of what is encoded anew: handwriting on a board can be read, and one core keeps up."""
ENCODED_RATE: Final = 30
KEYFRAME_SECONDS: Final = 4
SEEKABLE_SECONDS: Final = 15.0
"""Keyframes further apart than this make a seek last; then the pictures are encoded anew."""
ENCODING: Final = {"preset": "veryfast", "crf": "25", "threads": str(THREADS)}
SOUND_BITS_PER_SECOND: Final = 128_000
SOUND_RATE: Final = 48_000
MAX_DAMAGED: Final = 500

TILE_SIDE: Final = 160
MAX_TILES: Final = 100
MIN_TILE_SECONDS: Final = 5.0
TILE_COLUMNS: Final = 10
POSTER_SIDE: Final = 1280
POSTER_SHARE: Final = 0.1
"""The first seconds of a lecture are often black, or an empty board."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was written. The flags say why it may be shorter than what was sent."""

    source: VideoFacts
    seconds: float
    width: int
    height: int
    has_sound: bool
    is_copied: bool
    """The pictures are those that were sent, bit by bit."""
    is_cut_off: bool
    is_timed_out: bool


@dataclass(frozen=True, slots=True)
class Storyboard:
    """``sprite``: tiles row by row, ``columns`` in a row; tile n shows the moment ``n * every_seconds``. BGR."""

    sprite: Picture
    poster: Picture
    every_seconds: float
    columns: int
    count: int
    tile_width: int
    tile_height: int


def write_streamable(
    file: BinaryIO, target: Path, *, time_limit_seconds: float, report: Callable[[float], None]
) -> Prepared:
    """Write the video in ``file`` to ``target``. Raises ``BrokenMedia`` with the reason why not.

    ``report`` is told the share that is done.
    """
    ends_at = time.monotonic() + time_limit_seconds
    with open_video(file) as video:
        facts = video.facts
    with (
        open_container(file, sounds=SOUNDS) as source,
        av.open(str(target), "w", format="mp4", options={"movflags": "+faststart"}) as output,
    ):
        pictures = picture_track(source)
        writer = _Writer(source, output, pictures, sound_track(source), facts)
        writer.run(report, ends_at)
    if not writer.seconds:
        raise damaged_video()
    with av.open(str(target)) as written:
        stream = written.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        seconds = (written.duration or 0) / av.time_base
    return Prepared(
        source=facts,
        seconds=seconds,
        width=width,
        height=height,
        has_sound=writer.has_sound,
        is_copied=writer.is_copied,
        is_cut_off=facts.is_cut_off or writer.is_damaged,
        is_timed_out=writer.is_timed_out,
    )


def draw_storyboard(file: BinaryIO, *, seconds: float, report: Callable[[float], None]) -> Storyboard:
    """Small pictures of the whole of what :func:`write_streamable` wrote, and one large one."""
    every = max(MIN_TILE_SECONDS, seconds / MAX_TILES)
    count = max(min(int(seconds / every) + 1, MAX_TILES), 1)
    with open_container(file) as container:
        stream = picture_track(container)
        poster = _picture_at(container, stream, seconds * POSTER_SHARE)
        if poster is None:
            raise damaged_video()
        tile = _fitted(poster, TILE_SIDE)
        height, width = tile.shape[:2]
        rows = -(-count // TILE_COLUMNS)
        sprite = np.zeros((rows * height, min(count, TILE_COLUMNS) * width, 3), np.uint8)
        for number in range(count):
            found = _picture_at(container, stream, number * every)
            if found is not None:
                tile = np.asarray(cv2.resize(found, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            top, left = number // TILE_COLUMNS * height, number % TILE_COLUMNS * width
            sprite[top : top + height, left : left + width] = tile
            report((number + 1) / count)
    return Storyboard(sprite, _fitted(poster, POSTER_SIDE), every, min(count, TILE_COLUMNS), count, width, height)


class _Writer:
    """Packets in, packets out; each track is copied or encoded."""

    def __init__(
        self,
        source: InputContainer,
        output: OutputContainer,
        pictures: VideoStream,
        sound: AudioStream | None,
        facts: VideoFacts,
    ) -> None:
        self._source, self._output = source, output
        self._pictures, self._sound = pictures, sound
        self._facts = facts
        self.is_copied = _is_playable(pictures, facts)
        self._copies_sound = sound is not None and sound.codec_context.name == "aac"
        self.is_damaged = False
        self.is_timed_out = False
        self.seconds = 0.0
        self._damaged = 0
        self._pace = Pace()
        self._next_keyframe_at = 0.0
        self._last_dts: dict[int, int] = {}
        self._to = output.add_stream_from_template(pictures) if self.is_copied else self._picture_target()
        self._to_sound: AudioStream | None = None
        if sound is not None:
            self._to_sound = self._sound_target(sound)

    @property
    def has_sound(self) -> bool:
        return self._to_sound is not None

    def run(self, report: Callable[[float], None], ends_at: float) -> None:
        for packet in self._packets():
            if packet.stream is self._pictures:
                at = float((packet.pts or 0) * (packet.time_base or 0))
                report(min(at / self._facts.seconds, 1.0) if self._facts.seconds else 1.0)
                self._add_picture(cast("Packet[VideoStream]", packet))
            elif self._to_sound is not None:
                self._add_sound(cast("Packet[AudioStream]", packet), self._to_sound)
            if time.monotonic() > ends_at:
                self.is_timed_out = True
                break
        self._flush()

    def _packets(self) -> Iterator[Packet[Stream]]:
        tracks: list[Stream] = [self._pictures]
        if self._sound is not None:
            tracks.append(self._sound)
        packets = self._source.demux(tracks)
        while self._damaged < MAX_DAMAGED:
            try:
                packet = next(packets)
            except (StopIteration, av.error.EOFError):
                return
            except av.error.FFmpegError:
                self._note_damage()
                continue
            if packet.dts is not None:
                yield packet

    def _note_damage(self) -> None:
        self._damaged += 1
        self.is_damaged = True

    # ---------------------------------------------------------------- pictures

    def _add_picture(self, packet: Packet[VideoStream]) -> None:
        if self.is_copied:
            if self._copy(packet, self._to):
                self._reached(packet)
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            self._note_damage()
            return
        for frame in frames:
            self._encode_picture(frame)

    def _encode_picture(self, frame: av.VideoFrame) -> None:
        if frame.is_corrupt or (frame.width, frame.height) != (self._facts.width, self._facts.height):
            self._note_damage()
            return
        at = float((frame.pts or 0) * (frame.time_base or Fraction(1, 1000)))
        if not self._pace.keeps(at):
            return
        picture = turned(frame, self._to.width, self._to.height)
        picture.pts, picture.time_base = round(at * 90_000), Fraction(1, 90_000)
        # By time, for a screen recording may have few pictures a second; and never as it was sent.
        picture.pict_type = PictureType.I if at >= self._next_keyframe_at else PictureType.NONE
        if picture.pict_type == PictureType.I:
            self._next_keyframe_at = at + KEYFRAME_SECONDS
        self._output.mux(self._to.encode(picture))
        self.seconds = max(self.seconds, at + 1.0 / ENCODED_RATE)

    def _picture_target(self) -> VideoStream:
        """Every track is there before the first packet; how the pictures were held, only the first one says."""
        width, height = self._facts.width, self._facts.height
        if first_rotation(self._source, self._pictures) % 180:
            width, height = height, width
        scale = min(ENCODED_SIDE / max(width, height), 1.0)
        stream = add_pictures(self._output, even(width * scale), even(height * scale), ENCODING)
        stream.codec_context.gop_size = ENCODED_RATE * KEYFRAME_SECONDS
        return stream

    # ---------------------------------------------------------------- sound

    def _sound_target(self, sound: AudioStream) -> AudioStream:
        if self._copies_sound:
            return self._output.add_stream_from_template(sound)
        target = self._output.add_stream("aac", rate=SOUND_RATE)
        target.layout = "stereo" if sound.codec_context.channels > 1 else "mono"
        target.bit_rate = SOUND_BITS_PER_SECOND
        return target

    def _add_sound(self, packet: Packet[AudioStream], target: AudioStream) -> None:
        if self._copies_sound:
            self._copy(packet, target)
            return
        try:
            for frame in packet.decode():
                self._output.mux(target.encode(frame))
        except av.error.FFmpegError:
            self._note_damage()

    # ---------------------------------------------------------------- both

    def _copy(self, packet: Packet[VideoStream] | Packet[AudioStream], target: VideoStream | AudioStream) -> bool:
        """Times in a file have to grow; a packet that goes back is damaged."""
        assert packet.dts is not None
        track = packet.stream.index
        if packet.is_corrupt or packet.dts <= self._last_dts.get(track, packet.dts - 1):
            self._note_damage()
            return False
        self._last_dts[track] = packet.dts
        packet.stream = target
        self._output.mux(packet)
        return True

    def _reached(self, packet: Packet[VideoStream]) -> None:
        base = packet.time_base or Fraction(0)
        self.seconds = max(self.seconds, float(((packet.pts or 0) + (packet.duration or 0)) * base), 0.001)

    def _flush(self) -> None:
        try:
            if not self.is_copied:
                self._output.mux(self._to.encode(None))
            if self._to_sound is not None and not self._copies_sound:
                self._output.mux(self._to_sound.encode(None))
        except av.error.FFmpegError:
            self._note_damage()


def _is_playable(stream: VideoStream, facts: VideoFacts) -> bool:
    """Whether every browser plays these pictures as they are, and can seek in them."""
    return (
        facts.codec == "h264"
        and stream.codec_context.pix_fmt in {"yuv420p", "yuvj420p"}
        and facts.keyframe_seconds <= SEEKABLE_SECONDS
    )


def sound_track(container: InputContainer) -> AudioStream | None:
    """The first track of sound that may be decoded. A lecture without any is shown as silent."""
    return next((track for track in container.streams.audio if track.codec_context.name in SOUNDS), None)


class Pace:
    """Which pictures are kept, asked in time: no more than ``ENCODED_RATE`` a second."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def keeps(self, at: float) -> bool:
        if at < self._next_at:
            return False
        self._next_at = max(self._next_at, at - 1.0 / ENCODED_RATE) + 0.98 / ENCODED_RATE
        return True


def add_pictures(output: OutputContainer, width: int, height: int, options: Mapping[str, str]) -> VideoStream:
    """A track of H.264 in one thread, whose times are of 90,000 a second."""
    stream = output.add_stream("libx264", rate=ENCODED_RATE, options=dict(options))
    stream.width, stream.height = width, height
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 90_000)
    stream.codec_context.thread_count = THREADS
    return stream


def first_rotation(source: InputContainer, pictures: VideoStream) -> int:
    """How the first picture was held, in degrees; afterwards the source is at its beginning."""
    try:
        return next((frame.rotation for frame in source.decode(pictures)), 0)
    except av.error.FFmpegError:
        return 0
    finally:
        source.seek(0, backward=True, any_frame=False)


def turned(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    """Upright, at this size, as 8 bits of 4:2:0."""
    if frame.rotation % 360 == 0:
        return frame.reformat(width=width, height=height, format="yuv420p")
    small = (height, width) if frame.rotation % 180 else (width, height)
    picture = frame.reformat(width=small[0], height=small[1], format="bgr24").to_ndarray().astype(np.uint8, copy=False)
    return av.VideoFrame.from_ndarray(upright(picture, frame.rotation), format="bgr24").reformat(format="yuv420p")


def _picture_at(container: InputContainer, stream: VideoStream, at: float) -> Picture | None:
    """The keyframe that a seek to ``at`` seconds begins from, upright."""
    base = float(stream.time_base or Fraction(1, 1000))
    try:
        container.seek(int(at / base), stream=stream, backward=True)
        for frame in container.decode(stream):
            picture = np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)
            return upright(picture, frame.rotation)
    except av.error.FFmpegError:
        return None
    return None


def _fitted(picture: Picture, side: int) -> Picture:
    scale = min(side / max(picture.shape[:2]), 1.0)
    size = (even(picture.shape[1] * scale), even(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def even(length: float) -> int:
    return max(round(length / 2) * 2, 2)
