"""What every endpoint shares: the error envelope, pagination, default-deny permission, authentication."""
