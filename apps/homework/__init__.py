"""Homework: worksheets, who has to do them until when, what was handed in, and which problems were attempted."""
