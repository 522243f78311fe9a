"""A lecture in two qualities, for players that choose by the line: fragmented MP4, one file each (RFC 8216, 6.2).

What is read is what ``write_streamable`` wrote. The high one is its very packets where its keyframes allow that, else
encoded anew; the low one is encoded at the same keyframes, from the same decoding, so that a player may change from
one to the other at any segment. A segment is a range of bytes. One picture and one fragment are in memory whatever the
length.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Final, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType
from av.video.stream import VideoStream

from workers.media.errors import BrokenMedia, MediaProblem, damaged_video
from workers.media.fragments import boxes, peak, picture_kind, sound_kind
from workers.media.lecture import MAX_DAMAGED, SOUNDS, Pace, add_pictures, even, first_rotation, sound_track, turned
from workers.media.video import open_container, picture_track

SEGMENT_SECONDS: Final = 6.0
MAX_SEGMENT_SECONDS: Final = 16.0
"""Of what is copied, whose keyframes are 15 seconds apart at most; more than a player should wait for at once."""
TWO_FROM_LINES: Final = 480
"""A film that is smaller is one rendition: another one would hardly be smaller still."""
HIGH_LINES, LOW_LINES = 720, 360
COPIED_LINES: Final = 1080
COPIED_BITS_PER_SECOND: Final = 6_000_000
"""On average; what a phone films has 10 to 50 million, which is more than a line should have to carry."""
MAX_FRAGMENT_BYTES: Final = 24 * 1024 * 1024
"""A fragment is in memory until it is whole."""
SHIFT_SECONDS: Final = 1
"""Added to all times alike: none is negative then, and nothing is moved by the one that writes."""
HIGH_ENCODING: Final = {"preset": "veryfast", "crf": "25", "maxrate": "3M", "bufsize": "6M", "sc_threshold": "0"}
LOW_ENCODING: Final = {"preset": "veryfast", "crf": "27", "maxrate": "600k", "bufsize": "1200k", "sc_threshold": "0"}
NEVER: Final = 1_000_000
"""Pictures until a keyframe comes by itself."""
JUDGED_AFTER, HOPELESS = 0.1, 1.25
"""Of the time there is: by then the pace says whether it will do, if it is that far off."""
_CONTAINER: Final = {
    "movflags": "+frag_keyframe+empty_moov+default_base_moof+frag_discont+skip_trailer",
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
}
_IDR, _OTHER_SLICE = 5, 1  # kinds of NAL unit, of ITU-T H.264, table 7-1


@dataclass(frozen=True, slots=True)
class Rendition:
    """One quality: ``head_bytes`` of its file set a player up, then come the segments without a gap."""

    name: str
    file: str
    width: int
    height: int
    codecs: str
    peak_bits_per_second: int
    average_bits_per_second: int
    head_bytes: int
    segments: list[tuple[float, int]]
    """Seconds and bytes of each."""


def write_renditions(
    file: BinaryIO, folder: Path, *, time_limit_seconds: float, report: Callable[[float], None]
) -> list[Rendition]:
    """Write the lecture in ``file`` as "high.mp4" and, if it is large enough, "low.mp4"; the high one comes first.

    Raises ``BrokenMedia``, also when the time will not do. ``report`` is told the share that is done.
    """
    try:
        facts = _look_at(file)
        with open_container(file, sounds=SOUNDS) as source:
            pictures, sound = picture_track(source), sound_track(source)
            with ExitStack() as outputs:
                tracks = [
                    _Track(name, folder / f"{name}.mp4", outputs, pictures, sound, size)
                    for name, size in _sizes(facts).items()
                ]
                _Pass(source, pictures, sound, facts, tracks).run(report, time_limit_seconds)
        return [track.indexed() for track in tracks]
    except av.error.FFmpegError as error:
        raise damaged_video() from error


# ---------------------------------------------------------------- what is there


@dataclass(frozen=True, slots=True)
class _Facts:
    """``cuts``: where segments of what is copied begin, in the track's own times; empty when nothing is copied."""

    width: int
    height: int
    end: float
    cuts: Sequence[int]

    @property
    def lines(self) -> int:
        return min(self.width, self.height)


def _look_at(file: BinaryIO) -> _Facts:
    """Every packet once, none decoded but the first picture."""
    with open_container(file) as source:
        track = picture_track(source)
        rotation = first_rotation(source, track)
        width, height = track.codec_context.width, track.codec_context.height
        if rotation % 180:
            width, height = height, width
        base = track.time_base or Fraction(1, 90_000)
        cuts: list[int] = []
        before = total = fragment = largest = 0
        last_key: int | None = None
        end, is_copyable = 0.0, rotation % 360 == 0 and track.codec_context.pix_fmt == "yuv420p"
        for packet in source.demux(track):
            if packet.pts is None or packet.dts is None:
                continue
            end = max(end, float((packet.pts + (packet.duration or 0)) * base))
            total += packet.size
            fragment += packet.size
            if packet.is_keyframe:
                is_copyable = is_copyable and _is_fresh_start(packet, track)
                if last_key is not None and (packet.pts - last_key) * base > MAX_SEGMENT_SECONDS:
                    is_copyable = False
                if not cuts or (packet.pts - before) * base >= SEGMENT_SECONDS:
                    cuts.append(packet.pts)
                    before = packet.pts
                last_key, largest, fragment = packet.pts, max(largest, fragment), packet.size
            elif last_key is None:
                is_copyable = False
        largest = max(largest, fragment)
        if last_key is None or not end:
            raise damaged_video()
        is_copyable = (
            is_copyable
            and end - float(last_key * base) <= MAX_SEGMENT_SECONDS
            and min(width, height) <= COPIED_LINES
            and largest <= MAX_FRAGMENT_BYTES
            and 8 * total / end <= COPIED_BITS_PER_SECOND
        )
    return _Facts(width, height, end, cuts if is_copyable else [])


def _is_fresh_start(packet: Packet[VideoStream], track: VideoStream) -> bool:
    """Whether nothing after it needs anything before it: an IDR picture, which what FFmpeg calls a key need not be."""
    extradata = track.codec_context.extradata or b""
    if track.codec_context.name != "h264" or extradata[:1] != b"\x01" or len(extradata) < 7:
        return False
    data, length_bytes, place = bytes(packet), (extradata[4] & 3) + 1, 0
    while place + length_bytes < len(data):
        kind = data[place + length_bytes] & 31
        if kind in (_IDR, _OTHER_SLICE):
            return kind == _IDR
        place += length_bytes + int.from_bytes(data[place : place + length_bytes], "big")
    return False


def _sizes(facts: _Facts) -> dict[str, tuple[int, int] | None]:
    """Width and height of what is encoded of each rendition; ``None``: copied."""
    found: dict[str, tuple[int, int] | None] = {"high": None if facts.cuts else _size(facts, HIGH_LINES)}
    if facts.lines >= TWO_FROM_LINES:
        found["low"] = _size(facts, LOW_LINES)
    return found


def _size(facts: _Facts, lines: int) -> tuple[int, int]:
    scale = min(lines / facts.lines, 1.0)
    return even(facts.width * scale), even(facts.height * scale)


_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {"high": HIGH_ENCODING, "low": LOW_ENCODING}


# ---------------------------------------------------------------- writing


class _Pass:
    """The source once from beginning to end, into every track."""

    def __init__(
        self,
        source: InputContainer,
        pictures: VideoStream,
        sound: AudioStream | None,
        facts: _Facts,
        tracks: Sequence[_Track],
    ) -> None:
        self._source, self._pictures, self._sound = source, pictures, sound
        self._facts, self._tracks = facts, tracks
        self._encoded = [track for track in tracks if not track.is_copied]
        self._copied = [track for track in tracks if track.is_copied]
        self._base = pictures.time_base or Fraction(1, 90_000)
        self._pace = Pace()
        self._cuts = iter(facts.cuts)
        self._next_cut = float("-inf")
        self._damaged = 0

    def run(self, report: Callable[[float], None], time_limit_seconds: float) -> None:
        begun = time.monotonic()
        copied_cuts = frozenset(self._facts.cuts)
        for packet in self._packets():
            if packet.stream is not self._pictures:
                _shift(packet)
                for track in self._tracks:
                    track.add_sound(cast("Packet[AudioStream]", packet))
                continue
            picture = cast("Packet[VideoStream]", packet)
            at = float((picture.pts or 0) * self._base)
            if self._encoded:
                self._encode(picture)
            for track in self._copied:
                is_cut = picture.pts in copied_cuts
                _shift(picture)
                track.add_packet(picture, at, is_cut=is_cut)
            share = min(at / self._facts.end, 1.0)
            report(share)
            _check_time(time.monotonic() - begun, time_limit_seconds, share)
        if self._encoded:
            self._encode(None)  # the pictures that the decoder still has
        for track in self._tracks:
            track.end(self._facts.end)

    def _packets(self) -> Iterator[Packet[Stream]]:
        tracks: list[Stream] = [self._pictures] if self._sound is None else [self._pictures, self._sound]
        return (packet for packet in self._source.demux(tracks) if packet.pts is not None and packet.dts is not None)

    def _encode(self, packet: Packet[VideoStream] | None) -> None:
        try:
            frames = self._pictures.codec_context.decode(packet)
        except av.error.FFmpegError:
            self._note_damage()
            return
        for frame in frames:
            stored = (self._pictures.codec_context.width, self._pictures.codec_context.height)
            if frame.pts is None or frame.is_corrupt or (frame.width, frame.height) != stored:
                self._note_damage()
            else:
                self._encode_picture(frame)

    def _encode_picture(self, frame: av.VideoFrame) -> None:
        assert frame.pts is not None
        at = float(frame.pts * self._base)
        is_cut = self._is_cut(frame.pts, at)
        if not self._pace.keeps(at) and not is_cut:
            return
        for track in self._encoded:
            track.add_picture(frame, at, is_cut=is_cut)

    def _is_cut(self, pts: int, at: float) -> bool:
        """Where the copied one has its own, or after so many seconds. What is damaged there, the next stands for."""
        now = pts if self._facts.cuts else at
        if now < self._next_cut:
            return False
        while self._facts.cuts and now >= self._next_cut:
            self._next_cut = next(self._cuts, float("inf"))
        if not self._facts.cuts:
            self._next_cut = at + SEGMENT_SECONDS
        return True

    def _note_damage(self) -> None:
        self._damaged += 1
        if self._damaged >= MAX_DAMAGED:
            raise damaged_video()


def _shift(packet: Packet[VideoStream] | Packet[AudioStream] | Packet[Stream]) -> None:
    by = round(SHIFT_SECONDS / (packet.time_base or Fraction(1)))
    assert packet.pts is not None
    assert packet.dts is not None
    packet.pts, packet.dts = packet.pts + by, packet.dts + by


def _check_time(taken: float, limit: float, share: float) -> None:
    """Ends what cannot be done in time early: a core has better to do for half an hour."""
    if taken > limit or (taken > limit * JUDGED_AFTER and taken > limit * share * HOPELESS):
        raise BrokenMedia(
            MediaProblem.TOO_LONG_FOR_RENDITIONS, "The lecture is too long to be written in several qualities."
        )


@dataclass(slots=True)
class _Segment:
    begins: float
    fragments: int = 1


@dataclass(slots=True)
class _Marks:
    """Fragments begin at keyframes, segments at some of them."""

    segments: list[_Segment] = field(default_factory=list)

    def key(self, at: float, *, is_cut: bool) -> None:
        if is_cut or not self.segments:
            self.segments.append(_Segment(at))
        else:
            self.segments[-1].fragments += 1


class _Track:
    """One rendition while it is written."""

    def __init__(
        self,
        name: str,
        target: Path,
        outputs: ExitStack,
        pictures: VideoStream,
        sound: AudioStream | None,
        size: tuple[int, int] | None,
    ) -> None:
        self._name, self._target = name, target
        self.is_copied = size is None
        self._output: OutputContainer = outputs.enter_context(
            av.open(str(target), "w", format="mp4", options=dict(_CONTAINER))
        )
        if size is None:
            self._pictures = self._output.add_stream_from_template(pictures)
            size = (pictures.codec_context.width, pictures.codec_context.height)
        else:
            self._pictures = add_pictures(self._output, *size, _OPTIONS[name])
            self._pictures.codec_context.gop_size = NEVER
        self._size = size
        self._sound = self._output.add_stream_from_template(sound) if sound is not None else None
        self._sound_kind = sound_kind(sound) if sound is not None else ""
        self._marks = _Marks()
        self._ends = 0.0

    def add_sound(self, packet: Packet[AudioStream]) -> None:
        assert self._sound is not None
        packet.stream = self._sound
        self._output.mux(packet)

    def add_packet(self, packet: Packet[VideoStream], at: float, *, is_cut: bool) -> None:
        if packet.is_keyframe:
            self._marks.key(at, is_cut=is_cut)
        packet.stream = self._pictures
        self._output.mux(packet)

    def add_picture(self, frame: av.VideoFrame, at: float, *, is_cut: bool) -> None:
        picture = turned(frame, *self._size)
        picture.pts, picture.time_base = round((at + SHIFT_SECONDS) * 90_000), Fraction(1, 90_000)
        picture.pict_type = PictureType.I if is_cut else PictureType.NONE
        if is_cut:
            self._marks.key(at, is_cut=True)
        self._output.mux(self._pictures.encode(picture))

    def end(self, at: float) -> None:
        if not self.is_copied:
            self._output.mux(self._pictures.encode(None))
        self._ends = at

    def indexed(self) -> Rendition:
        """What was written, once its file is closed. Raises ``BrokenMedia``."""
        head, fragments = boxes(self._target)
        segments = self._marks.segments
        if not segments or len(fragments) != sum(segment.fragments for segment in segments):
            raise damaged_video()
        sizes = iter(fragments)
        byte_counts = [sum(next(sizes) for _ in range(segment.fragments)) for segment in segments]
        begins = [segment.begins for segment in segments]
        lengths = [end - begin for begin, end in zip(begins, [*begins[1:], self._ends], strict=True)]
        if min(lengths) <= 0:
            raise damaged_video()
        pairs = list(zip(lengths, byte_counts, strict=True))
        return Rendition(
            name=self._name,
            file=self._target.name,
            width=self._size[0],
            height=self._size[1],
            codecs=picture_kind(head) + self._sound_kind,
            peak_bits_per_second=peak(pairs),
            average_bits_per_second=round(8 * sum(byte_counts) / sum(lengths)),
            head_bytes=len(head),
            segments=[(round(seconds, 5), count) for seconds, count in pairs],
        )
