"""What a page of homework is made of and what was found on it: one shape for the worker, the database and the API.

A worksheet's page is divided into the regions of its problems; a reading says of each whether it was attempted, how
sure that is, and on what evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NotRequired, TypedDict, cast

SCHEMA_VERSION: Final = 1
MAX_REGIONS: Final = 80
"""Of one page; a page of sums has 40 to 60."""
MAX_LABEL_CHARACTERS: Final = 20
MIN_SIDE_MM: Final = 3.0


class Verdict(StrEnum):
    """UNSURE is for people to look at: what cannot be seen well is never called blank."""

    BLANK = "blank"
    ATTEMPTED = "attempted"
    UNSURE = "unsure"


class Mark(StrEnum):
    """What a teacher's red pen says of a problem."""

    NONE = ""
    RIGHT = "right"
    WRONG = "wrong"


class Doubt(StrEnum):
    """Why a region was left UNSURE."""

    NONE = ""
    MISALIGNED = "misaligned"
    OUT_OF_PICTURE = "out_of_picture"
    TOO_COARSE = "too_coarse"
    TOO_NOISY = "too_noisy"
    LITTLE_INK = "little_ink"
    INK_NEARBY = "ink_nearby"
    RED_INK = "red_ink"
    NOT_REGISTERED = "not_registered"


class RegionJson(TypedDict):
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Region:
    """The box of one problem on its page, in mm from the top left corner."""

    label: str
    x: float
    y: float
    width: float
    height: float

    def to_json(self) -> RegionJson:
        values = (round(value, 2) for value in (self.x, self.y, self.width, self.height))
        x, y, width, height = values
        return {"label": self.label, "x": x, "y": y, "width": width, "height": height}

    @classmethod
    def from_json(cls, found: RegionJson) -> Region:
        return cls(found["label"], found["x"], found["y"], found["width"], found["height"])


class Fault(StrEnum):
    """What is wrong with a box."""

    TOO_MANY = "too_many"
    LABEL = "label"
    TWICE = "twice"
    TOO_SMALL = "too_small"
    OUTSIDE = "outside"


class Misfit(ValueError):
    """A box that cannot stand on a page. ``label``: which, "" where it is not about one."""

    def __init__(self, fault: Fault, message: str, label: str = "") -> None:
        super().__init__(message)
        self.fault, self.label = fault, label


def check_regions(regions: Sequence[Region], paper_mm: tuple[float, float]) -> None:
    """Raises ``Misfit`` for a box that is not on the paper, too small, or named like another."""
    if len(regions) > MAX_REGIONS:
        raise Misfit(Fault.TOO_MANY, f"{len(regions)} regions, at most {MAX_REGIONS}")
    seen: set[str] = set()
    for region in regions:
        if not 1 <= len(region.label) <= MAX_LABEL_CHARACTERS:
            raise Misfit(
                Fault.LABEL, f"{region.label!r}: a label has 1 to {MAX_LABEL_CHARACTERS} characters", region.label
            )
        if region.label in seen:
            raise Misfit(Fault.TWICE, f"{region.label!r}: twice", region.label)
        seen.add(region.label)
        if not (region.width >= MIN_SIDE_MM and region.height >= MIN_SIDE_MM):  # also NaN
            raise Misfit(Fault.TOO_SMALL, f"{region.label!r}: smaller than {MIN_SIDE_MM} mm", region.label)
        is_inside = region.x >= 0 and region.y >= 0
        is_inside &= region.x + region.width <= paper_mm[0] and region.y + region.height <= paper_mm[1]
        if not is_inside:
            raise Misfit(Fault.OUTSIDE, f"{region.label!r}: not on the paper", region.label)


class RegionReadingJson(TypedDict):
    label: str
    verdict: str
    confidence: float
    ink_mm2: float
    strokes: int
    alignment: float
    drift_mm: float
    mark: str
    doubt: str


@dataclass(frozen=True, slots=True)
class RegionReading:
    """What was found in one region.

    ``ink_mm2``: what somebody wrote, print and red marks taken away; ``strokes``: of how many pieces it is.
    ``alignment``: how well the print around lies on the registered one, 0 to 1; ``drift_mm``: how far it is off.
    """

    label: str
    verdict: Verdict
    confidence: float
    ink_mm2: float
    strokes: int
    alignment: float
    drift_mm: float
    mark: Mark = Mark.NONE
    doubt: Doubt = Doubt.NONE

    def to_json(self) -> RegionReadingJson:
        return {
            "label": self.label,
            "verdict": self.verdict.value,
            "confidence": round(self.confidence, 4),
            "ink_mm2": round(self.ink_mm2, 2),
            "strokes": self.strokes,
            "alignment": round(self.alignment, 3),
            "drift_mm": round(self.drift_mm, 3),
            "mark": self.mark.value,
            "doubt": self.doubt.value,
        }

    @classmethod
    def from_json(cls, found: RegionReadingJson) -> RegionReading:
        return cls(
            label=found["label"],
            verdict=Verdict(found["verdict"]),
            confidence=found["confidence"],
            ink_mm2=found["ink_mm2"],
            strokes=found["strokes"],
            alignment=found["alignment"],
            drift_mm=found["drift_mm"],
            mark=Mark(found["mark"]),
            doubt=Doubt(found["doubt"]),
        )


class PageReadingJson(TypedDict):
    version: int
    page: int | None
    is_registered: bool
    has_colour: bool
    inliers: int
    regions: list[RegionReadingJson]
    proposed: NotRequired[list[RegionJson]]


@dataclass(frozen=True, slots=True)
class HomeworkReading:
    """One picture of homework as read.

    ``page``: which page of the worksheet it shows, from 0; ``None`` when it shows none of them. ``is_registered``:
    whether there was a worksheet to compare with; without one the regions are ``proposed`` from the picture itself.
    ``has_colour``: without colours red marks cannot be told from writing. ``inliers``: features that agreed.
    """

    page: int | None
    is_registered: bool
    has_colour: bool
    inliers: int
    regions: tuple[RegionReading, ...]
    proposed: tuple[Region, ...] = ()

    def to_json(self) -> PageReadingJson:
        found: PageReadingJson = {
            "version": SCHEMA_VERSION,
            "page": self.page,
            "is_registered": self.is_registered,
            "has_colour": self.has_colour,
            "inliers": self.inliers,
            "regions": [region.to_json() for region in self.regions],
        }
        if self.proposed:
            found["proposed"] = [region.to_json() for region in self.proposed]
        return found

    @classmethod
    def from_json(cls, value: object) -> HomeworkReading:
        """Raises ``ValueError`` for a reading of another version."""
        found = cast(PageReadingJson, value)
        if found.get("version") != SCHEMA_VERSION:
            raise ValueError(f"a homework reading of version {found.get('version')!r}, expected {SCHEMA_VERSION}")
        return cls(
            page=found["page"],
            is_registered=found["is_registered"],
            has_colour=found["has_colour"],
            inliers=found["inliers"],
            regions=tuple(RegionReading.from_json(region) for region in found["regions"]),
            proposed=tuple(Region.from_json(region) for region in found.get("proposed", [])),
        )


def regions_from_json(value: Any) -> tuple[Region, ...]:
    return tuple(Region.from_json(region) for region in value)


def regions_to_json(regions: Sequence[Region]) -> list[RegionJson]:
    return [region.to_json() for region in regions]
