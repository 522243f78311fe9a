"""From an image's digest to running services: the migration first, then every service, one at a time, or back."""
