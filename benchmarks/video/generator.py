"""Videos with the truth about their pages: a filmed notebook, slides, a screen recording; every fault has a dial.

A frame is drawn as a function of time, so that truth and picture cannot disagree. Seeds are in the names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.video.pages import Picture, notebook_page, slide, worksheet_page

TURN_SECONDS: Final = 0.7
"""How long a hand takes to turn a page."""


@dataclass(frozen=True, slots=True)
class Dials:
    """``kind``: "notebook", "worksheet", "slides" or "screen". Amounts are 0 where the fault is absent.

    ``shake``: pixels of a hand-held camera at 720 lines; ``zoom``: share of the size by which it drifts; ``exposure``:
    how far the light steps; ``hand``: share of the time that a hand is over the page; ``shadow``: its depth.
    ``again``: how many pages are shown a second time. ``keyframe_seconds`` between keyframes: 1 like a phone, 8 like
    x264.
    """

    kind: str
    pages: int = 6
    stay: tuple[float, float] = (3.5, 6.0)
    shake: float = 0.0
    zoom: float = 0.0
    exposure: float = 0.0
    hand: float = 0.0
    shadow: float = 0.0
    again: int = 0
    frame_rate: int = 30
    keyframe_seconds: float = 1.0
    size: tuple[int, int] = (1280, 720)
    is_portrait: bool = False
    """Held upright: stored lying, with a rotation in the metadata, as phones do."""
    is_variable_rate: bool = False
    ten_bits: bool = False
    grows: bool = False
    """Slides build up line by line: one page, not many."""


CONDITIONS: Final = {
    "notebook": Dials("notebook", shake=2.5, hand=0.15, shadow=0.25),
    "notebook-shaky": Dials("notebook", shake=9.0, zoom=0.05, hand=0.3, shadow=0.35, exposure=0.15),
    "notebook-again": Dials("notebook", shake=3.0, hand=0.15, again=2),
    "notebook-long-gop": Dials("notebook", shake=2.5, hand=0.15, keyframe_seconds=8.0),
    "worksheet": Dials("worksheet", shake=4.0, zoom=0.03, exposure=0.1, hand=0.2, shadow=0.2),
    "portrait-60": Dials("notebook", shake=4.0, hand=0.15, frame_rate=60, is_portrait=True, size=(720, 1280), pages=4),
    "quick": Dials("notebook", stay=(1.6, 2.4), shake=3.0, hand=0.0),
    "slides": Dials("slides", keyframe_seconds=8.0),
    "slides-grow": Dials("slides", keyframe_seconds=8.0, grows=True),
    "screen": Dials("screen", keyframe_seconds=8.0, is_variable_rate=True),
    "ten-bits": Dials("notebook", shake=3.0, ten_bits=True, pages=4),
}


@dataclass(frozen=True, slots=True)
class Stay:
    """From when to when (seconds) page ``page`` lies still to be read."""

    page: int
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Truth:
    stays: tuple[Stay, ...]
    duration: float

    @property
    def page_count(self) -> int:
        return len({stay.page for stay in self.stays})


class Film:
    """One film of ``dials`` and ``seed``; :meth:`frame` draws any moment of it."""

    def __init__(self, dials: Dials, seed: int) -> None:
        self.dials = dials
        rng = np.random.default_rng(seed)
        kinds: dict[str, Callable[[np.random.Generator], Picture]] = {
            "notebook": notebook_page,
            "worksheet": worksheet_page,
        }
        draw = kinds.get(dials.kind, slide)
        self.pages: list[Picture] = [draw(rng) for _ in range(dials.pages)]
        order = list(range(dials.pages))
        order += [int(rng.integers(0, dials.pages - 1)) for _ in range(dials.again)]  # somebody turns back
        turn = TURN_SECONDS if dials.kind in ("notebook", "worksheet") else 0.0
        stays, at = [], 0.0
        for page in order:
            length = float(rng.uniform(*dials.stay))
            stays.append(Stay(page, at, at + length))
            at += length + turn
        self.truth = Truth(tuple(stays), stays[-1].end)
        self._rng = rng
        self._waves = rng.uniform(0, 2 * math.pi, 16)
        self._tilt = rng.uniform(-0.05, 0.05, 4)
        self._desk = self._make_desk(rng)
        self._hands = [
            (start, start + float(rng.uniform(0.4, 1.6)))
            for stay in stays
            for start in rng.uniform(stay.start, stay.end, 3)
            if rng.random() < dials.hand
        ]
        self._hand_at = rng.uniform(0.25, 0.75, 2)

    def frame(self, at: float) -> Picture:
        """The picture at ``at`` seconds: (height, width, 3) BGR."""
        current = next((stay for stay in reversed(self.truth.stays) if stay.start <= at), self.truth.stays[0])
        place = self.truth.stays.index(current)
        if self.dials.kind in ("slides", "screen"):
            return self._slide(current, at)
        page = self.pages[current.page]
        if at > current.end and place + 1 < len(self.truth.stays):
            progress = (at - current.end) / TURN_SECONDS
            page = _turned(page, self.pages[self.truth.stays[place + 1].page], progress)
        picture = self._filmed(page, at)
        if any(start <= at <= end for start, end in self._hands) or at > current.end:
            picture = self._with_hand(picture, at)
        return self._lit(picture, at)

    def _slide(self, stay: Stay, at: float) -> Picture:
        page = self.pages[stay.page]
        if self.dials.grows:
            done = min((at - stay.start) / (0.7 * (stay.end - stay.start)), 1.0)
            hidden = 110 + int(round(done * 5) / 5 * (page.shape[0] - 110))
            page = page.copy()
            page[hidden:] = page[-1, -1]
        picture = np.asarray(cv2.resize(page, self.dials.size), dtype=np.uint8)
        if self.dials.kind == "screen":  # the pointer wanders
            x = int((0.5 + 0.4 * math.sin(0.7 * at + self._waves[0])) * self.dials.size[0])
            y = int((0.5 + 0.4 * math.cos(0.9 * at + self._waves[1])) * self.dials.size[1])
            pointer = np.array([(x, y), (x, y + 22), (x + 14, y + 15)])
            cv2.fillPoly(picture, [pointer], (0, 0, 0))
        return picture

    def _filmed(self, page: Picture, at: float) -> Picture:
        width, height = self.dials.size
        height_of_page, width_of_page = page.shape[:2]
        scale = 0.92 * height / height_of_page * (1 + self.dials.zoom * math.sin(0.35 * at + self._waves[2]))
        half_w, half_h = width_of_page * scale / 2, height_of_page * scale / 2
        sway = self.dials.shake * height / 720
        x = width / 2 + sway * (math.sin(1.9 * at + self._waves[3]) + 0.5 * math.sin(7.3 * at + self._waves[4]))
        y = height / 2 + sway * (math.sin(2.3 * at + self._waves[5]) + 0.5 * math.sin(8.9 * at + self._waves[6]))
        angle = math.radians(0.12 * self.dials.shake * math.sin(1.1 * at + self._waves[7]))
        corners = np.array([(-half_w, -half_h), (half_w, -half_h), (half_w, half_h), (-half_w, half_h)])
        corners *= 1 + self._tilt[:, None] * np.array([1.0, 0.6])
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        target = (corners @ turn.T + (x, y)).astype(np.float32)
        source = np.array(
            [(0, 0), (width_of_page, 0), (width_of_page, height_of_page), (0, height_of_page)], dtype=np.float32
        )
        picture = self._desk.copy()
        matrix = cv2.getPerspectiveTransform(source, target)
        cv2.warpPerspective(
            page, matrix, (width, height), dst=picture, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_TRANSPARENT
        )
        return picture

    def _with_hand(self, picture: Picture, at: float) -> Picture:
        height, width = picture.shape[:2]
        x = int((self._hand_at[0] + 0.08 * math.sin(3 * at)) * width)
        y = int((self._hand_at[1] + 0.05 * math.cos(2 * at)) * height)
        skin = (140, 170, 215)
        cv2.ellipse(picture, (x, y), (height // 9, height // 14), 35, 0, 360, skin, -1, cv2.LINE_AA)
        cv2.line(picture, (x, y), (width, height), skin, height // 9, cv2.LINE_AA)
        cv2.line(picture, (x, y), (x - height // 8, y - height // 7), (60, 60, 60), 6, cv2.LINE_AA)
        return picture

    def _lit(self, picture: Picture, at: float) -> Picture:
        height, width = picture.shape[:2]
        gain = 1.0
        if self.dials.exposure:  # the camera steps, it does not glide
            gain += self.dials.exposure * round(math.sin(0.8 * at + self._waves[8]))
        light = np.full((9, 16), gain, np.float32)
        if self.dials.shadow:
            edge = np.linspace(0, 1, 16, dtype=np.float32)[None, :] - 0.5 - 0.25 * math.sin(0.5 * at + self._waves[9])
            light *= 1 - self.dials.shadow / (1 + np.exp(-edge * 12))
        everywhere = cv2.cvtColor(cv2.resize(light, (width, height)), cv2.COLOR_GRAY2BGR)
        return np.asarray(cv2.multiply(picture, everywhere, dtype=cv2.CV_8U), dtype=np.uint8)

    def _make_desk(self, rng: np.random.Generator) -> Picture:
        width, height = self.dials.size
        grain = cv2.resize(rng.normal(0, 14, (height // 2, 6)).astype(np.float32), (width, height))
        base = np.array(rng.choice([(70, 100, 140), (120, 120, 125), (50, 60, 75)]), dtype=np.float32)
        return np.asarray(np.clip(base + grain[..., None], 0, 255), dtype=np.uint8)


def _turned(old: Picture, new: Picture, progress: float) -> Picture:
    """The old page curling away over the new one, with the shade of the curl."""
    width = old.shape[1]
    edge = int(width * (1 - min(max(progress, 0.0), 1.0)))
    page = new.copy()
    page[:, :edge] = old[:, :edge]
    curl = min(int(width * 0.16), width - edge)
    if curl > 4:
        shade = (np.sin(np.linspace(0, math.pi, curl)) * 70 + 150).astype(np.uint8)
        page[:, edge : edge + curl] = shade[None, :, None]
    return page


def write_film(film: Film, path: Path, *, crf: int = 26) -> None:
    """Encode the film as H.264 or, with ten bits, HEVC in an MP4 file."""
    dials = film.dials
    width, height = dials.size
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265" if dials.ten_bits else "libx264", rate=dials.frame_rate)
        stream.width, stream.height = (height, width) if dials.is_portrait else (width, height)
        if dials.is_portrait:
            stream.set_display_rotation(90)
        stream.pix_fmt = "yuv420p10le" if dials.ten_bits else "yuv420p"
        stream.gop_size = int(dials.keyframe_seconds * dials.frame_rate)
        is_phone = dials.keyframe_seconds <= 1.2
        stream.options = {"preset": "ultrafast" if not is_phone else "superfast", "crf": str(crf)}
        if not dials.ten_bits:
            stream.options |= {"bf": "0" if is_phone else "2", "sc_threshold": "0" if is_phone else "40"}
        else:
            stream.options |= {"x265-params": "log-level=none"}
        stream.time_base = Fraction(1, 1000)
        rng = np.random.default_rng(7)
        at = 0.0
        while at < film.truth.duration:
            picture = film.frame(at)
            if dials.is_portrait:
                picture = np.ascontiguousarray(cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE))
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
            step = 1 / dials.frame_rate
            at += step * (float(rng.choice([1, 1, 2, 6])) if dials.is_variable_rate else 1.0)
        container.mux(stream.encode())


def make_video(condition: str, seed: int, folder: Path) -> tuple[Path, Truth]:
    """The film of ``condition`` and ``seed`` in ``folder``; drawn again only when it is not there."""
    film = Film(CONDITIONS[condition], seed)
    path = folder / f"{condition}-{seed}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial.mp4")
        write_film(film, partial)
        partial.replace(path)
    return path, film.truth


def repeat_video(condition: str, seed: int, folder: Path, *, seconds: float) -> tuple[Path, Truth]:
    """The film of ``condition`` and ``seed`` over and over until it is ``seconds`` long, without encoding it again."""
    once, truth = make_video(condition, seed, folder)
    path = folder / f"{condition}-{seed}-{seconds:.0f}s.mp4"
    if path.exists():
        return path, truth
    partial = path.with_suffix(".partial.mp4")
    with av.open(str(once)) as source, av.open(str(partial), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        base = stream.time_base or Fraction(1, 1000)
        length = round(truth.duration / base) + 1
        for start in range(0, round(seconds / base), length):
            source.seek(0)
            for packet in source.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts, packet.dts = packet.pts + start, packet.dts + start
                packet.stream = copy
                target.mux(packet)
    partial.replace(path)
    return path, truth


def middle_frame(film: Film, page: int) -> NDArray[np.uint8]:
    """What the page looks like while it lies still, for the eye."""
    stay = next(stay for stay in film.truth.stays if stay.page == page)
    return film.frame((stay.start + stay.end) / 2)
