"""What a player is told of a fragmented MP4 (ISO 14496-12): where its fragments are, of what kind, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from av.audio.stream import AudioStream

from workers.media.errors import damaged_video


def boxes(path: Path) -> tuple[bytes, list[int]]:
    """What comes before the first fragment, and how many bytes each fragment has (ISO 14496-12, 4.2 and 8.8)."""
    fragments: list[int] = []
    head_bytes = place = 0
    size = path.stat().st_size
    with path.open("rb") as file:
        while place + 8 <= size:
            file.seek(place)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8 or place + length > size:
                raise damaged_video()
            if header[4:8] == b"moof":
                fragments.append(length)
            elif fragments:
                fragments[-1] += length
            else:
                head_bytes += length
            place += length
        file.seek(0)
        return file.read(head_bytes), fragments


def picture_kind(head: bytes) -> str:
    """As RFC 6381, 3.3 wants it: profile, constraints and level, from the track's own settings."""
    place = head.find(b"avcC")
    if place < 0 or len(head) < place + 8:
        raise damaged_video()
    return f"avc1.{head[place + 5 : place + 8].hex()}"


def sound_kind(sound: AudioStream) -> str:
    """The kind of AAC: the first five bits of its settings (ISO 14496-3, 1.6.2.1)."""
    extradata = sound.codec_context.extradata or b""
    kind = extradata[0] >> 3 if extradata else 2
    return f",mp4a.40.{kind if 0 < kind < 31 else 2}"


def peak(segments: Sequence[tuple[float, int]]) -> int:
    """The highest rate of segments in a row that last at least half of the longest (RFC 8216, 4.3.4.2)."""
    least = max(seconds for seconds, _ in segments) / 2
    peak = 0.0
    first, seconds, count = 0, 0.0, 0
    for length, size in segments:
        seconds, count = seconds + length, count + size
        while seconds - segments[first][0] >= least:
            seconds, count, first = seconds - segments[first][0], count - segments[first][1], first + 1
        if seconds >= least:
            peak = max(peak, 8 * count / seconds)
    return round(peak)
