"""People and what they may do: known by phone within one academy, signed in by a session on its host."""
