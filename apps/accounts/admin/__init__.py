"""People on the desk: how they sign in, their own account, and the list of those who belong to the academy."""

from apps.accounts.admin import account, log_in, people

__all__ = ["account", "log_in", "people"]
