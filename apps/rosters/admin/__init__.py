"""Lists of students on the desk: brought, looked at, taken over."""

from apps.rosters.admin import rosters

__all__ = ["rosters"]
