"""Where a field lies on the straightened page that a reading is drawn on."""

from __future__ import annotations

from typing import Final

from sheets.fields import Box, EssayField, Field
from sheets.layout import Layout

OVERLAY_PIXELS_PER_MM: Final = 4.0
"""About 100 dpi: a page is 840 x 1188, 150 kB as JPEG, and handwriting can still be read."""
MARGIN_MM: Final = 3.0
"""Round the bubbles of a field: what was read stands above a column of digits, and a cross leaves its bubble."""


def box_of(field: Field) -> Box:
    """The rectangle round all of ``field``, in millimetres of the paper, with a margin."""
    if isinstance(field, EssayField):
        return field.box
    xs = [x for column in field.columns for x, _ in column]
    ys = [y for column in field.columns for _, y in column]
    half_x, half_y = field.shape.width_mm / 2 + MARGIN_MM, field.shape.height_mm / 2 + MARGIN_MM
    left, top = min(xs) - half_x, min(ys) - half_y
    return Box(left, top, max(xs) + half_x - left, max(ys) + half_y - top)


def overlay_boxes(layout: Layout, page: int) -> dict[str, list[int]]:
    """By label, [x, y, width, height] of every field of ``page``, in pixels of its overlay; empty for no such page."""
    if not 1 <= page <= len(layout.pages):
        return {}
    limits = (layout.paper.width_mm * OVERLAY_PIXELS_PER_MM, layout.paper.height_mm * OVERLAY_PIXELS_PER_MM)
    boxes = {}
    for field in layout.page(page).fields:
        box = box_of(field)
        left, top = max(0.0, box.x_mm * OVERLAY_PIXELS_PER_MM), max(0.0, box.y_mm * OVERLAY_PIXELS_PER_MM)
        right = min(limits[0], (box.x_mm + box.width_mm) * OVERLAY_PIXELS_PER_MM)
        bottom = min(limits[1], (box.y_mm + box.height_mm) * OVERLAY_PIXELS_PER_MM)
        boxes[field.label] = [round(left), round(top), round(right - left), round(bottom - top)]
    return boxes
