"""Courses on the desk: what they are and who teaches them, who is in them, who was there."""

from apps.courses.admin import attendance, courses, enrolments

__all__ = ["attendance", "courses", "enrolments"]
