"""Errors that nobody expected, told to Sentry: their kinds and places, and whose they were by number. No words."""
