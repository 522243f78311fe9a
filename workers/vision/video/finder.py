"""The pages of a film, from small grey samples in time.

Samples that follow each other and show the same page make a run. A run that lasts is a page; a brief one is a page
only if it lies still when looked at closely, or it is a page that is being turned. What a run shows is compared with
every page known, laid on it by its features, so that a page shown twice is one page. Of each page the best moment is
kept: sharp, late in its stay, with the least of it hidden.

Time grows with the samples (2 ms each) and with runs times pages (12 ms each); memory with the runs, not the film.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np

from workers.vision.video.alignment import Portrait
from workers.vision.video.similarity import Comparison, Detail, Grey, compare, detail_of, window_for

MIN_STAY_SECONDS: Final = 1.2
"""What lasts so long is a page. A hand takes about 0.7 s to turn one."""
STILL_SECONDS: Final = 0.45
"""What was seen more briefly is a page if it lies still for so long: of a page being turned a third moves meanwhile."""
STILL_LOST: Final = 0.2
BRIEF_SCORE: Final = -10.0
"""Below every score of a run: a glimpse never stands for a page that was seen at leisure."""
MAX_CANDIDATES: Final = 8
LOOK_BACK: Final = 3
"""Samples: a run is also compared with what it was so long ago, or a slow turn would join two pages."""
MAX_BRIEF_RUNS: Final = 400
"""Doubts that are looked at closely; in more than so many there are no pages to be found."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A sample as the finder takes it: ``at`` in seconds, ``luma`` (h, w) grey, ``pts`` to find the picture again."""

    at: float
    luma: Grey
    sharpness: float
    pts: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class PageStay:
    """The page lay still from ``start`` to ``end`` seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page, the moment that shows it best, and when it was shown, in time."""

    best: Moment
    stays: tuple[PageStay, ...]


@dataclass(frozen=True, slots=True)
class PagesFound:
    """``is_truncated``: there were more pages than were asked for; those that are here came first."""

    pages: tuple[FoundPage, ...]
    is_truncated: bool


@dataclass(slots=True)
class _Candidate:
    moment: Moment
    detail: Detail


@dataclass(slots=True)
class _Run:
    candidates: list[_Candidate] = field(default_factory=list)
    recent: list[Detail] = field(default_factory=list)

    @property
    def stay(self) -> PageStay:
        return PageStay(self.candidates[0].moment.at, self.candidates[-1].moment.at)


@dataclass(slots=True)
class _Known:
    portrait: Portrait
    best: Moment
    score: float
    stays: list[PageStay]


class PageFinder:
    """Feed it moments in time with :meth:`add`, then ask :meth:`found`. At most ``max_pages`` are kept."""

    def __init__(self, *, max_pages: int) -> None:
        self._max_pages = max_pages
        self._run: _Run | None = None
        self._brief: list[tuple[Moment, PageStay]] = []
        self._pages: list[_Known] = []
        self._window: Detail | None = None

    @property
    def is_full(self) -> bool:
        """There are more pages than are kept: further moments change nothing."""
        return len(self._pages) > self._max_pages

    def add(self, moment: Moment) -> None:
        """The next moment. All have one shape."""
        if self.is_full:
            return
        detail = detail_of(moment.luma)
        if self._window is None:
            self._window = window_for(detail.shape)
        if self._run is not None and not self._goes_on(self._run, detail):
            self._settle(self._run)
            self._run = None
        if self._run is None:
            self._run = _Run()
        _extend(self._run, moment, detail)

    def found(self, look_closely: Callable[[Moment], Sequence[Moment]]) -> PagesFound:
        """The pages in the order in which they were first shown.

        ``look_closely`` gives moments close to one, in time, at least 6 a second: they settle what was seen too
        briefly to be sure.
        """
        if self._run is not None:
            self._settle(self._run)
            self._run = None
        for moment, stay in self._brief:
            if self._lies_still(moment, look_closely(moment)):
                self._remember(moment, BRIEF_SCORE, stay)
        known = sorted(self._pages, key=lambda page: page.stays[0].start)
        pages = tuple(
            FoundPage(page.best, tuple(sorted(page.stays, key=lambda stay: stay.start)))
            for page in known[: self._max_pages]
        )
        return PagesFound(pages, is_truncated=self.is_full)

    def _compare(self, first: Detail, second: Detail) -> Comparison:
        assert self._window is not None
        return compare(first, second, window=self._window)

    def _goes_on(self, run: _Run, detail: Detail) -> bool:
        if not self._compare(run.recent[-1], detail).is_same_page:
            return False
        return len(run.recent) == 1 or self._compare(run.recent[0], detail).is_same_page

    def _settle(self, run: _Run) -> None:
        best, score = self._best_of(run)
        stay = run.stay
        if stay.end - stay.start >= MIN_STAY_SECONDS:
            self._remember(best, score, stay)
        elif len(self._brief) < MAX_BRIEF_RUNS:
            self._brief.append((best, stay))

    def _lies_still(self, moment: Moment, close: Sequence[Moment]) -> bool:
        detail = detail_of(moment.luma)
        still = [moment.at]
        for side in (
            [one for one in close if one.at > moment.at],
            [one for one in reversed(close) if one.at < moment.at],
        ):
            for one in side:
                comparison = self._compare(detail, detail_of(one.luma))
                if not comparison.is_same_page or comparison.lost > STILL_LOST:
                    break
                still.append(one.at)
        return max(still) - min(still) >= STILL_SECONDS

    def _best_of(self, run: _Run) -> tuple[Moment, float]:
        stay = run.stay
        sharpest = max(candidate.moment.sharpness for candidate in run.candidates) or 1.0
        scored = []
        for candidate in run.candidates:
            others = [other for other in run.candidates if other is not candidate]
            hidden = [self._compare(other.detail, candidate.detail).lost for other in others]
            lateness = (candidate.moment.at - stay.start) / (stay.end - stay.start) if others else 0.0
            score = (
                0.5 * candidate.moment.sharpness / sharpest
                - 2.0 * (float(np.mean(hidden)) if hidden else 0.0)
                + 0.1 * lateness
                + 0.05 * candidate.moment.is_key
            )
            scored.append((score, candidate.moment))
        score, best = max(scored, key=lambda pair: pair[0])
        return best, score

    def _remember(self, moment: Moment, score: float, stay: PageStay) -> None:
        portrait = Portrait(moment.luma)
        for known in self._pages:
            if self._shows(known, portrait):
                known.stays.append(stay)
                if score > known.score:
                    known.portrait, known.best, known.score = portrait, moment, score
                return
        self._pages.append(_Known(portrait, moment, score, [stay]))

    def _shows(self, known: _Known, portrait: Portrait) -> bool:
        if self._compare(known.portrait.detail, portrait.detail).is_same_page:
            return True
        aligned = known.portrait.compare(portrait)
        return aligned is not None and aligned.is_same_page


def _extend(run: _Run, moment: Moment, detail: Detail) -> None:
    run.recent = [*run.recent[-(LOOK_BACK - 1) :], detail]
    run.candidates.append(_Candidate(moment, detail))
    if len(run.candidates) > MAX_CANDIDATES:
        # Thin out evenly, the ends stay: of the two that are closest in time the less sharp one goes.
        inner = run.candidates[1:-1]
        gaps = [after.moment.at - before.moment.at for before, after in pairwise(inner)]
        place = int(np.argmin(gaps))
        run.candidates.remove(min(inner[place : place + 2], key=lambda candidate: candidate.moment.sharpness))
