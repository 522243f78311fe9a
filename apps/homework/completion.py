"""How much of a hand-in was done: the verdicts of its pages taken together, a person's before the machine's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sheets.homework import HomeworkReading, Mark, Verdict

# Of several pictures of one problem the one that shows work counts, and a doubt before "blank".
_STRENGTH: Final = {Verdict.BLANK: 0, Verdict.UNSURE: 1, Verdict.ATTEMPTED: 2}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem's verdict as it counts. ``key``: its page of the worksheet, or of the hand-in, and its label."""

    key: tuple[int, str]
    verdict: Verdict
    mark: Mark
    is_corrected: bool


@dataclass(frozen=True, slots=True)
class Page:
    """What counts of one page: where it belongs (``None``: nowhere), what was read, what a person said."""

    place: int | None
    reading: HomeworkReading
    corrections: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Completion:
    """The counts of a hand-in. ``problems`` is how many there are, on pages that were not handed in as well."""

    problems: int
    attempted: int
    blank: int
    unsure: int
    unmatched: int


def problems_of_page(page: Page) -> list[Problem]:
    """The page's problems, in order; a page of no worksheet page has none."""
    if page.place is None:
        return []
    found = []
    for region in page.reading.regions:
        corrected = page.corrections.get(region.label)
        verdict = Verdict(corrected) if corrected is not None else region.verdict
        found.append(Problem((page.place, region.label), verdict, region.mark, corrected is not None))
    return found


def complete(pages: Iterable[Page], known: Iterable[tuple[int, str]]) -> Completion:
    """What ``pages`` come to. ``known``: the problems that the worksheet has, by place and label."""
    shown = list(pages)
    best = best_of(shown)
    verdicts = [problem.verdict for problem in best.values()]
    return Completion(
        problems=len(set(known) | set(best)),
        attempted=verdicts.count(Verdict.ATTEMPTED),
        blank=verdicts.count(Verdict.BLANK),
        unsure=verdicts.count(Verdict.UNSURE),
        unmatched=sum(page.place is None for page in shown),
    )


def best_of(pages: Iterable[Page]) -> dict[tuple[int, str], Problem]:
    """What counts of each problem, of however many pictures there are of it."""
    best: dict[tuple[int, str], Problem] = {}
    for page in pages:
        for problem in problems_of_page(page):
            before = best.get(problem.key)
            if before is None or _weight(problem) > _weight(before):
                best[problem.key] = problem
    return best


def _weight(problem: Problem) -> tuple[bool, int]:
    return problem.is_corrected, _STRENGTH[problem.verdict]


def labels_of(regions: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(region["label"]) for region in regions]
