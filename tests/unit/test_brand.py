"""The colour that an academy chose: whatever it is, words on the desk can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.desk.brand import GREY, shades_of, style_of
from sheets.colours import MIN_CONTRAST, WHITE, contrast, readable

colours = st.integers(0, WHITE)
ICONS: float = 3.0
"""Contrast of what is no text, WCAG 2, success criterion 1.4.11."""


@given(colours)
def test_words_can_be_read_on_what_they_stand_on(colour: int) -> None:
    shades = shades_of(f"#{colour:06x}")
    for shade in (600, 700, 800, 900, 950):
        assert contrast(shades[shade], WHITE) >= MIN_CONTRAST, "white on a button, a link on white"
    assert contrast(shades[600], GREY) >= MIN_CONTRAST, "the active line of the menu"
    for shade in (700, 800, 900, 950):
        assert contrast(shades[shade], shades[100]) >= MIN_CONTRAST, "words of a label"
    assert contrast(shades[500], WHITE) >= ICONS, "bars and icons"


@given(colours)
def test_a_colour_that_can_be_read_stays_as_it_is(colour: int) -> None:
    chosen = readable(colour, on=GREY)
    assert shades_of(f"#{chosen:06x}")[600] == chosen


@pytest.mark.parametrize("colour", ["", "red", "#12345", "#1234567", '#123456"><script>', "#12345G"])
def test_what_is_no_colour_leaves_the_products_own(colour: str) -> None:
    assert style_of(colour) == ""


def test_the_style_names_every_shade_that_the_desk_uses() -> None:
    style = style_of("#24476b")
    assert style.startswith("--color-primary-50: #")
    assert "--color-primary-600: #24476b" in style
    assert style.count("--color-primary-") == 11
