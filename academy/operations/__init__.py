"""The operators' desk on the platform's host: academies, plans, queues, the audit. Nobody's personal data."""
