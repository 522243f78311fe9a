"""Text of a page: from grey pixels to words with boxes, in reading order. Arrays in, frozen dataclasses out."""
