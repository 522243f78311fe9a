"""The engines that this machine has, by the name of the tier they serve: from a page's pixels to its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.vision.text.readers import READERS
from workers.vision.text.reading import read_page

Engine = Callable[[NDArray[np.uint8]], str]


def _tier(name: str) -> Engine:
    return lambda image: read_page(image, READERS[name]).page.text


ENGINES: Final[dict[str, Engine]] = {name: _tier(name) for name in READERS}
