"""What can be wrong with an uploaded file, in words a teacher can act on."""

from __future__ import annotations

from enum import StrEnum


class MediaProblem(StrEnum):
    """Why a file cannot be turned into pages. Every one is permanent: the same bytes fail again."""

    EMPTY = "empty"
    NOT_A_PICTURE = "not_a_picture"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    TOO_MANY_PAGES = "too_many_pages"
    HAS_SCRIPTS = "has_scripts"
    NO_SUCH_PAGE = "no_such_page"
    UNSUPPORTED = "unsupported"
    NOT_A_VIDEO = "not_a_video"
    NO_PICTURES = "no_pictures"
    UNSUPPORTED_VIDEO = "unsupported_video"
    DAMAGED_VIDEO = "damaged_video"
    VIDEO_TOO_LARGE = "video_too_large"
    VIDEO_TOO_LONG = "video_too_long"
    TOO_LONG_FOR_RENDITIONS = "too_long_for_renditions"
    NO_PAGES = "no_pages"
    ARCHIVE_LOCKED = "archive_locked"
    ARCHIVE_NESTED = "archive_nested"
    ARCHIVE_TOO_LARGE = "archive_too_large"
    ARCHIVE_UNSAFE = "archive_unsafe"
    NOT_A_TABLE = "not_a_table"
    OLD_TABLE = "old_table"
    DAMAGED_TABLE = "damaged_table"
    TABLE_TOO_LARGE = "table_too_large"
    TOO_MANY_ROWS = "too_many_rows"
    BLANK_LOGO = "blank_logo"


class BrokenMedia(Exception):
    """The file cannot be decoded; ``reason`` says why, the message says what to do."""

    def __init__(self, reason: MediaProblem, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[BrokenMedia], tuple[MediaProblem, str]]:
        return (BrokenMedia, (self.reason, self.message))


def damaged_video() -> BrokenMedia:
    return BrokenMedia(
        MediaProblem.DAMAGED_VIDEO, "The video is damaged or incomplete. Please record or upload it again."
    )
