"""Exams on the desk: the home page's part, exams with keys and sheets, what was handed in and read, what came of it."""

from apps.exams.admin import batches, blank_sheets, exams, home, keys, printing, results, review, scans

__all__ = ["batches", "blank_sheets", "exams", "home", "keys", "printing", "results", "review", "scans"]
