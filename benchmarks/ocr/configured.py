"""The engines that this machine has, by the name of the tier they serve: from a page's pixels to its text.

Lite and basic are always there; premium where networks are named (``OCR_ONNX_RECOGNISER`` and its like), and a vision
model where one is (``OCR_MODEL_URL``, ``OCR_MODEL_NAME``, ``OCR_MODEL_KEY``): the settings of a worker.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np
import urllib3
from numpy.typing import NDArray

from apps.documents.vision_model import OpenAiCompatible, improve_page
from workers import compute
from workers.vision.text.networks import configured_networks
from workers.vision.text.readers import reader_of
from workers.vision.text.reading import read_page

Engine = Callable[[NDArray[np.uint8]], str]


def _by_reader(tier: str) -> Engine:
    networks = configured_networks() if tier == "premium" else None
    detector = networks.detector if networks else None
    return lambda image: read_page(image, reader_of(tier), detector=detector).page.text


def _by_vision_model() -> Engine:
    url, name, key = (os.environ[f"OCR_MODEL_{part}"] for part in ("URL", "NAME", "KEY"))
    model = OpenAiCompatible(url, name, key, urllib3.PoolManager())

    def read(image: NDArray[np.uint8]) -> str:
        answer = compute.read_text(cv2.imencode(".png", image)[1].tobytes(), "premium", True)
        improved = improve_page(model, answer["page"], answer["text"], answer["weak_lines"], on_step=lambda: None)
        return improved[1]

    return read


def engines() -> dict[str, Engine]:
    """Every engine that is configured. Raises ``UnusableModel``."""
    found = {tier: _by_reader(tier) for tier in ("lite", "basic")}
    if configured_networks() is not None:
        found["premium"] = _by_reader("premium")
    if os.environ.get("OCR_MODEL_URL"):
        found["model"] = _by_vision_model()
    return found


ENGINES: Final = engines()
