"""Lists of students of the acting academy, brought by somebody."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.accounts.models import User
from apps.rosters.fields import columns_of
from apps.rosters.models import Roster
from apps.rosters.planning import named_in

HEADER = ("번호", "이름", "학부모 전화")


def make_roster(
    *cells: Sequence[str], created_by: User, header: Sequence[str] = HEADER, file_name: str = "명단.xlsx"
) -> Roster:
    """A list as its reading leaves it: the heading in line 1, then these rows."""
    rows = [(line, list(row)) for line, row in enumerate(cells, start=2)]
    roster = Roster(
        file_name=file_name,
        header=list(header),
        rows=rows,
        columns=columns_of(header),
        named=named_in(rows),
        read_at=timezone.now(),
        created_by=created_by,
    )
    roster.save()
    return roster
