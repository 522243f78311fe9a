"""Networks that a deployment brings along: which files, checked before anything is read with them.

A file is named together with its digest, ``/models/reader.onnx#sha256=HEX``, so that what reads is what was measured.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RECOGNISER: Final = "OCR_ONNX_RECOGNISER"
ALPHABET: Final = "OCR_ONNX_ALPHABET"
DETECTOR: Final = "OCR_ONNX_DETECTOR"
NAMES: Final = (RECOGNISER, ALPHABET, DETECTOR)
MAX_FILE_BYTES: Final = 512 * 1024 * 1024
_NAMED: Final = re.compile(r"(?P<path>/[^#]+)#sha256=(?P<digest>[0-9a-f]{64})")


class UnusableModel(RuntimeError):
    """A configured model is missing, is not the one that was named, or does not keep to the contract."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file and what it has to be."""

    path: Path
    digest: str

    def read(self) -> bytes:
        """Its bytes. Raises ``UnusableModel`` when it is missing, or another."""
        try:
            if self.path.stat().st_size > MAX_FILE_BYTES:
                raise UnusableModel(f"{self.path} is larger than {MAX_FILE_BYTES >> 20} MiB")
            data = self.path.read_bytes()
        except OSError as error:
            raise UnusableModel(f"{self.path} cannot be read: {error.strerror}") from error
        found = hashlib.sha256(data).hexdigest()
        if found != self.digest:
            raise UnusableModel(f"{self.path} is not the file that was configured: its SHA-256 is {found}")
        return data


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A recogniser of lines with its alphabet; a detector of text where there is one."""

    recogniser: ModelFile
    alphabet: ModelFile
    detector: ModelFile | None = None


def named_files(environment: Mapping[str, str]) -> ModelFiles | None:
    """The files that ``environment`` names; None where it names none. Raises ``UnusableModel`` on half a name."""
    named = {name: _parsed(name, environment[name]) for name in NAMES if environment.get(name)}
    if not named:
        return None
    if RECOGNISER not in named or ALPHABET not in named:
        raise UnusableModel(f"{RECOGNISER} and {ALPHABET} go together, and {DETECTOR} goes with them")
    return ModelFiles(named[RECOGNISER], named[ALPHABET], named.get(DETECTOR))


def _parsed(name: str, value: str) -> ModelFile:
    found = _NAMED.fullmatch(value)
    if found is None:
        raise UnusableModel(f"{name} has to be /path/to/file#sha256=HEX")
    return ModelFile(Path(found["path"]), found["digest"])
