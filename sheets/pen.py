"""A canvas in millimetres from the top left, and the shapes that sheets are made of."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from reportlab.lib.colors import Color, HexColor, black
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from sheets.fields import Box, BubbleShape, Point
from sheets.typeface import REGULAR

INK: Final = HexColor(0x1B2433)
BUBBLE_LINE: Final = HexColor(0x56616F)
BUBBLE_TEXT: Final = HexColor(0x8A95A3)
HAIRLINE: Final = HexColor(0xC3CAD3)
FAINT: Final = HexColor(0x66717F)

BUBBLE_LINE_MM: Final = 0.25
"""Dark enough to survive a one-bit scan: the reader checks its alignment against these outlines."""
PANEL_LINE_MM: Final = 0.3
PANEL_RADIUS_MM: Final = 1.6
POINTS_PER_BUBBLE_MM: Final = 1.737
"""Of a bubble's width: 6.6 points of type in a bubble of 3.8 mm."""


class Pen:
    """Draws on one canvas. All positions and sizes are millimetres, y down."""

    def __init__(self, canvas: Canvas, height_mm: float) -> None:
        self.canvas = canvas
        self.height_mm = height_mm

    def up(self, y: float) -> float:
        """The canvas's own y, in points from the bottom."""
        return (self.height_mm - y) * mm

    def rect(self, box: Box, *, fill: Color | None = None, line: Color | None = None, radius_mm: float = 0.0) -> None:
        x, y = box.x_mm * mm, self.up(box.y_mm + box.height_mm)
        width, height = box.width_mm * mm, box.height_mm * mm
        if fill is not None:
            self.canvas.setFillColor(fill)
        if line is not None:
            self.canvas.setStrokeColor(line)
            self.canvas.setLineWidth(PANEL_LINE_MM * mm)
        stroke, solid = int(line is not None), int(fill is not None)
        if radius_mm:
            self.canvas.roundRect(x, y, width, height, radius_mm * mm, stroke=stroke, fill=solid)
        else:
            self.canvas.rect(x, y, width, height, stroke=stroke, fill=solid)

    def line(self, start: Point, end: Point, colour: Color, width_mm: float) -> None:
        self.canvas.setStrokeColor(colour)
        self.canvas.setLineWidth(width_mm * mm)
        self.canvas.line(start[0] * mm, self.up(start[1]), end[0] * mm, self.up(end[1]))

    def disc(self, centre: Point, radius_mm: float, colour: Color) -> None:
        self.canvas.setFillColor(colour)
        self.canvas.circle(centre[0] * mm, self.up(centre[1]), radius_mm * mm, stroke=0, fill=1)

    def bubble(self, centre: Point, shape: BubbleShape, text: str, *, is_filled: bool = False) -> None:
        """A bubble whose outer edge is exactly ``shape``."""
        half_x, half_y = (shape.width_mm - BUBBLE_LINE_MM) / 2, (shape.height_mm - BUBBLE_LINE_MM) / 2
        x, y = centre
        self.canvas.setLineWidth(BUBBLE_LINE_MM * mm)
        self.canvas.setStrokeColor(black if is_filled else BUBBLE_LINE)
        self.canvas.setFillColor(black)
        self.canvas.ellipse(
            (x - half_x) * mm, self.up(y + half_y), (x + half_x) * mm, self.up(y - half_y), fill=int(is_filled)
        )
        if text and not is_filled:
            points = min(6.6, shape.width_mm * POINTS_PER_BUBBLE_MM)
            if shape.width_mm > 5:
                points = shape.width_mm * 1.55
            points *= 1.0 if len(text) == 1 else 0.85
            self.text(x, y + points * 0.36 / mm, text, REGULAR, points, BUBBLE_TEXT, align="centre")

    def text(
        self,
        x: float,
        baseline: float,
        text: str,
        font: str,
        points: float,
        colour: Color,
        *,
        align: str = "left",
        fit_mm: float | None = None,
    ) -> None:
        """One line of text; narrower type where it would be wider than ``fit_mm``."""
        if fit_mm is not None:
            width_mm = pdfmetrics.stringWidth(text, font, points) / mm
            points *= min(1.0, fit_mm / max(width_mm, 0.1))
        self.canvas.setFont(font, points)
        self.canvas.setFillColor(colour)
        draw = {"left": self.canvas.drawString, "centre": self.canvas.drawCentredString}.get(
            align, self.canvas.drawRightString
        )
        draw(x * mm, self.up(baseline), text)

    def picture(self, box: Box, png: bytes) -> float:
        """The picture at the right of ``box``, as large as fits; returns how wide it came out."""
        picture = ImageReader(io.BytesIO(png))
        width, height = picture.getSize()
        factor = min(box.width_mm / width, box.height_mm / height)
        shown = Box(
            box.x_mm + box.width_mm - factor * width,
            box.y_mm + (box.height_mm - factor * height) / 2,
            factor * width,
            factor * height,
        )
        self.canvas.drawImage(
            picture,
            shown.x_mm * mm,
            self.up(shown.y_mm + shown.height_mm),
            shown.width_mm * mm,
            shown.height_mm * mm,
        )
        return shown.width_mm

    def squares(self, corner: Point, module_mm: float, cells: Sequence[Sequence[int]]) -> None:
        """Black squares of ``module_mm`` where ``cells`` are not 0, row by row from ``corner``."""
        side = module_mm * mm
        parts = ["q 0 g", f"{side:.5f} 0 0 {-side:.5f} {corner[0] * mm:.3f} {self.up(corner[1]):.3f} cm"]
        for row, values in enumerate(cells):
            column = 0
            while column < len(values):
                run = 0
                while column + run < len(values) and values[column + run]:
                    run += 1
                if run:
                    parts.append(f"{column} {row} {run} 1 re")
                column += max(run, 1)
        # as one literal: reportlab's own paths take five times as long, and a class has hundreds of codes
        self.canvas.addLiteral("\n".join([*parts, "f Q"]))
