"""Playlists of HTTP Live Streaming (RFC 8216) for a lecture's renditions. No database.

A segment is a range of bytes of its rendition's one file, whose address stands beside the playlist and answers with a
link of the moment: nothing in a playlist is secret, or goes out of date.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from apps.lectures.models import LectureRendition

CONTENT_TYPE: Final = "application/vnd.apple.mpegurl"
_HEAD: Final = ("#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS")


def master_playlist(renditions: Sequence[LectureRendition]) -> str:
    """Which renditions there are, the first of them being played first by who does not measure."""
    lines = [*_HEAD]
    for one in renditions:
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={one.peak_bits},AVERAGE-BANDWIDTH={one.average_bits},"
            f'RESOLUTION={one.width}x{one.height},CODECS="{one.codecs}"',
            f"{one.name}.m3u8",
        ]
    return _text(lines)


def media_playlist(rendition: LectureRendition) -> str:
    """Its segments from beginning to end."""
    longest = max(seconds for seconds, _ in rendition.segments)
    file, place = f"{rendition.name}.mp4", rendition.head_bytes
    lines = [
        *_HEAD,
        f"#EXT-X-TARGETDURATION:{math.ceil(longest)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        f'#EXT-X-MAP:URI="{file}",BYTERANGE="{place}@0"',
    ]
    for seconds, byte_count in rendition.segments:
        lines += [f"#EXTINF:{seconds:.5f},", f"#EXT-X-BYTERANGE:{byte_count:.0f}@{place}", file]
        place += int(byte_count)
    return _text([*lines, "#EXT-X-ENDLIST"])


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
