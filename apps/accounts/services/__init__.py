"""Everything that writes people, their sessions and what they sign in with."""

from apps.accounts.services.people import create_user

__all__ = ["create_user"]
