"""The picture with what was read drawn on it, for the person who checks."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from sheets.reading import FieldStatus, SheetReading
from sheets.template import Template
from workers.vision.omrchecker.lattice import Placement
from workers.vision.omrchecker.read import locate

_COLOURS: Final[dict[FieldStatus, tuple[int, int, int]]] = {  # BGR
    FieldStatus.OK: (60, 160, 0),
    FieldStatus.BLANK: (180, 180, 180),
    FieldStatus.MULTIPLE: (0, 0, 220),
    FieldStatus.UNSURE: (0, 140, 255),
}
_FAINT: Final = (190, 170, 150)


def draw_template_overlay(image: NDArray[np.uint8], template: Template, reading: SheetReading) -> NDArray[np.uint8]:
    """``image``, grey (H, W), as BGR (H, W, 3) with every bubble outlined and the marked ones in their field's colour.

    Green: read; red: several marks; orange: unsure; grey: blank. Raises ``UnreadableSheet`` as the reading does.
    """
    placement, _ = locate(image, template)
    canvas = np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
    by_part = {
        part: (field, index)
        for output, field in zip(template.outputs, reading.fields, strict=True)
        for index, part in enumerate(output.parts)
    }
    width_of = {label: len(block.values) for block in template.blocks for label in block.labels}
    part_offset = {
        part: sum(width_of[before] for before in output.parts[:index])
        for output in template.outputs
        for index, part in enumerate(output.parts)
    }
    bubble = 0
    for block in template.blocks:
        for label in block.labels:
            field = by_part[label][0] if label in by_part else None
            for index in range(len(block.values)):
                outline = _outline_points(placement, bubble)
                colour, thickness = _FAINT, 1
                if field is not None:
                    ink = field.ink[part_offset[label] + index]
                    is_marked = _is_marked(field.ink[part_offset[label] : part_offset[label] + len(block.values)], ink)
                    if is_marked and field.status is not FieldStatus.BLANK:
                        colour, thickness = _COLOURS[field.status], 2
                    elif field.status in {FieldStatus.UNSURE, FieldStatus.MULTIPLE}:
                        colour = _COLOURS[field.status]
                cv2.polylines(canvas, [outline], True, colour, thickness, cv2.LINE_AA)
                bubble += 1
    return canvas


def _is_marked(row: tuple[float, ...], ink: float) -> bool:
    return ink > 0.14 and ink >= 0.5 * max(row)


def _outline_points(placement: Placement, bubble: int) -> NDArray[np.int32]:
    right, down = placement.axes[bubble, :, 0], placement.axes[bubble, :, 1]
    if placement.outline.shape == "box":
        around = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=np.float64)
    else:
        angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = placement.centres[bubble] + around[:, :1] * right + around[:, 1:] * down
    return np.asarray(np.rint(points), dtype=np.int32)
