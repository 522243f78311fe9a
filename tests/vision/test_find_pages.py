"""Pages of films: each once, none while it is turned, straightened where there is a desk."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.video.generator import CONDITIONS, Dials, Truth
from tests.vision.films import SIZE, draw_film, encode, page_shown_at, scribble, stays_of
from workers.compute import FilmAnswer, find_pages
from workers.film import open_film
from workers.media.video import Video
from workers.vision.video.finder import Moment, PageFinder
from workers.vision.video.page import find_sheet, rectified

SMALL: dict[str, Any] = {"size": SIZE, "frame_rate": 10, "pages": 3, "stay": (2.2, 3.0)}


def small(condition: str, **changes: Any) -> Dials:
    return dataclasses.replace(CONDITIONS[condition], **{**SMALL, **changes})


def pages_of(path: Path, *, max_pages: int = 15, seconds: float = 60.0) -> FilmAnswer:
    return find_pages(str(path), max_pages, seconds)


def shown(answer: FilmAnswer, truth: Truth) -> list[int | None]:
    return [page_shown_at(truth, page["at"]) for page in answer["pages"]]


@pytest.mark.parametrize(
    "dials",
    [
        small("notebook"),
        small("notebook-long-gop"),
        small("slides"),
        small("slides-grow"),
        small("screen"),
        small("ten-bits"),
        small("portrait-60", size=(360, 640), frame_rate=20),
        small("notebook-again", again=1),
    ],
    ids=["notebook", "long-gop", "slides", "slides-grow", "variable-rate", "ten-bits", "portrait", "again"],
)
def test_every_page_is_found_once_and_while_it_lies_still(dials: Dials, tmp_path: Path) -> None:
    truth = draw_film(tmp_path / "film.mp4", dials)
    answer = pages_of(tmp_path / "film.mp4")
    assert shown(answer, truth) == list(range(truth.page_count))
    assert not any([answer["is_truncated"], answer["is_timed_out"], answer["is_cut_off"]])
    for page in answer["pages"]:
        assert all(start <= end for start, end in page["stays"])
        thumbnail = cv2.imdecode(np.frombuffer(page["thumbnail_jpeg"], np.uint8), cv2.IMREAD_COLOR)
        assert thumbnail is not None
        assert max(thumbnail.shape) == 320


def test_a_page_shown_again_has_two_stays(tmp_path: Path) -> None:
    truth = draw_film(tmp_path / "film.mp4", small("notebook-again", again=1))
    answer = pages_of(tmp_path / "film.mp4")
    for index, page in enumerate(answer["pages"]):
        assert len(page["stays"]) == len(stays_of(truth, index))


def test_a_slide_built_up_is_shown_when_all_of_it_is_there(tmp_path: Path) -> None:
    truth = draw_film(tmp_path / "film.mp4", small("slides-grow"))
    for index, page in enumerate(pages_of(tmp_path / "film.mp4")["pages"]):
        (stay,) = stays_of(truth, index)
        assert page["at"] >= stay.start + 0.6 * (stay.end - stay.start)


def test_a_film_held_upright_gives_upright_pages(tmp_path: Path) -> None:
    draw_film(tmp_path / "film.mp4", small("portrait-60", size=(360, 640), frame_rate=20))
    answer = pages_of(tmp_path / "film.mp4")
    assert (answer["width"], answer["height"]) == (640, 360)
    assert all(page["height"] > page["width"] for page in answer["pages"])


def test_a_sheet_on_a_desk_is_straightened_and_a_slide_is_left_as_it_is(tmp_path: Path) -> None:
    draw_film(tmp_path / "film.mp4", small("notebook", shake=1.0, hand=0.0, shadow=0.0))
    draw_film(tmp_path / "slides.mp4", small("slides"))
    for page in pages_of(tmp_path / "film.mp4")["pages"]:
        assert page["is_straightened"]
        assert page["height"] / page["width"] == pytest.approx(2**0.5, rel=0.08)
    for page in pages_of(tmp_path / "slides.mp4")["pages"]:
        assert not page["is_straightened"]
        assert (page["width"], page["height"]) == SIZE


def test_only_the_first_pages_are_kept_and_the_rest_is_said(tmp_path: Path) -> None:
    truth = draw_film(tmp_path / "film.mp4", small("slides", pages=4))
    answer = pages_of(tmp_path / "film.mp4", max_pages=2)
    assert shown(answer, truth) == [0, 1]
    assert answer["is_truncated"]


def test_when_time_runs_out_what_was_found_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = draw_film(tmp_path / "film.mp4", small("slides", pages=6))
    clock = itertools.count()  # a second passes with every look at it
    monkeypatch.setattr("workers.film.time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    answer = pages_of(tmp_path / "film.mp4", seconds=16.0)
    assert answer["is_timed_out"]
    assert shown(answer, truth) == list(range(len(answer["pages"])))
    assert 0 < len(answer["pages"]) < truth.page_count


@pytest.mark.parametrize(("codec", "container"), [("libx264", "matroska"), ("libvpx-vp9", "webm"), ("mpeg4", "mov")])
def test_other_containers_and_codecs_are_read(codec: str, container: str) -> None:
    pictures = [scribble(1)] * 25 + [scribble(2)] * 25
    data = encode(pictures, codec=codec, container=container)
    with open_film(io.BytesIO(data), time_limit_seconds=60) as film:
        found = film.find_pages(max_pages=5, report=lambda _: None)
    assert [page.stays[0].start < 2.5 for page in found.pages] == [True, False]


def test_a_film_of_nothing_shows_no_page_twice() -> None:
    blank = np.full((120, 160, 3), 240, np.uint8)
    with open_film(io.BytesIO(encode([blank] * 40)), time_limit_seconds=60) as film:
        assert len(film.find_pages(max_pages=5, report=lambda _: None).pages) == 1


def test_an_empty_page_is_not_the_page_after_it() -> None:
    empty = np.full((270, 480), 230, np.uint8)
    first, second = scribble(1)[..., 0], scribble(2)[..., 0]
    finder = PageFinder(max_pages=9)
    for number, luma in enumerate([empty] * 4 + [first] * 4 + [second] * 4 + [empty] * 4):
        finder.add(Moment(number / 2, luma, 1.0, number, False))
    pages = finder.found(Surroundings([])).pages
    assert [[stay.start for stay in page.stays] for page in pages] == [[0.0, 6.0], [2.0], [4.0]]


def test_the_sheet_is_found_to_a_pixel_or_two() -> None:
    desk = np.full((480, 640), 90, np.uint8)
    corners = np.array([(150, 40), (505, 60), (480, 450), (120, 430)], np.float32)
    cv2.fillConvexPoly(desk, corners.astype(np.int32), 230)
    cv2.line(desk, (200, 200), (400, 210), 40, 4)
    quad = find_sheet(desk)
    assert quad is not None
    assert np.abs(quad - corners).max() < 2.5
    page = rectified(cv2.merge([desk] * 3).astype(np.uint8), quad)
    assert page[5:-5, 5:-5].min(axis=2).mean() > 215


def test_there_is_no_sheet_where_the_paper_reaches_the_border() -> None:
    picture = np.full((480, 640), 90, np.uint8)
    picture[:, 100:] = 230
    assert find_sheet(picture) is None
    assert find_sheet(np.full((480, 640), 230, np.uint8)) is None


class Surroundings:
    """What is seen close to a moment: what follows it; what came before is not to be asked for."""

    def __init__(self, following: Sequence[Moment]) -> None:
        self.following = following
        self.seen = 0

    def after(self, moment: Moment) -> Iterator[Moment]:
        for one in self.following:
            self.seen += 1
            yield dataclasses.replace(one, at=moment.at + one.at)

    def before(self, moment: Moment) -> list[Moment]:
        raise AssertionError("decoding back to a keyframe is dear")


def a_glimpse_between_two_pages(following: Sequence[Moment]) -> tuple[int, Surroundings]:
    """How many pages there are when the second is seen in one sample only, with ``following`` after it."""
    finder = PageFinder(max_pages=9)
    for number, seed in enumerate([1, 1, 1, 2, 3, 3, 3]):
        finder.add(Moment(float(number), scribble(seed)[..., 0], 1.0, number, True))
    close = Surroundings(following)
    return len(finder.found(close).pages), close


def test_a_glimpse_that_lies_still_is_a_page_and_no_more_is_decoded_than_shows_it() -> None:
    still = [Moment(number / 8, scribble(2)[..., 0], 1.0, 0, False) for number in range(1, 9)]
    pages, close = a_glimpse_between_two_pages(still)
    assert pages == 3
    assert close.seen == 4


def test_a_glimpse_that_moves_at_once_is_a_page_being_turned() -> None:
    pages, close = a_glimpse_between_two_pages([Moment(0.125, scribble(9)[..., 0], 1.0, 0, False)])
    assert pages == 2
    assert close.seen == 1


class Turning:
    """Close to the moments: the page of those in ``lies`` is there a while later, of others another one."""

    def __init__(self, lies: set[int]) -> None:
        self.lies = lies

    def after(self, moment: Moment) -> Iterator[Moment]:
        later = moment.luma if moment.pts in self.lies else scribble(9)[..., 0]
        return iter([dataclasses.replace(moment, at=moment.at + gap, luma=later) for gap in (0.125, 0.25)])

    def before(self, moment: Moment) -> list[Moment]:
        raise AssertionError("decoding back to a keyframe is dear")


@pytest.mark.parametrize(("lies", "shown_at"), [({3, 4}, 4.0), ({3}, 3.0), ({4}, 4.0), (set(), 4.0)])
def test_of_a_page_seen_twice_only_the_moment_is_shown_after_which_it_lies_still(
    lies: set[int], shown_at: float
) -> None:
    finder = PageFinder(max_pages=9)
    for number, seed in enumerate([1, 1, 1, 2, 2, 3, 3, 3]):
        finder.add(Moment(float(number), scribble(seed)[..., 0], 1.0, number, True))
    pages = finder.found(Turning(lies)).pages
    assert [page.best.at for page in pages][1] == shown_at
    assert len(pages) == 3


@pytest.mark.parametrize("seed", [3, 9])
def test_a_camera_that_drifts_shows_no_page_twice(seed: int, tmp_path: Path) -> None:
    truth = draw_film(tmp_path / "film.mp4", small("notebook-shaky", stay=(4.0, 5.5)), seed=seed)
    assert shown(pages_of(tmp_path / "film.mp4"), truth) == [0, 1, 2]


@pytest.mark.parametrize("condition", ["notebook", "slides"])
def test_what_is_shown_is_not_decoded_a_second_time(
    condition: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = draw_film(tmp_path / "film.mp4", small(condition))
    with (tmp_path / "film.mp4").open("rb") as file, open_film(file, time_limit_seconds=60) as film:
        pages = film.find_pages(max_pages=15, report=lambda _: None)
        monkeypatch.setattr(Video, "frames", None)
        assert len(list(film.pictures(pages))) == truth.page_count


def test_pictures_too_large_to_keep_are_decoded_again_and_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_film(tmp_path / "film.mp4", small("slides"))
    kept = pages_of(tmp_path / "film.mp4")["pages"]
    monkeypatch.setattr("workers.media.video.MAX_KEPT_BYTES", 0)
    again = pages_of(tmp_path / "film.mp4")["pages"]
    assert [page["jpeg"] for page in kept] == [page["jpeg"] for page in again]
