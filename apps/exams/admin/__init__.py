"""Exams on the desk: the home page's part, exams with their keys, what was handed in, what was read."""

from apps.exams.admin import batches, exams, home, scans

__all__ = ["batches", "exams", "home", "scans"]
