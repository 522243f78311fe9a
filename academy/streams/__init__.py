"""Live states of jobs by server-sent events: a service of its own, beside the short requests."""
