"""OMRChecker on the same pictures, where whoever runs the benchmark has it: ``--omrchecker FOLDER``, its checkout.

It is run as its users run it, ``main.py`` over a folder of pictures, by the Python of ``FOLDER/.venv`` if there is one.
Its version 1 writes what it read to ``Results/*.csv``; a picture that is not in there it refused.
"""

from __future__ import annotations

import csv
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

CONFIG: Final = "config.json"
NAME_COLUMN: Final = "file_id"
JPEG_QUALITY: Final = 95
LIMIT_SECONDS: Final = 1800


class Failed(Exception):
    """OMRChecker did not run: what it said."""


def read_all(
    checkout: Path, template_folder: Path, pictures: Sequence[Grey]
) -> tuple[list[dict[str, str] | None], float]:
    """What it reads on each picture, ``None`` where it refuses, and its CPU time for one more picture in ms.

    ``template_folder`` holds ``template.json`` and the pictures that it names; ``config.json`` there or above. Raises
    :class:`Failed`.
    """
    with TemporaryDirectory() as name:
        few = _run(checkout, template_folder, pictures[:1], Path(name) / "few")
        many = _run(checkout, template_folder, [*pictures, pictures[0]], Path(name) / "many")
    seconds = (many[1] - few[1]) / len(pictures)
    return [many[0].get(f"{index:04}.jpg") for index in range(len(pictures))], 1000 * seconds


def _run(
    checkout: Path, template_folder: Path, pictures: Sequence[Grey], place: Path
) -> tuple[Mapping[str, dict[str, str]], float]:
    """What it read, by file, and the CPU seconds of the whole run."""
    inputs, outputs = place / "inputs", place / "outputs"
    # pictures lie in a folder of their own, as in its samples: those beside the template may be markers
    (inputs / "sheets").mkdir(parents=True)
    for file in template_folder.iterdir():
        if file.is_file():
            shutil.copy(file, inputs)
    (inputs / CONFIG).write_text(json.dumps(_without_windows(template_folder)))
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(inputs / "sheets" / f"{index:04}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    own = checkout / ".venv" / "bin" / "python"
    command = [str(own if own.exists() else sys.executable), "main.py", "-i", str(inputs), "-o", str(outputs)]
    before = _children_cpu()
    try:
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)) from error
    spent = _children_cpu() - before
    if done.returncode:
        raise Failed((done.stderr or done.stdout)[-2000:])
    return {row[NAME_COLUMN]: row for path in outputs.rglob("Results/*.csv") for row in _rows(path)}, spent


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _without_windows(template_folder: Path) -> dict[str, object]:
    """Its configuration, the template's own or the one above, without windows that wait for a key."""
    found = next(
        (folder / CONFIG for folder in (template_folder, template_folder.parent) if (folder / CONFIG).exists()), None
    )
    config: dict[str, object] = json.loads(found.read_text()) if found else {}
    outputs = config.get("outputs")
    return config | {"outputs": (outputs if isinstance(outputs, dict) else {}) | {"show_image_level": 0}}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
