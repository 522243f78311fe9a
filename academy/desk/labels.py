"""Small things that lists show: a coloured word, a moment, an amount."""

from __future__ import annotations

from datetime import datetime

from django.template.defaultfilters import date as format_date
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext


def label(text: str | Promise, kind: str = "", *, icon: str = "") -> SafeString:
    """``text`` in a coloured box. ``kind``: "info", "success", "warning", "danger" or ""."""
    return render_to_string("desk/label.html", {"text": text, "kind": kind, "icon": icon})


def moment(time: datetime | None) -> str:
    """A time as people say it: "14:05" today, "11/21 14:05" this year, "2025/11/21" before; "-" for none."""
    if time is None:
        return "–"
    local, now = timezone.localtime(time), timezone.localtime()
    if local.date() == now.date():
        return gettext("today %(time)s") % {"time": format_date(local, "H:i")}
    return format_date(local, "n/j H:i" if local.year == now.year else "Y/n/j")
