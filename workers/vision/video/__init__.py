"""Pages of a film: which were shown, when, and which moment shows each best."""
