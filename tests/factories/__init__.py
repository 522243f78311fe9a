"""Rows for tests: plain functions with defaults. All but ``make_academy`` work for the acting academy."""

from tests.factories.academies import make_academy, make_plan
from tests.factories.clients import browser_sessions, client_of, stranger_on
from tests.factories.courses import LESSON_DAY, make_attendance, make_course
from tests.factories.documents import make_document, make_page, record_page
from tests.factories.exams import (
    make_batch,
    make_exam,
    make_film_upload,
    make_page_of,
    make_reading,
    make_scan,
    make_upload,
    record_scan,
)
from tests.factories.homework import (
    make_assignment,
    make_homework_reading,
    make_submission,
    make_worksheet,
    record_homework,
)
from tests.factories.jobs import make_answered_request, make_job
from tests.factories.lectures import make_lecture, make_playback, make_progress, make_renditions
from tests.factories.notices import make_notice, make_subscription
from tests.factories.people import PASSWORD, make_consent, make_guardianship, make_student, make_user
from tests.factories.privacy import make_erasure, make_export
from tests.factories.rosters import make_roster
from tests.factories.sign_in import (
    make_authenticator,
    make_challenge,
    make_passkey,
    make_passkey_challenge,
    make_recovery_code,
)
from tests.factories.trail import make_trail_entry
from tests.factories.videos import make_video
from tests.factories.world import Cast, World, make_world

__all__ = [
    "LESSON_DAY",
    "PASSWORD",
    "Cast",
    "World",
    "browser_sessions",
    "client_of",
    "make_academy",
    "make_answered_request",
    "make_assignment",
    "make_attendance",
    "make_authenticator",
    "make_batch",
    "make_challenge",
    "make_consent",
    "make_course",
    "make_document",
    "make_erasure",
    "make_exam",
    "make_export",
    "make_film_upload",
    "make_guardianship",
    "make_homework_reading",
    "make_job",
    "make_lecture",
    "make_notice",
    "make_page",
    "make_page_of",
    "make_passkey",
    "make_passkey_challenge",
    "make_plan",
    "make_playback",
    "make_progress",
    "make_reading",
    "make_recovery_code",
    "make_renditions",
    "make_roster",
    "make_scan",
    "make_student",
    "make_submission",
    "make_subscription",
    "make_trail_entry",
    "make_upload",
    "make_user",
    "make_video",
    "make_worksheet",
    "make_world",
    "record_homework",
    "record_page",
    "record_scan",
    "stranger_on",
]
