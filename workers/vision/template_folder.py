"""A template and its pictures from a folder, for the command line: the recognisers themselves know no paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from sheets.template import BadTemplate, Template, asset_names, parse_template

MAX_TEMPLATE_BYTES: Final = 1_000_000
MAX_ASSET_BYTES: Final = 10_000_000


def load_template_folder(path: Path) -> Template:
    """The template in ``path``/template.json, with the pictures it names. Raises ``BadTemplate`` and ``OSError``."""
    try:
        raw: object = json.loads(_limited(path / "template.json", MAX_TEMPLATE_BYTES))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadTemplate("template.json is not JSON") from error
    if not isinstance(raw, dict):
        raise BadTemplate("template.json: expected an object")
    assets = {name: _limited(path / name, MAX_ASSET_BYTES) for name in asset_names(raw) if (path / name).is_file()}
    return parse_template(raw, assets=assets)


def _limited(path: Path, max_bytes: int) -> bytes:
    if path.stat().st_size > max_bytes:
        raise BadTemplate(f"{path.name}: larger than {max_bytes // 1_000_000} MB")
    return path.read_bytes()
