"""Exams on paper: an exam and its key, the printed sheet, scans handed in, what was read and what it scores."""
