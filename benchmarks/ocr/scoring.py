"""Character error rate: edits between what was read and what is written, for each written character."""

from __future__ import annotations

import unicodedata


def characters_of(text: str) -> str:
    """What is compared: NFC, without white space. Korean spacing is a matter of taste, in print as well."""
    return "".join(unicodedata.normalize("NFC", text).split())


def edit_distance(this: str, that: str) -> int:
    """Levenshtein's distance by bit-parallel columns (Hyyrö 2003, "A bit-vector algorithm")."""
    if not this:
        return len(that)
    places: dict[str, int] = {}
    for index, character in enumerate(this):
        places[character] = places.get(character, 0) | 1 << index
    everything = (1 << len(this)) - 1
    top = 1 << (len(this) - 1)
    up, down, distance = everything, 0, len(this)
    for character in that:
        equal = places.get(character, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right_up = down | ~(diagonal | up) & everything
        right_down = up & diagonal
        if right_up & top:
            distance += 1
        elif right_down & top:
            distance -= 1
        right_up = (right_up << 1 | 1) & everything
        right_down = right_down << 1 & everything
        up = right_down | ~(diagonal | right_up) & everything
        down = right_up & diagonal
    return distance


def character_error_rate(read: str, truth: str) -> float:
    """Edits per character of ``truth``; 0 is perfect, more than 1 is possible."""
    expected = characters_of(truth)
    return edit_distance(characters_of(read), expected) / max(len(expected), 1)
