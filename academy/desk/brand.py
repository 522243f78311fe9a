"""An academy's colour as a scale of shades, in place of the product's own.

The shades are unfold's: 600 is what buttons and the active menu are in, 100 what lies behind words in 700 and 800.
Whatever colour is stored, words can be read on what they stand on.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sheets.colours import WHITE, mixed, readable

_COLOUR: Final = re.compile(r"#[0-9a-f]{6}\Z")
GREY: Final = 0xF3F4F6
"""What the active line of the menu stands on: --color-base-100 of desk.css."""
BLACK: Final = 0
# How much of the colour there is in a shade beside white, and in the darker ones beside black.
_TINTS: Final = {50: 0.06, 100: 0.12, 200: 0.26, 300: 0.45, 400: 0.7, 500: 0.88}
_DARK: Final = {700: 0.86, 800: 0.72, 900: 0.6, 950: 0.42}


@lru_cache(maxsize=1024)
def shades_of(colour: str) -> dict[int, int]:
    """Shade -> 0xRRGGBB, for a colour as academies keep it, "#rrggbb"; none for what is no colour."""
    if not _COLOUR.match(colour):
        return {}
    main = readable(int(colour[1:], 16), on=GREY)
    shades = {shade: mixed(main, WHITE, share) for shade, share in _TINTS.items()}
    shades[600] = main
    for shade, share in _DARK.items():
        shades[shade] = readable(mixed(main, BLACK, share), on=shades[100])
    return shades


def style_of(colour: str) -> str:
    """What a page's ``style`` says so that everything in it has the colour; "" for the product's own."""
    return "; ".join(f"--color-primary-{shade}: #{value:06x}" for shade, value in shades_of(colour).items())
