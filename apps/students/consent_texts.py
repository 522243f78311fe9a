"""What guardians consent to, by version and language. A version that somebody has agreed to is never edited.

A new text is a new pair of files, ``texts/guardian_consent.<version>.<language>.md``, and a new ``CURRENT_VERSION``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

CURRENT_VERSION: Final = 1
LANGUAGES: Final = ("ko", "en")
_FOLDER: Final = Path(__file__).resolve().parent / "texts"


@cache
def consent_text(version: int, language: str) -> str:
    """Markdown. Raises ``LookupError`` for a version or a language that there is none in."""
    if language not in LANGUAGES or not 1 <= version <= CURRENT_VERSION:
        raise LookupError(f"there is no consent text {version} in {language!r}")
    return (_FOLDER / f"guardian_consent.{version}.{language}.md").read_text(encoding="utf-8")
