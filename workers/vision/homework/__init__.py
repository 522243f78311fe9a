"""Homework: which problems of a worksheet somebody has attempted, from a photo or a scan of the page."""
