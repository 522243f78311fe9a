"""The folder that holds everything the embedded stack keeps, and the small private files in it."""

import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE_VARIABLE = "ACADEMY_LOCAL_STATE"


def state_folder() -> Path:
    """The folder that ACADEMY_LOCAL_STATE names, else `.local/` of this repository."""
    named = os.environ.get(STATE_VARIABLE)
    return Path(named).expanduser().resolve() if named else ROOT / ".local"


def read_private(file: Path) -> dict[str, object] | None:
    """What `write_private` wrote last; None when it never did."""
    try:
        content: dict[str, object] = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    return content


def write_private(file: Path, content: dict[str, object]) -> None:
    """Replace the file in one step; only its owner can read it, as it may hold passwords."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".new")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(content))
    partial.replace(file)
