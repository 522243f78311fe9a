"""Every way in which a job can fail has a text, and the text is Korean for a Korean."""

from __future__ import annotations

from pathlib import Path

import polib
import pytest
from django.utils import translation

from academy.jobs.reasons import known_codes, text_of
from sheets.reading import UnreadableReason
from sheets.template import BadTemplate
from workers.media.errors import MediaProblem
from workers.vision.homework.reading import PageProblem

CATALOGUE = Path(__file__).resolve().parents[2] / "locale" / "ko" / "LC_MESSAGES" / "django.po"


@pytest.mark.parametrize(
    "code", [*MediaProblem, *UnreadableReason, *PageProblem, BadTemplate.reason, "internal_error", "worker_died"]
)
def test_every_reason_of_the_recognisers_has_a_text(code: str) -> None:
    assert code in known_codes()
    assert len(text_of(code)) > 10


def test_a_code_that_nobody_knows_is_a_fault_of_ours() -> None:
    assert text_of("something_new") == text_of("internal_error")
    assert text_of("") == ""


@pytest.mark.parametrize("code", sorted(known_codes()))
def test_every_text_is_korean_for_a_korean_and_english_for_the_rest(code: str) -> None:
    with translation.override("ko"):
        assert any("가" <= character <= "힣" for character in text_of(code))
    with translation.override("en"):
        assert text_of(code).isascii()


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    source, compiled = polib.pofile(str(CATALOGUE)), polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    texts = [
        {(entry.msgctxt, entry.msgid): entry.msgstr or entry.msgstr_plural for entry in catalogue}
        for catalogue in (source, compiled)
    ]
    assert texts[0] == texts[1]
    assert not source.untranslated_entries()
    assert not source.fuzzy_entries()
