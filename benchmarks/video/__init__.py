"""How well and how fast the pages of a video are found."""
