"""The pages of a film, from small grey samples in time.

Samples that follow each other and show the same page make a run. A run that lasts is a page; a brief one is a page
only if it lies still when looked at closely, or it is a page that is being turned. What a run shows is compared with
every page known, laid on it by its features, so that a page shown twice is one page. Of each page the best moment is
kept: sharp, late in its stay, with the least of it hidden.

Time grows with the samples (2 to 5 ms each) and with runs times pages (5 ms each); memory with the pages and the
doubts, not with the film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Protocol

import numpy as np

from workers.vision.video.alignment import Portrait
from workers.vision.video.similarity import (
    Grey,
    Look,
    agreeing_blocks,
    compare,
    ink_share,
    is_same_at_a_glance,
    is_unmoved,
)

MIN_STAY_SECONDS: Final = 0.95
"""What lasts so long is a page: two samples of a phone's film. A hand takes about 0.7 s to turn one."""
STILL_SECONDS: Final = 0.45
"""What was seen more briefly is a page if it lies still for so long: of a page being turned a third moves meanwhile."""
STILL_AFTER_SECONDS: Final = 0.2
"""A page that stays for 1.6 s, of which no other sample was taken a second earlier and later, lies still for longer
than this on either side of the one there is."""
STILL_LOST: Final = 0.2
BRIEF_SCORE: Final = -10.0
"""Below every score of a run: a glimpse never stands for a page that was seen at leisure."""
MAX_CANDIDATES: Final = 7
LOOK_BACK: Final = 3
"""Samples: a run is also compared with what it was so long ago, or a slow turn would join two pages."""
BUILD_LOST: Final = 0.1
"""Share of the ink that may be lost when lines are added to a slide, however many."""
FULL_SHARE: Final = 0.75
"""Of the ink of the fullest moment: with less, not all of the page is there yet."""
END_PENALTY: Final = 0.5
"""A hand that begins to turn the page, or has just let it go, is seen at the ends of a run."""
EMPTY_SHARE: Final = 0.01
MERGE_SECONDS: Final = 2.0
"""What came between two stays of one page was a hand, when it was shorter."""
MAX_BRIEF_RUNS: Final = 400
"""Doubts that are looked at closely; in more than so many there are no pages to be found."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A sample as the finder takes it: ``at`` in seconds, ``luma`` (h, w) grey, ``pts`` to find the picture again.

    ``kept`` is held as long as the moment may be shown.
    """

    at: float
    luma: Grey
    sharpness: float
    pts: int
    is_key: bool
    kept: object = None


class CloseLook(Protocol):
    """Moments close to one, at least 6 a second: they settle what was seen too briefly to be sure."""

    def after(self, moment: Moment) -> Iterator[Moment]:
        """Those that follow, one by one: none is decoded before it is asked for."""

    def before(self, moment: Moment) -> Sequence[Moment]:
        """Those that come before, in time."""


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
    look: Look


@dataclass(slots=True)
class _Run:
    candidates: list[_Candidate] = field(default_factory=list)
    recent: list[Look] = field(default_factory=list)

    @property
    def stay(self) -> PageStay:
        return PageStay(self.candidates[0].moment.at, self.candidates[-1].moment.at)


@dataclass(slots=True)
class _Known:
    portrait: Portrait
    best: Moment
    score: float
    stays: list[PageStay]
    other: Moment | None = None
    """The only other one there is: both are ends of the stay, where a hand may have begun to turn the page."""


def _never() -> bool:
    return False


class PageFinder:
    """Feed it moments in time with :meth:`add`, then ask :meth:`found`. At most ``max_pages`` are kept."""

    def __init__(self, *, max_pages: int) -> None:
        self._max_pages = max_pages
        self._run: _Run | None = None
        self._brief: list[tuple[list[Moment], PageStay]] = []
        self._pages: list[_Known] = []

    @property
    def is_full(self) -> bool:
        """There are more pages than are kept: further moments change nothing."""
        return len(self._pages) > self._max_pages

    def add(self, moment: Moment) -> None:
        """The next moment. All have one shape."""
        if self.is_full:
            return
        if self._run is not None and is_unmoved(self._run.recent[-1], moment.luma):
            _extend(self._run, moment, self._run.recent[-1])
            return
        look = Look(moment.luma)
        if self._run is not None and not _goes_on(self._run, look):
            self._settle(self._run)
            self._run = None
        if self._run is None:
            self._run = _Run()
        _extend(self._run, moment, look)

    def found(self, close: CloseLook, *, is_over: Callable[[], bool] = _never) -> PagesFound:
        """The pages in the order in which they were first shown. Once ``is_over`` says so, doubts are left out."""
        if self._run is not None:
            self._settle(self._run)
            self._run = None
        for page in self._pages:
            if page.other is not None and not is_over() and _is_turned_at(page.best, page.other, close):
                page.best, page.portrait = page.other, Portrait(Look(page.other.luma))
        for moments, stay in self._brief:
            for moment in moments:
                if is_over() or self.is_full:
                    break
                portrait = Portrait(Look(moment.luma))
                # What shows a known page is a page half turned, or the same again: nothing new, and decoding is dear.
                known = self._known_by(portrait)
                if known is not None and stay.end - stay.start >= STILL_SECONDS:
                    known.stays.append(stay)
                if known is not None or self._adds_nothing(portrait):
                    break
                if _lies_still(moment, portrait.look, close):
                    self._remember(moment, portrait, BRIEF_SCORE, stay)
                    break
        pages = sorted(self._pages, key=lambda page: min(stay.start for stay in page.stays))
        first = tuple(FoundPage(page.best, _merged(page.stays)) for page in pages[: self._max_pages])
        return PagesFound(first, is_truncated=self.is_full)

    def _settle(self, run: _Run) -> None:
        scored = _scored(run)
        stay = run.stay
        if stay.end - stay.start >= MIN_STAY_SECONDS:
            score, best = scored[0]
            other = scored[1][1] if len(run.candidates) == len(scored) == 2 else None
            self._remember(best, Portrait(Look(best.luma)), score, stay, other)
        elif len(self._brief) < MAX_BRIEF_RUNS:
            self._brief.append(([moment for _, moment in scored[:2]], stay))

    def _remember(
        self, moment: Moment, portrait: Portrait, score: float, stay: PageStay, other: Moment | None = None
    ) -> None:
        known = self._known_by(portrait)
        if known is None:
            self._pages.append(_Known(portrait, moment, score, [stay], other))
            return
        known.stays.append(stay)
        if score > known.score:
            known.portrait, known.best, known.score, known.other = portrait, moment, score, other

    def _adds_nothing(self, portrait: Portrait) -> bool:
        """Whether it is empty, or a page before all of it was there."""
        if ink_share(portrait.look) < EMPTY_SHARE:
            return True
        return any(compare(portrait.look, known.portrait.look).lost <= BUILD_LOST for known in self._pages)

    def _known_by(self, portrait: Portrait) -> _Known | None:
        """The page that this is, if it is known: most likely one of the last, and as it lay."""
        for known in reversed(self._pages):
            if is_same_at_a_glance(known.portrait.look, portrait.look):
                return known
        for known in reversed(self._pages):
            aligned = known.portrait.compare(portrait)
            if aligned is not None and aligned.is_same_sheet:
                return known
        return None


def _goes_on(run: _Run, look: Look) -> bool:
    step = compare(run.recent[-1], look)
    is_built_up = step.is_same_page and step.lost <= BUILD_LOST and ink_share(run.recent[-1]) >= EMPTY_SHARE
    if not (step.is_same_sheet or is_built_up):
        return False
    # A slow turn changes a third of the page in each step; where next to nothing moved there is none.
    if len(run.recent) == 1 or step.is_clear or compare(run.recent[0], look).is_same_page:
        return True
    # Nor where it is the page once it is laid on what it was: the camera went on in one direction.
    now = Portrait(look)
    laid = (Portrait(before).compare(now) for before in run.recent[:-1])
    return any(one is not None and one.is_same_page for one in laid)


def _lies_still(moment: Moment, look: Look, close: CloseLook) -> bool:
    """Whether the page of ``moment`` lies as it does for long enough, after it or round it."""
    end = moment.at
    for one in close.after(moment):
        if not _is_still(look, one):
            break
        end = one.at
        if end - moment.at >= STILL_SECONDS:
            return True
    if end - moment.at < STILL_AFTER_SECONDS:
        return False
    for one in reversed(close.before(moment)):
        if not _is_still(look, one):
            return False
        if end - one.at >= STILL_SECONDS:
            return True
    return False


def _is_turned_at(moment: Moment, other: Moment, close: CloseLook) -> bool:
    """Whether the page is being turned at ``moment`` rather than at ``other``: a while later half of it is gone."""
    gone = _gone_after(moment, close)
    return gone > STILL_LOST and gone > _gone_after(other, close)


def _gone_after(moment: Moment, close: CloseLook) -> float:
    """Share of the ink that is not there any more a while later."""
    look = Look(moment.luma)
    for one in close.after(moment):
        if one.at - moment.at >= STILL_AFTER_SECONDS:
            comparison = compare(look, Look(one.luma))
            return comparison.lost if comparison.is_same_page else 1.0
    return 0.0


def _is_still(look: Look, moment: Moment) -> bool:
    comparison = compare(look, Look(moment.luma))
    return comparison.is_same_page and comparison.lost <= STILL_LOST


def _scored(run: _Run) -> list[tuple[float, Moment]]:
    """What could stand for the run, the best first."""
    fullest = max(int(candidate.look.ink.sum()) for candidate in run.candidates)
    candidates = [one for one in run.candidates if int(one.look.ink.sum()) >= FULL_SHARE * fullest]
    sharpest = max(candidate.moment.sharpness for candidate in candidates) or 1.0
    stay = run.stay
    length = stay.end - stay.start
    scored = [
        (
            0.5 * candidate.moment.sharpness / sharpest
            - 2.0 * hidden
            - (END_PENALTY if candidate.moment.at in (stay.start, stay.end) else 0.0)
            + (0.1 * (candidate.moment.at - stay.start) / length if length else 0.0)
            + 0.05 * candidate.moment.is_key,
            candidate.moment,
        )
        for candidate, hidden in zip(candidates, _hidden_shares(candidates), strict=True)
    ]
    return sorted(scored, key=lambda pair: -pair[0])


def _hidden_shares(candidates: Sequence[_Candidate]) -> list[float]:
    """Of each, the share of the page's ink that something hides, block by block as most of them have it.

    All are laid on the middle one: where most differ from it, something hides the page in the middle one itself.
    """
    if len(candidates) < 3:
        return [0.0] * len(candidates)
    middle = candidates[len(candidates) // 2]
    agrees = np.stack([agreeing_blocks(middle.look, candidate.look) for candidate in candidates])
    most = agrees.sum(axis=0) * 2 > len(candidates)
    blocks = max(int(middle.look.ink.sum()), 1)
    return [float((one != most)[middle.look.ink].sum()) / blocks for one in agrees]


def _merged(stays: Iterable[PageStay]) -> tuple[PageStay, ...]:
    merged: list[PageStay] = []
    for stay in sorted(stays, key=lambda stay: stay.start):
        if merged and stay.start - merged[-1].end <= MERGE_SECONDS:
            merged[-1] = PageStay(merged[-1].start, max(merged[-1].end, stay.end))
        else:
            merged.append(stay)
    return tuple(merged)


def _extend(run: _Run, moment: Moment, look: Look) -> None:
    run.recent = [*run.recent[-(LOOK_BACK - 1) :], look]
    run.candidates.append(_Candidate(moment, look))
    if len(run.candidates) > MAX_CANDIDATES:
        # Thin out evenly, the ends stay: of the two that are closest in time the less sharp one goes.
        inner = run.candidates[1:-1]
        gaps = [after.moment.at - before.moment.at for before, after in pairwise(inner)]
        place = int(np.argmin(gaps))
        run.candidates.remove(min(inner[place : place + 2], key=lambda candidate: candidate.moment.sharpness))
