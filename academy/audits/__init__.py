"""Proof, kept and signed, that the academies are still apart: ``manage.py audit_isolation``, run daily."""
