"""Kinds and states of jobs in the words of those who wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from academy.jobs.models import JobState

_KINDS: Final[Mapping[str, Promise]] = {
    "exams.open_batch": _("Opening a PDF"),
    "exams.read_scan": _("Reading an answer sheet"),
    "exams.print_sheets": _("Printing answer sheets"),
    "exams.draw_blank_sheet": _("Drawing a blank sheet"),
    "homework.read_homework": _("Reading homework"),
    "documents.open_document": _("Opening a document"),
    "documents.read_page": _("Reading the text of a page"),
    "documents.write_pdf": _("Writing a searchable PDF"),
    "homework.register_worksheet": _("Registering a worksheet"),
    "videos.find_pages": _("Finding the pages of a video"),
    "academies.draw_logo": _("Drawing the logo"),
    "storage.end_upload": _("Ending an upload that was not handed in"),
    "trash.end_deletion": _("Ending what was deleted"),
    "lectures.prepare": _("Preparing a lecture"),
    "notices.send_notices": _("Sending notices to devices"),
    "lectures.write_renditions": _("Writing a lecture in several qualities"),
    "rosters.read_roster": _("Reading a list of students"),
    "rosters.take_roster": _("Taking a list of students over"),
    "rosters.drop_roster": _("Deleting a list of students"),
    "privacy.collect_person": _("Collecting a person's data"),
    "privacy.drop_export": _("Deleting a copy of a person's data"),
    "privacy.erase_person": _("Erasing a person's data"),
    "privacy.certify_erasure": _("Certifying an erasure"),
}
_STATES: Final[Mapping[JobState, Promise]] = {
    JobState.QUEUED: _("Waiting"),
    JobState.SENT: _("Waiting"),
    JobState.RUNNING: _("Running"),
    JobState.SUCCEEDED: _("Done"),
    JobState.FAILED: _("Failed"),
    JobState.CANCELLED: _("Cancelled"),
}


def known_kinds() -> frozenset[str]:
    return frozenset(_KINDS)


def kind_text(kind: str) -> Promise | str:
    """What this kind of job does; its own name for one that nobody has put into words."""
    return _KINDS.get(kind, kind)


def state_text(state: str) -> Promise:
    return _STATES[JobState(state)]
