"""What people delete at the desk: kept aside for 30 days, so that it can be undone, then gone with its files."""
