"""Which colours can be read: contrast by WCAG 2, of text on white and, which is the same, of white on the colour."""

from __future__ import annotations

from typing import Final

MIN_CONTRAST: Final = 4.5
"""Of text and its background, WCAG 2, success criterion 1.4.3."""
_DARKER: Final = 0.93
_MAX: Final = 0xFFFFFF


def contrast_with_white(colour: int) -> float:
    """1 to 21, of ``colour`` (0xRRGGBB), by relative luminance. Raises ``ValueError`` for what is no colour."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour)]
    return 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)


def readable(colour: int) -> int:
    """``colour`` (0xRRGGBB), as dark as text on white has to be. Raises ``ValueError`` for what is no colour."""
    while contrast_with_white(colour) < MIN_CONTRAST:
        red, green, blue = (int(255 * _DARKER * part) for part in _parts(colour))
        colour = red << 16 | green << 8 | blue
    return colour


def _parts(colour: int) -> list[float]:
    """Red, green and blue, 0 to 1 each."""
    if not 0 <= colour <= _MAX:
        raise ValueError(f"colour {colour} is not 0xRRGGBB")
    return [(colour >> shift & 0xFF) / 255 for shift in (16, 8, 0)]
