"""Sheets that the workers read all the while."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from infra.demo.__main__ import PASSWORD, Academy, create_academy
from infra.demo.client import File, StaffClient, UnexpectedAnswer
from infra.demo.paper import FLAT, PDF, PHONE, as_one_pdf, make_sheets
from sheets.layout import design_layout

ACADEMY: Final = Academy("reading", "읽는수학학원", "010-7000-0001", "중2 수학", "김선생", "중간고사", 7)
AT_ONCE: Final = 2
"""Files that are handed in and not read yet."""
PATIENCE_SECONDS: Final = 180.0
"""For the last of them, once everything else is over."""


class Corpus:
    """A file of sheets, handed in again as soon as an earlier one is read. A batch that never ends is a lost job."""

    def __init__(self, port: int, environment: Mapping[str, str]) -> None:
        create_academy(environment, ACADEMY)
        self._staff = StaffClient(port, f"{ACADEMY.slug}.localhost")
        self._staff.log_in(ACADEMY.phone, PASSWORD)
        self._exam = int(self._staff.post("/exams", {"title": ACADEMY.exam, "question_count": 20})["id"])
        layout = design_layout(question_count=20, choice_count=5, number_digits=6)
        pdf = self._staff.get_bytes(f"/exams/{self._exam}/sheet.pdf")
        sheets = make_sheets(pdf, layout, {FLAT: 20, PHONE: 10}, seed=ACADEMY.seed)
        self._file = File("스캔.pdf", PDF, as_one_pdf(sheets))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="corpus")
        self._waiting: set[int] = set()
        self.read = self.failed = 0

    def __enter__(self) -> Corpus:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()
        self._staff.__exit__(None, None, None)

    @property
    def lost(self) -> int:
        """Batches that are not over."""
        return len(self._waiting)

    def _work(self) -> None:
        patience = float("inf")
        while time.monotonic() < patience and (self._waiting or not self._stop.is_set()):
            if self._stop.is_set():
                patience = min(patience, time.monotonic() + PATIENCE_SECONDS)
            with suppress(UnexpectedAnswer):  # refused: the requests' own figures say how many were
                if len(self._waiting) < AT_ONCE and not self._stop.is_set():
                    self._waiting.add(self._staff.hand_in(self._exam, self._file))
                self._look()
            time.sleep(0.5)

    def _look(self) -> None:
        for batch in list(self._waiting):
            told = self._staff.get(f"/batches/{batch}")
            if told["is_finished"]:
                self._waiting.remove(batch)
                self.read += told["read"]
                self.failed += told["failed"]
