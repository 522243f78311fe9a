"""Homework on the desk: worksheets and their problems, what was given to whom, what was handed in."""

from apps.homework.admin import assignments, home, reminders, submissions, worksheets

__all__ = ["assignments", "home", "reminders", "submissions", "worksheets"]
