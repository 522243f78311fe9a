"""The whole way: a blank page is registered once, then every picture that is handed in is laid over it and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import cv2
import numpy as np

from sheets.homework import HomeworkReading, Region
from workers.vision.homework.alignment import Aligned, Print, align, read_print
from workers.vision.homework.judging import judge
from workers.vision.homework.matching import Features, Match, find_features, match_features
from workers.vision.homework.outline import flatten_page
from workers.vision.homework.paper import PX_PER_MM, Floats, Picture, darkness, measure_ink
from workers.vision.homework.regions import propose_regions

A4_MM: Final = (210.0, 297.0)
MAX_SIDE_MM: Final = 450.0
"""A3 with a margin; a poster is no worksheet."""
MIN_SIDE_MM: Final = 60.0
SURE_AGREEMENT: Final = 0.62
"""Median match of the blocks from which no other page is tried: the right page has 0.7 and more, others below 0.4."""
MIN_AGREEMENT: Final = 0.35
MAX_WORKING_SIDE: Final = 2600


class PageProblem(StrEnum):
    """Why a page cannot be registered."""

    NO_PRINT = "no_print"
    PAPER_SIZE = "paper_size"


class UnusablePage(Exception):
    """A page that homework cannot be compared with; ``reason`` says why, the message says what to do."""

    def __init__(self, reason: PageProblem, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[UnusablePage], tuple[PageProblem, str]]:
        return (UnusablePage, (self.reason, self.message))


@dataclass(frozen=True, slots=True, eq=False)
class BlankPage:
    """A page as registered: ``picture`` grey (H, W) at ``PX_PER_MM``, its paper white; ``paper_mm``; its problems."""

    picture: Picture
    paper_mm: tuple[float, float]
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ReadPage:
    """A reading with the picture it was read from, straight: BGR (H, W, 3) at ``PX_PER_MM``, ``None`` if no page."""

    reading: HomeworkReading
    picture: Picture | None


def register_page(image: Picture, paper_mm: tuple[float, float] | None = None, first_label: int = 1) -> BlankPage:
    """A blank page from its drawing (``paper_mm`` known) or its photo, grey (H, W) or BGR (H, W, 3).

    The paper of a photo is taken for A4. Raises :class:`UnusablePage`.
    """
    grey = image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if paper_mm is None:
        grey = flatten_page(grey, A4_MM)
        paper_mm = A4_MM if grey.shape[0] >= grey.shape[1] else (A4_MM[1], A4_MM[0])
    if not (min(paper_mm) >= MIN_SIDE_MM and max(paper_mm) <= MAX_SIDE_MM):
        raise UnusablePage(
            PageProblem.PAPER_SIZE, "Worksheets are A6 to A3. Please save the page in one of these sizes."
        )
    size = (round(paper_mm[0] * PX_PER_MM), round(paper_mm[1] * PX_PER_MM))
    way = cv2.INTER_AREA if grey.shape[1] > size[0] else cv2.INTER_LINEAR
    page = np.asarray(cv2.resize(grey, size, interpolation=way), np.uint8)
    ink = np.clip(darkness(page), 0, 1)
    ink[ink < 0.06] = 0
    clean = np.rint(255 * (1 - ink)).astype(np.uint8)
    if read_print(clean).landmark_count < 6:
        raise UnusablePage(
            PageProblem.NO_PRINT,
            "There is too little print on this page to recognise it by. Please choose another page.",
        )
    return BlankPage(clean, paper_mm, propose_regions(ink, first_label))


def read_homework(image: Picture, pages: Sequence[BlankPage], likely: int = 0) -> ReadPage:
    """Which of ``pages`` the picture shows and what was attempted there. ``image``: grey (H, W) or BGR (H, W, 3).

    ``likely``: the page that is tried first. A picture of none of them is no error: ``page`` is ``None`` then.
    """
    working = _reduced(image)
    grey = working if working.ndim == 2 else np.asarray(cv2.cvtColor(working, cv2.COLOR_BGR2GRAY), np.uint8)
    seen = find_features(grey)
    best: tuple[float, int, Match, Aligned, Floats] | None = None
    for index in sorted(range(len(pages)), key=lambda index: (index != likely, index)):
        match = match_features(_features(pages[index]), seen, (grey.shape[0], grey.shape[1]))
        if match is None:
            continue
        printed = read_print(pages[index].picture)
        aligned = align(working, printed, match.homography)
        if best is None or aligned.agreement > best[0]:
            best = (aligned.agreement, index, match, aligned, printed.ink)
        if aligned.agreement >= SURE_AGREEMENT:
            break
    has_colour = working.ndim == 3
    if best is None or best[0] < MIN_AGREEMENT:
        return ReadPage(HomeworkReading(None, True, has_colour, 0, ()), None)
    _, index, match, aligned, ink_of_page = best
    seen_ink = measure_ink(aligned.picture)
    regions = judge(aligned, ink_of_page, seen_ink, pages[index].regions)
    reading = HomeworkReading(index, True, seen_ink.has_colour, match.inliers, regions)
    return ReadPage(reading, _coloured(aligned.picture))


def _features(page: BlankPage) -> Features:
    return find_features(page.picture)


def _coloured(picture: Picture) -> Picture:
    return picture if picture.ndim == 3 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR), np.uint8)


def _reduced(image: Picture) -> Picture:
    """``image``, its long side at most ``MAX_WORKING_SIDE``: more than 8 pixels a mm show no more pencil."""
    scale = MAX_WORKING_SIDE / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


__all__ = ["BlankPage", "PageProblem", "Print", "ReadPage", "UnusablePage", "read_homework", "register_page"]
