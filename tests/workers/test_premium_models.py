"""A premium worker looks at the networks that it is to read with before it takes a job."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vision.onnx_models import ALPHABET, named, recogniser
from workers.__main__ import networks_of


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return named(tmp_path, recogniser=recogniser(), alphabet=ALPHABET.encode())


def test_a_premium_workers_sandbox_is_told_its_networks(files: dict[str, str]) -> None:
    assert networks_of("premium", files) == files
    assert networks_of("premium", {}) == {}


@pytest.mark.parametrize("worker", ["cpu", "video"])
def test_no_other_worker_looks_at_them(files: dict[str, str], worker: str) -> None:
    assert networks_of(worker, files | {"OCR_ONNX_RECOGNISER": "/nowhere#sha256=" + "0" * 64}) == {}


@pytest.mark.parametrize("fault", ["missing", "changed"])
def test_a_premium_worker_does_not_start_with_other_files(files: dict[str, str], tmp_path: Path, fault: str) -> None:
    if fault == "missing":
        (tmp_path / "recogniser").unlink()
    else:
        (tmp_path / "alphabet").write_text("다\n라\n")
    ended = subprocess.run(
        [sys.executable, "-m", "workers", "premium", "--without-dispatcher"],
        env=os.environ | files,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert "the premium tier's model cannot be used" in ended.stderr
    assert str(tmp_path / ("recogniser" if fault == "missing" else "alphabet")) in ended.stderr
    assert "Traceback" not in ended.stderr
