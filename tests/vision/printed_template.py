"""Sheets of another maker, drawn from their template: printed, marked by hand, photographed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from workers.vision.omrchecker import Template, parse_template
from workers.vision.omrchecker.corner_marks import decode_marker

Grey = NDArray[np.uint8]
MARKER_NAME = "marker.png"


def marker_picture(side: int = 60) -> Grey:
    """A printed target: a black disc in a ring."""
    picture = np.full((side, side), 255, dtype=np.uint8)
    middle = (side // 2, side // 2)
    cv2.circle(picture, middle, side // 2 - 2, 0, side // 10, cv2.LINE_AA)
    cv2.circle(picture, middle, side // 6, 0, -1, cv2.LINE_AA)
    return picture


def marker_bytes() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(marker_picture()).save(buffer, "PNG")
    return buffer.getvalue()


def exam_json(*, with_markers: bool = False) -> dict[str, object]:
    """Two columns of questions, a student number, and a number of two places: on a page of 1000 x 1400."""
    steps: list[dict[str, object]] = [{"name": "CropPage", "options": {"morphKernel": [10, 10]}}]
    if with_markers:
        options = {"relativePath": MARKER_NAME, "sheetToMarkerWidthRatio": 17}
        steps.append({"name": "CropOnMarkers", "options": options})
    columns = {
        f"Column{number}": {
            "fieldType": "QTYPE_MCQ5",
            "fieldLabels": [f"q{first}..{first + 14}"],
            "origin": [left, 620],
            "bubblesGap": 55,
            "labelsGap": 44,
        }
        for number, (first, left) in enumerate(((1, 150), (16, 600)))
    }
    return {
        "pageDimensions": [1000, 1400],
        "bubbleDimensions": [30, 28],
        "preProcessors": steps,
        "customLabels": {"number": ["n1..5"], "sum": ["s1", "s2"]},
        "fieldBlocks": {
            "Number": {
                "fieldType": "QTYPE_INT",
                "fieldLabels": ["n1..5"],
                "origin": [150, 120],
                "bubblesGap": 42,
                "labelsGap": 60,
            },
            "Sum": {
                "fieldType": "QTYPE_INT_FROM_1",
                "fieldLabels": ["s1", "s2"],
                "origin": [640, 120],
                "bubblesGap": 42,
                "labelsGap": 60,
            },
            **columns,
        },
    }


def exam_template(*, with_markers: bool = False) -> Template:
    assets = {MARKER_NAME: marker_bytes()} if with_markers else {}
    return parse_template(exam_json(with_markers=with_markers), assets=assets)


def printed(
    template: Template,
    marks: Mapping[str, Sequence[str]],
    *,
    shape: str = "ring",
    darkness: int = 60,
    coverage: float = 1.0,
    scale: float = 1.0,
    offset: tuple[float, float] = (0, 0),
    marker_corners: Sequence[int] = (0, 1, 2, 3),
    seed: int = 0,
) -> Grey:
    """The sheet as a flat page, white paper of 245, ``scale`` pixels a page unit.

    ``marks``: values marked by printed field. ``darkness``: grey of a mark. ``coverage``: its size in bubbles.
    ``offset``: how far, in page units, the print lies from where the template says. ``marker_corners``: those
    printed, clockwise from the top left; with a marker the template's page spans the marker centres, and paper reaches
    a tenth of its width beyond.
    """
    rng = np.random.default_rng(seed)
    width, height = template.page_size
    border = 0.1 * width if template.marker is not None else 0.0
    zoom = 2 * scale
    page = np.full((round((height + 2 * border) * zoom), round((width + 2 * border) * zoom)), 245, dtype=np.uint8)
    if template.marker is not None:
        side = round((width + 2 * border) / template.marker.width_ratio * zoom)
        picture = cv2.resize(decode_marker(template.marker), (side, side), interpolation=cv2.INTER_AREA)
        for corner in marker_corners:
            x = round(((width if corner in {1, 2} else 0) + border) * zoom - side / 2)
            y = round(((height if corner in {2, 3} else 0) + border) * zoom - side / 2)
            page[y : y + side, x : x + side] = np.minimum(page[y : y + side, x : x + side], picture)
    for block in template.blocks:
        for label, row in zip(block.labels, np.array(block.centres()) + np.array(offset) + border, strict=True):
            for value, centre in zip(block.values, row, strict=True):
                middle = (round(centre[0] * zoom), round(centre[1] * zoom))
                half = (round(block.size[0] * zoom / 2), round(block.size[1] * zoom / 2))
                if value in marks.get(label, ()):
                    jitter = rng.normal(0, 0.06, 2) * half
                    inked = (round(half[0] * 0.95 * coverage), round(half[1] * 0.95 * coverage))
                    spot = (round(middle[0] + jitter[0]), round(middle[1] + jitter[1]))
                    cv2.ellipse(page, spot, inked, 0, 0, 360, darkness, -1, cv2.LINE_AA)
                if shape == "ring":
                    cv2.ellipse(page, middle, half, 0, 0, 360, 110, max(1, round(1.3 * zoom)), cv2.LINE_AA)
                else:
                    low = (middle[0] - half[0], middle[1] - half[1])
                    high = (middle[0] + half[0], middle[1] + half[1])
                    cv2.rectangle(page, low, high, 110, max(1, round(1.3 * zoom)), cv2.LINE_AA)
                place = (middle[0] - round(6 * zoom), middle[1] + round(6 * zoom))
                cv2.putText(page, value, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5 * zoom, 150, max(1, round(zoom)))
    flat = cv2.resize(page, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(flat, dtype=np.uint8)


def photographed(
    page: Grey, *, degrees: float = 0.0, tilt: float = 0.0, desk: int = 70, noise: float = 2.0, seed: int = 0
) -> Grey:
    """``page`` on a desk of grey level ``desk``, turned and tilted (share of its width), a little noise."""
    rng = np.random.default_rng(seed)
    height, width = page.shape
    margin = round(0.18 * max(height, width))
    size = (width + 2 * margin, height + 2 * margin)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)
    middle = np.array([width, height]) / 2
    turn = np.radians(degrees)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = (corners - middle) @ rotation.T + middle + margin + rng.uniform(-tilt, tilt, (4, 2)) * width
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), moved.astype(np.float32))
    photo = cv2.warpPerspective(page, matrix, size, borderMode=cv2.BORDER_CONSTANT, borderValue=float(desk))
    noisy = photo.astype(np.float64) + rng.normal(0, noise, photo.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)
