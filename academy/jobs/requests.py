"""What requests about jobs say."""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext
from rest_framework.request import Request

from academy.http.errors import Invalid
from academy.jobs.changes import Position

MAX_NAMED: Final = 100
LARGEST_ID: Final = 2**63 - 1

_IDS: Final = re.compile(r"[0-9]{1,19}(,[0-9]{1,19})*")


def named_jobs(request: Request, parameter: str) -> frozenset[int] | None:
    """The ids in the query, ``None`` without the parameter. Raises ``Invalid``. Ids nobody can have name nothing."""
    text = request.query_params.get(parameter)
    if text is None:
        return None
    if not _IDS.fullmatch(text) or text.count(",") >= MAX_NAMED:
        message = gettext("Up to %(count)d numbers with commas between.") % {"count": MAX_NAMED}
        raise Invalid(message, attr=parameter)
    return frozenset(number for number in map(int, text.split(",")) if number <= LARGEST_ID)


def position_in(text: str) -> Position | None:
    """Where a reader goes on; whatever no answer of ours held begins anew."""
    return Position.parse(text)
