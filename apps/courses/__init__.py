"""Courses: who teaches whom and when, and who was there."""
