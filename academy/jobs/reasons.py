"""Why a job failed, in the reader's language. The code is the truth; what is stored beside it is for the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_TEXTS: Final[Mapping[str, Promise]] = {
    # what a file can be
    "empty": _("The file is empty. Please upload it again."),
    "not_a_picture": _("This is neither a picture nor a PDF. Please upload JPEG, PNG, HEIC or PDF."),
    "too_large": _("The picture has too many pixels. Please scan at 300 dpi or less."),
    "truncated": _("The file is cut off: its end is missing. Please upload it again."),
    "damaged": _("The file is damaged. Please photograph, scan or export it again."),
    "encrypted": _("The PDF is locked with a password. Please save a copy without one."),
    "too_many_pages": _("The file has too many pages. Please split it."),
    "has_scripts": _("The PDF contains scripts. Please print it to a new PDF and hand that in."),
    "no_such_page": _("The file has fewer pages than expected. Please upload it again."),
    "unsupported": _("This kind of file is not read. Please upload JPEG, PNG, HEIC or PDF."),
    "archive_locked": _("The ZIP file is locked with a password. Please make one without."),
    "archive_nested": _(
        "The ZIP file holds other files of many pages. Please hand in PDF and ZIP files by themselves."
    ),
    "archive_too_large": _("The ZIP file unpacks to more than can be read. Please split it."),
    "archive_unsafe": _("The ZIP file names places outside of itself. Please make it again from the pictures."),
    # what a sheet can be
    "blurred": _("The picture is blurred. Hold the phone still, tap the sheet to focus and photograph it again."),
    "too_dark": _("The picture is too dark. Turn on a light and photograph it again."),
    "corner_missing": _(
        "Corners of the sheet are hidden. Lay it flat so that all four black squares are in the picture."
    ),
    "no_sheet": _(
        "No answer sheet was found. Photograph the whole sheet from above, with all four black squares in the picture."
    ),
    "other_sheet": _("This is a sheet of another exam. Hand it in there, or check that the right sheets were printed."),
    "bad_template": _("The template of this sheet cannot be used. Please check its pictures and set it up again."),
    # what a video can be
    "not_a_video": _("This is not a video. Please upload an MP4, MOV or WebM file."),
    "no_pictures": _("The file has no pictures. Please upload a video."),
    "unsupported_video": _("This kind of video is not read. Please save it as MP4 (H.264) and upload that."),
    "damaged_video": _("The video is damaged or incomplete. Please record or upload it again."),
    "video_too_large": _("The video has too many pixels. Please record in 4K or less."),
    "video_too_long": _("The video is longer than four hours. Please cut it."),
    "too_long_for_renditions": _(
        "The lecture is too long to be written in several qualities. It is watched in the one it has."
    ),
    "no_pages": _("No page lies still in this video. Show each page for two seconds or more."),
    "video_deleted": _("The video was deleted before its pages were found."),
    "lecture_deleted": _("The lecture was deleted before it was ready."),
    # what a worksheet can be
    "no_print": _("There is too little print on this page to recognise it by. Please choose another page."),
    "paper_size": _("Worksheets are A6 to A3. Please save the page in one of these sizes."),
    # what a list can be
    "not_a_table": _("This is neither an Excel nor a CSV file. Please save the list as one of these."),
    "old_table": _("This Excel file is in the old format or locked. Please save it as .xlsx without a password."),
    "damaged_table": _("The list cannot be read: the file is damaged. Please save it again."),
    "table_too_large": _("The list is too large to be read. Please delete what is not needed, or split it."),
    "too_many_rows": _("The list has more than 20,000 rows. Please split it."),
    "roster_deleted": _("The list was deleted before it was processed."),
    "not_allowed_any_more": _("Who brought the list may not manage students any more."),
    # what a logo can be
    "blank_logo": _("Nothing of this picture can be seen on white. Please choose one in a darker colour."),
    "logo_deleted": _("The logo was removed before it was drawn."),
    # what can go wrong on the way
    "file_lost": _("The file is no longer there. Please send it again."),
    "scan_deleted": _("The scan was deleted before it was read."),
    "worksheet_deleted": _("The worksheet was deleted before it was registered."),
    "submission_deleted": _("The homework was deleted before it was read."),
    "blank_sheet_deleted": _("The blank sheet was deleted before it was drawn."),
    "batch_deleted": _("The batch was deleted before it was opened."),
    "document_deleted": _("The document was deleted before it was read."),
    "page_deleted": _("The page was deleted before it was read."),
    "person_erased": _("The person was erased before the copy was made."),
    "sheet_set_deleted": _("The order was deleted before the sheets were printed."),
    "no_students": _("None of the students is there any more."),
    "took_too_long": _("This took too long to process. Try a smaller or simpler file."),
    "too_demanding": _("This file could not be processed safely. Try to scan or export it again."),
    "academy_suspended": _("The academy is suspended."),
    "cancelled": _("This was cancelled."),
    "daily_limit_reached": _("The plan's limit for the day is reached. Run it again tomorrow; what is done is kept."),
    "plan_excludes_job": _("The plan of this academy does not include this."),
    "internal_error": _("This could not be processed because of a fault on our side. Please try again."),
}
# Faults of ours have one text, whatever they were.
_OURS: Final = "internal_error"
_OUR_CODES: Final = frozenset({"worker_died", "unknown_kind"})


def known_codes() -> frozenset[str]:
    return frozenset(_TEXTS) | _OUR_CODES


def text_of(code: str) -> str:
    """What a person is told about a failure, in the language of the request. ``""`` for no failure."""
    if not code:
        return ""
    return str(_TEXTS.get(code) or _TEXTS[_OURS])
