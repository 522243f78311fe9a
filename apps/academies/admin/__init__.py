"""The settings of an academy on the desk."""

from apps.academies.admin import looks, rules, sheets, texts

__all__ = ["looks", "rules", "sheets", "texts"]
