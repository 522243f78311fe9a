"""Lectures of courses: sent as videos, made ready to stream, watched within limits."""
