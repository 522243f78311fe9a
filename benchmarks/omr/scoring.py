"""Counting right, wrong and unsure answers of a reading against the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.omr.generator import Truth
from sheets.reading import FieldStatus, SheetReading


@dataclass(slots=True)
class Tally:
    """Running counts over sheets. ``unsure`` answers are neither right nor wrong: a person looks at them."""

    sheets: int = 0
    unreadable: int = 0
    answers: int = 0
    right: int = 0
    wrong: int = 0
    unsure: int = 0
    numbers: int = 0
    numbers_wrong: int = 0
    numbers_unsure: int = 0
    versions: int = 0
    versions_wrong: int = 0
    versions_unsure: int = 0
    mistakes: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.sheets += other.sheets
        self.unreadable += other.unreadable
        self.answers += other.answers
        self.right += other.right
        self.wrong += other.wrong
        self.unsure += other.unsure
        self.numbers += other.numbers
        self.numbers_wrong += other.numbers_wrong
        self.numbers_unsure += other.numbers_unsure
        self.versions += other.versions
        self.versions_wrong += other.versions_wrong
        self.versions_unsure += other.versions_unsure
        self.mistakes += other.mistakes

    def add_unreadable(self, name: str, reason: str) -> None:
        """A sheet that was refused: none of its answers is wrong."""
        self.sheets += 1
        self.unreadable += 1
        self.mistakes.append(f"{name}: {reason}")

    def add_reading(self, name: str, reading: SheetReading, truth: Truth) -> None:
        """A sheet that was read."""
        self.sheets += 1
        for found in reading.fields:
            self.answers += 1
            meant = truth.answers[found.label]
            if found.status is FieldStatus.UNSURE:
                self.unsure += 1
                continue
            if found.values == meant:
                self.right += 1
            elif any("?" in value for value in found.values):
                self.unsure += 1  # a number with a place marked twice: nobody scores it
            else:
                self.wrong += 1
                self.mistakes.append(f"{name} {found.label}: read {found.values}, meant {meant}")
        self._add_number(name, reading, truth)
        self._add_version(name, reading, truth)

    def _add_number(self, name: str, reading: SheetReading, truth: Truth) -> None:
        if reading.student_number is None or truth.student_number is None:
            return
        self.numbers += 1
        read = reading.student_number.values[0]
        pairs = list(zip(read, truth.student_number, strict=True))
        if any(digit not in ("?", meant) for digit, meant in pairs):
            self.numbers_wrong += 1
            self.mistakes.append(f"{name} number: read {read}, meant {truth.student_number}")
        elif any(digit == "?" != meant for digit, meant in pairs):
            self.numbers_unsure += 1

    def _add_version(self, name: str, reading: SheetReading, truth: Truth) -> None:
        if reading.version is None or truth.version is None:
            return
        self.versions += 1
        if reading.version.status is FieldStatus.UNSURE:
            self.versions_unsure += 1
        elif "".join(reading.version.values) != truth.version:
            self.versions_wrong += 1
            self.mistakes.append(f"{name} version: read {reading.version.values}, meant {truth.version}")
