"""Generated requests over the whole API schema, by people of two academies: ``python -m tests.deep``."""
