"""Which colours can be read: contrast by WCAG 2 of a colour and what it stands on, or what stands on it."""

from __future__ import annotations

from typing import Final

MIN_CONTRAST: Final = 4.5
"""Of text and its background, WCAG 2, success criterion 1.4.3."""
WHITE: Final = 0xFFFFFF
_DARKER: Final = 0.93


def contrast(one: int, other: int) -> float:
    """1 to 21, of two colours (0xRRGGBB), by relative luminance. Raises ``ValueError`` for what is no colour."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def contrast_with_white(colour: int) -> float:
    """1 to 21, of ``colour`` (0xRRGGBB). Raises ``ValueError`` for what is no colour."""
    return contrast(colour, WHITE)


def readable(colour: int, *, on: int = WHITE) -> int:
    """``colour`` (0xRRGGBB), as dark as text on a light colour has to be. Raises ``ValueError`` for what is none."""
    while contrast(colour, on) < MIN_CONTRAST:
        red, green, blue = (int(255 * _DARKER * part) for part in _parts(colour))
        colour = red << 16 | green << 8 | blue
    return colour


def mixed(colour: int, ground: int, share: float) -> int:
    """``colour`` over ``ground``, covering ``share`` of it (0 to 1). Raises ``ValueError`` for what is no colour."""
    red, green, blue = (
        round(255 * (share * above + (1 - share) * below))
        for above, below in zip(_parts(colour), _parts(ground), strict=True)
    )
    return red << 16 | green << 8 | blue


def _luminance(colour: int) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _parts(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: int) -> list[float]:
    """Red, green and blue, 0 to 1 each."""
    if not 0 <= colour <= WHITE:
        raise ValueError(f"colour {colour} is not 0xRRGGBB")
    return [(colour >> shift & 0xFF) / 255 for shift in (16, 8, 0)]
