"""The peer: pytesseract as everybody calls it, the whole page in ``kor+eng`` with its defaults."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def is_installed() -> bool:
    """Whether there is anything to compare with: the package, and the program that it runs."""
    return find_spec("pytesseract") is not None and shutil.which("tesseract") is not None


def read_by_pytesseract(image: NDArray[np.uint8]) -> str:
    """The text of ``image`` (H, W), which has to stand upright: pytesseract turns nothing."""
    import pytesseract  # type: ignore[import-untyped]  # ships no types

    return str(pytesseract.image_to_string(Image.fromarray(image), lang="kor+eng"))
