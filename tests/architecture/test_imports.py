"""Imports point down: the contracts of pyproject.toml hold, and every app is in them."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def test_the_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_app_is_placed_inside_and_out() -> None:
    installed = {config.name for config in apps.get_app_configs() if config.name.startswith("apps.")}
    inside = next(contract for contract in _contracts() if len(contract.get("containers", ())) > 1)
    ladder = next(contract for contract in _contracts() if contract.get("containers") == ["apps"])
    assert set(inside["containers"]) == installed
    assert {f"apps.{name}" for name in ladder["layers"]} == installed
    assert inside["exhaustive"]
    assert ladder["exhaustive"]
