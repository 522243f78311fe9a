"""The premium tier's second look: lines that were read doubtfully, shown to an OpenAI-compatible vision model.

Off unless ``OCR_MODEL_URL`` names one. Only pictures of doubtful lines leave, never a whole page, only for academies
whose plan is premium, and never of a student's work (``tasks.SHOWN_TO_MODEL``). It runs in the task: the sandboxed
child has no network.
"""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol

import orjson
import urllib3
from django.conf import settings

logger = logging.getLogger(__name__)

TIMEOUT: Final = urllib3.Timeout(connect=3.0, read=15.0)
ANSWER_SECONDS: Final = 20.0
"""For the answer as a whole: the time-out is one of silence."""
MAX_WAIT_SECONDS: Final = 4.0
BUSY_STATUSES: Final = frozenset({429, 500, 502, 503, 504})
"""What may be gone a moment later. Asked once more, after as long as the answer says, up to ``MAX_WAIT_SECONDS``."""
USUAL_WAIT_SECONDS: Final = 1.0
MAX_ANSWER_BYTES: Final = 64 * 1024
MAX_LINE_CHARACTERS: Final = 400
MAX_LINES: Final = 40
MAX_FAILURES: Final = 2
"""After so many lines without an answer the rest of the page stays as it was read: a slow model must not hold it up."""
MODEL_CONFIDENCE: Final = 0.75
"""What a model's words count for: it states no confidence of its own, and is surer than the weak word it replaces."""
PROMPT: Final = (
    "Transcribe the one line of text in this picture exactly as it is printed or written, Korean and English alike. "
    "Answer with the text alone. If nothing can be read, answer with nothing."
)


class ModelUnavailable(Exception):
    """The model gave no usable answer."""


class LineModel(Protocol):
    """The port: the text on a picture (JPEG) of one line. Raises ``ModelUnavailable``."""

    def transcribe(self, jpeg: bytes) -> str: ...


@dataclass(frozen=True, slots=True)
class OpenAiCompatible:
    """A model behind ``POST {url}/chat/completions``."""

    url: str
    name: str
    key: str = field(repr=False)
    pool: urllib3.PoolManager
    timeout: urllib3.Timeout = TIMEOUT
    answer_seconds: float = ANSWER_SECONDS

    def transcribe(self, jpeg: bytes) -> str:
        picture = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
        content = [{"type": "text", "text": PROMPT}, {"type": "image_url", "image_url": {"url": picture}}]
        body = {
            "model": self.name,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "max_tokens": MAX_LINE_CHARACTERS,
        }
        try:
            status, wait_seconds, data = self._ask(orjson.dumps(body))
            if status in BUSY_STATUSES:
                _wait(wait_seconds)
                status, _, data = self._ask(orjson.dumps(body))
            if status != 200:
                raise ModelUnavailable(f"status {status}")
            if len(data) > MAX_ANSWER_BYTES:
                raise ModelUnavailable("too long an answer")
            text = orjson.loads(data)["choices"][0]["message"]["content"]
        except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise ModelUnavailable(type(error).__name__) from error
        if not isinstance(text, str):
            raise ModelUnavailable("no text")
        return " ".join(text.replace("\x00", "").split())[:MAX_LINE_CHARACTERS]

    def _ask(self, body: bytes) -> tuple[int, float, bytes]:
        """The answer's status, how many seconds it asks to wait, and no more of it than is looked at."""
        answer = self.pool.request(
            "POST",
            self.url.rstrip("/") + "/chat/completions",
            body=body,
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            timeout=self.timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            return answer.status, _seconds_of(answer.headers.get("Retry-After")), _read(answer, self.answer_seconds)
        finally:
            answer.close()  # what was not read of it must not be taken for the next answer


def _read(answer: urllib3.BaseHTTPResponse, seconds: float) -> bytes:
    """What comes within ``seconds``, and no more of it than shows that it is too much."""
    data, deadline = b"", time.monotonic() + seconds
    while len(data) <= MAX_ANSWER_BYTES:
        if time.monotonic() > deadline:
            raise ModelUnavailable("too slow an answer")
        piece = answer.read1(8192, decode_content=False)
        if not piece:
            break
        data += piece
    return data


def _wait(seconds: float) -> None:
    time.sleep(seconds)


def _seconds_of(retry_after: str | None) -> float:
    """A number of seconds, held to what a page may wait; a date, or none, is the usual."""
    if retry_after is None or not retry_after.isascii() or not retry_after.isdecimal():
        return USUAL_WAIT_SECONDS
    return min(float(retry_after[:9]), MAX_WAIT_SECONDS)


@cache
def configured_model() -> LineModel | None:
    """The model that the settings name; None where they name none."""
    if not settings.OCR_MODEL_URL:
        return None
    return OpenAiCompatible(
        settings.OCR_MODEL_URL, settings.OCR_MODEL_NAME, settings.OCR_MODEL_KEY, urllib3.PoolManager(maxsize=4)
    )


def improve_page(
    model: LineModel,
    page: Mapping[str, Any],
    text: str,
    pictures: Mapping[str, bytes],
    *,
    on_step: Callable[[], None],
) -> tuple[dict[str, Any], str]:
    """``page`` (JSON of a page's text) and ``text`` with doubtful lines as ``model`` transcribes them.

    A line stays as it is where the model gives none, or one whose length says that it talks about something else.
    """
    lines = [dict(line) for line in page["lines"]]
    failures = changed = 0
    for place, jpeg in sorted(pictures.items(), key=lambda item: int(item[0]))[:MAX_LINES]:
        line = lines[int(place)]
        before = " ".join(word["text"] for word in line["words"])
        try:
            after = model.transcribe(jpeg)
        except ModelUnavailable as error:
            logger.warning("the vision model gave no answer: %s", error)
            failures += 1
            if failures >= MAX_FAILURES:
                break
            continue
        on_step()
        if after and after != before and _is_plausible(before, after):
            line["words"] = _placed(after, line["words"])
            changed += 1
    if not changed:
        return dict(page), text
    return {**page, "lines": lines}, _text_of(lines)


def _is_plausible(before: str, after: str) -> bool:
    return 0.5 * len(before) - 3 <= len(after) <= 1.7 * len(before) + 6


def _placed(text: str, words: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The words of ``text`` over the width that the line's words took, each as wide as its share of the letters."""
    left = min(word["box"][0] for word in words)
    top = min(word["box"][1] for word in words)
    right = max(word["box"][0] + word["box"][2] for word in words)
    bottom = max(word["box"][1] + word["box"][3] for word in words)
    per_letter = (right - left) / max(len(text), 1)
    placed, at = [], 0
    for word in text.split(" "):
        box = [round(left + at * per_letter), top, max(round(len(word) * per_letter), 1), bottom - top]
        placed.append({"text": word, "box": box, "confidence": MODEL_CONFIDENCE, "is_weak": False})
        at += len(word) + 1
    return placed


def _text_of(lines: list[dict[str, Any]]) -> str:
    """As ``workers.vision.text.pages.PageText.text`` has it: blocks apart by an empty line."""
    parts: list[str] = []
    for index, line in enumerate(lines):
        if index and line["block"] != lines[index - 1]["block"]:
            parts.append("")
        parts.append(" ".join(word["text"] for word in line["words"]))
    return "\n".join(parts)
