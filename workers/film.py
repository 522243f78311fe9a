"""The pages of a film: a file in, one straightened picture of each page out, within a time limit and little memory.

Putting together what the decoder (``workers.media.video``) and the recognisers (``workers.vision.video``) do apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import cv2
import numpy as np

from workers.media.errors import damaged_video
from workers.media.video import Sample, Video, VideoFacts, open_video
from workers.vision.video.finder import FoundPage, Moment, PageFinder, PagesFound
from workers.vision.video.page import MAX_SIDE, Picture, find_sheet, rectified

SAMPLES_PER_SECOND: Final = 2.0
"""Somebody who leafs through quickly shows a page for 1.6 s."""
CLOSE_SECONDS: Final = 0.6
CLOSE_PER_SECOND: Final = 8.0
SAMPLING_SHARE: Final = 0.75
"""Of the time limit; what is left is for doubts and for the pictures."""
CLOSE_SHARE: Final = 0.85


@dataclass(frozen=True, slots=True)
class FilmedPage:
    """One page: when it was shown, and its best picture, (height, width, 3) BGR."""

    found: FoundPage
    picture: Picture
    is_straightened: bool
    """A sheet was found on a desk, and the picture shows it alone."""


class Film:
    """An open film. Use with :func:`open_film`."""

    def __init__(self, video: Video, *, time_limit_seconds: float) -> None:
        self._video = video
        self._started_at = time.monotonic()
        self._time_limit_seconds = time_limit_seconds
        self.is_timed_out = False
        """The time limit came before the end: there may be pages that were not found."""

    @property
    def facts(self) -> VideoFacts:
        return self._video.facts

    @property
    def damaged_packets(self) -> int:
        return self._video.damaged_packets

    def find_pages(self, *, max_pages: int, report: Callable[[float], None]) -> PagesFound:
        """At most ``max_pages`` pages, in time. Raises ``BrokenMedia`` where nothing can be decoded.

        ``report`` is told the share of the film that was looked at.
        """
        finder = PageFinder(max_pages=max_pages)
        count = 0
        for sample in self._video.samples(per_second=SAMPLES_PER_SECOND):
            finder.add(_moment(sample))
            count += 1
            report(min(sample.at / self.facts.seconds, 1.0) if self.facts.seconds else 1.0)
            if finder.is_full or self._is_past(SAMPLING_SHARE):
                break
        if not count:
            raise damaged_video()
        return finder.found(_Close(self._video), is_over=lambda: self._is_past(CLOSE_SHARE))

    def pictures(self, pages: PagesFound) -> Iterator[FilmedPage]:
        """The pages with their pictures, one by one, so that one at a time is in memory."""
        by_pts = {page.best.pts: page for page in pages.pages}
        for pts, picture in self._video.pictures(sorted(by_pts)):
            luma = by_pts[pts].best.luma
            quad = find_sheet(luma)
            if quad is not None:
                quad *= np.float32(picture.shape[1] / luma.shape[1])
            page = rectified(picture, quad) if quad is not None else shrunk(picture, MAX_SIDE)
            yield FilmedPage(by_pts[pts], page, is_straightened=quad is not None)
            if self._is_past(1.0):
                return

    def _is_past(self, share: float) -> bool:
        if time.monotonic() - self._started_at < share * self._time_limit_seconds:
            return False
        self.is_timed_out = True
        return True


class _Close:
    """Looking closely at a moment of a video."""

    def __init__(self, video: Video) -> None:
        self._video = video

    def after(self, moment: Moment) -> Iterator[Moment]:
        return map(_moment, self._video.after(moment.pts, seconds=CLOSE_SECONDS, per_second=CLOSE_PER_SECOND))

    def before(self, moment: Moment) -> list[Moment]:
        close = self._video.before(moment.pts, seconds=CLOSE_SECONDS, per_second=CLOSE_PER_SECOND)
        return [_moment(sample) for sample in close]


@contextmanager
def open_film(file: BinaryIO, *, time_limit_seconds: float) -> Iterator[Film]:
    """Open the film in ``file``. Raises ``BrokenMedia``."""
    with open_video(file) as video:
        yield Film(video, time_limit_seconds=time_limit_seconds)


def shrunk(picture: Picture, side: int) -> Picture:
    """The picture with a longer side of at most ``side`` pixels."""
    scale = side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = (max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _moment(sample: Sample) -> Moment:
    return Moment(sample.at, sample.luma, sample.sharpness, sample.pts, sample.is_key, sample.kept)
