"""Several pages at a time. A module of its own: what a new process is to run cannot stand in ``__main__``."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from workers.vision.text import engines
from workers.vision.text.reading import READERS, read_page


def _read_file(path: str) -> None:
    picture = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise FileNotFoundError(path)
    read_page(picture.astype(np.uint8, copy=False), READERS["lite"])


def parallel_seconds(pages: Sequence[NDArray[np.uint8]]) -> tuple[float, float]:
    """Upright ``pages`` (H, W) at once: ours in warm processes; as many Tesseract programs with default threads."""
    folder = Path("build/bench/ocr-parallel")
    folder.mkdir(parents=True, exist_ok=True)
    paths = [str(folder / f"{place}.png") for place in range(len(pages))]
    for path, page in zip(paths, pages, strict=True):
        cv2.imwrite(path, page)
    with ProcessPoolExecutor(len(pages), mp_context=get_context("spawn"), initializer=engines.warm_up) as pool:
        list(pool.map(_read_file, paths))
        start = time.perf_counter()
        list(pool.map(_read_file, paths))
        ours = time.perf_counter() - start
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            ["tesseract", path, path.removesuffix(".png"), "-l", "kor+eng"],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        for path in paths
    ]
    for process in running:
        process.wait()
    return ours, time.perf_counter() - start
