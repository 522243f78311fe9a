"""``make demo``: two academies, real paper with known truth, the whole way through the running system."""
