"""What the processes count about themselves, for Prometheus. No label names an academy or a person."""
