"""Who gets through where, written out by hand a second time, beside the views and the table of roles.

The walk over the URLs takes what it expects from here: from the declarations themselves it would follow any slip in
them. A new URL is entered here with the roles that it is meant for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from apps.accounts.roles import Permission, Role

EVERYBODY: Final = "everybody"
"""With a session or without."""
SIGNED_IN: Final = frozenset(Role)
OWNERS: Final = frozenset({Role.OWNER})
MANAGERS: Final = OWNERS | {Role.MANAGER}
TEACHERS: Final = MANAGERS | {Role.TEACHER}
ASSISTANTS: Final = TEACHERS | {Role.ASSISTANT}
GUARDIANS: Final = frozenset({Role.GUARDIAN})
LEARNERS: Final = GUARDIANS | {Role.STUDENT}

SEE_EVERYTHING: Final = MANAGERS
"""Whoever else gets through somewhere, gets through to what belongs to a course of theirs; a colleague's is missing."""

# What no view declares and services ask for, since it depends on the thing -> the roles that have it.
WITHIN: Final[Mapping[Permission, frozenset[Role]]] = {
    Permission.MANAGE_JOBS: MANAGERS,
    # the doors of the two admin sites, whose pages are walked in test_desk.py
    Permission.USE_DESK: ASSISTANTS,
    Permission.OPERATE_PLATFORM: frozenset({Role.OPERATOR}),
}

# URL name and method -> the roles whose permission suffices.
PERMITS: Final[Mapping[tuple[str, str], frozenset[Role] | str]] = {
    ("session", "GET"): EVERYBODY,
    ("session", "POST"): EVERYBODY,
    ("session", "DELETE"): SIGNED_IN,
    ("session-code", "POST"): EVERYBODY,
    ("session-code-verify", "POST"): EVERYBODY,
    ("session-second-factor", "POST"): SIGNED_IN,
    ("session-passkey-options", "POST"): EVERYBODY,
    ("session-passkey", "POST"): EVERYBODY,
    ("session-show-passkey-options", "POST"): SIGNED_IN,
    ("session-show-passkey", "POST"): SIGNED_IN,
    ("passkeys-options", "POST"): SIGNED_IN,
    ("passkeys", "GET"): SIGNED_IN,
    ("passkeys", "POST"): SIGNED_IN,
    ("passkey", "PATCH"): SIGNED_IN,
    ("passkey", "DELETE"): SIGNED_IN,
    ("password", "POST"): SIGNED_IN,
    ("password-reset", "POST"): EVERYBODY,
    ("password-reset-code", "POST"): EVERYBODY,
    ("phone", "POST"): SIGNED_IN,
    ("phone-verify", "POST"): SIGNED_IN,
    ("own-sessions", "GET"): SIGNED_IN,
    ("own-sessions", "DELETE"): SIGNED_IN,
    ("own-session", "DELETE"): SIGNED_IN,
    ("second-factor", "GET"): SIGNED_IN,
    ("second-factor", "POST"): SIGNED_IN,
    ("second-factor", "DELETE"): SIGNED_IN,
    ("second-factor-confirm", "POST"): SIGNED_IN,
    ("recovery-codes", "POST"): SIGNED_IN,
    ("people", "GET"): MANAGERS,
    ("people", "POST"): MANAGERS,
    ("person", "GET"): MANAGERS,
    ("person", "PATCH"): MANAGERS,
    ("person-suspend", "POST"): MANAGERS,
    ("person-reactivate", "POST"): MANAGERS,
    ("person-invitation", "POST"): MANAGERS,
    ("person-sessions", "GET"): MANAGERS,
    ("person-sessions", "DELETE"): MANAGERS,
    ("person-session", "DELETE"): MANAGERS,
    ("person-second-factor", "DELETE"): MANAGERS,
    ("academy", "PATCH"): OWNERS,
    ("students", "GET"): ASSISTANTS,
    ("students", "POST"): MANAGERS,
    ("guardians", "GET"): MANAGERS,
    ("guardians", "POST"): MANAGERS,
    ("guardian", "DELETE"): MANAGERS,
    ("student-birth-year", "PUT"): MANAGERS,
    ("student-account", "POST"): MANAGERS,
    ("consent", "GET"): MANAGERS,
    ("consent", "POST"): MANAGERS,
    ("consent", "DELETE"): MANAGERS,
    ("child-consent", "GET"): GUARDIANS,
    ("child-consent", "POST"): GUARDIANS,
    ("child-consent", "DELETE"): GUARDIANS,
    ("children", "GET"): GUARDIANS,
    ("child", "PUT"): GUARDIANS,
    ("student-attendance", "GET"): ASSISTANTS,
    ("courses", "GET"): ASSISTANTS | LEARNERS,
    ("courses", "POST"): MANAGERS,
    ("course", "GET"): ASSISTANTS | LEARNERS,
    ("course", "PATCH"): MANAGERS,
    ("course-teachers", "PUT"): MANAGERS,
    ("course-students", "GET"): ASSISTANTS,
    ("course-students", "POST"): MANAGERS,
    ("course-withdraw", "POST"): MANAGERS,
    ("course-attendance", "GET"): ASSISTANTS,
    ("course-attendance", "PUT"): ASSISTANTS,
    ("exams", "GET"): ASSISTANTS,
    ("exams", "POST"): TEACHERS,
    ("exams-on-template", "POST"): TEACHERS,
    ("exam", "GET"): ASSISTANTS,
    ("exam", "PATCH"): TEACHERS,
    ("exam-key", "GET"): TEACHERS,
    ("exam-key", "PUT"): TEACHERS,
    ("exam-sheet", "GET"): ASSISTANTS,
    ("exam-sheet-sets", "POST"): ASSISTANTS,
    ("sheet-set", "GET"): ASSISTANTS,
    ("scan-essays", "PUT"): TEACHERS,
    ("exam-scans", "GET"): ASSISTANTS,
    ("exam-scans", "POST"): ASSISTANTS,
    ("exam-results", "GET"): ASSISTANTS,
    ("exam-results-export", "POST"): TEACHERS,
    ("exam-key-preview", "POST"): TEACHERS,
    ("exam-inbox", "GET"): ASSISTANTS,
    ("exam-publish", "GET"): ASSISTANTS,
    ("exam-publish", "POST"): TEACHERS,
    ("exam-unpublish", "POST"): TEACHERS,
    ("exam-analysis", "GET"): ASSISTANTS,
    ("scan-corrections", "PUT"): ASSISTANTS,
    ("own-results", "GET"): LEARNERS,
    ("own-result", "GET"): LEARNERS,
    ("batch", "GET"): ASSISTANTS,
    ("batch-cancel", "POST"): ASSISTANTS,
    ("scan", "GET"): ASSISTANTS,
    ("videos", "GET"): ASSISTANTS | {Role.STUDENT},
    ("videos", "POST"): ASSISTANTS | {Role.STUDENT},
    ("video", "GET"): ASSISTANTS | {Role.STUDENT},
    ("worksheets", "GET"): ASSISTANTS,
    ("worksheets", "POST"): TEACHERS,
    ("worksheet", "GET"): ASSISTANTS,
    ("worksheet-regions", "PUT"): TEACHERS,
    ("homework", "GET"): ASSISTANTS,
    ("homework", "POST"): TEACHERS,
    ("homework-results", "GET"): ASSISTANTS,
    ("homework-missing", "GET"): ASSISTANTS,
    ("homework-submissions", "POST"): ASSISTANTS,
    ("submission", "GET"): ASSISTANTS,
    ("submission-reread", "POST"): ASSISTANTS,
    ("page-reading-corrections", "PUT"): ASSISTANTS,
    ("student-homework", "GET"): ASSISTANTS,
    ("own-homework", "GET"): LEARNERS,
    ("own-homework-submissions", "POST"): LEARNERS,
    ("own-submission", "GET"): LEARNERS,
    ("uploads", "POST"): ASSISTANTS | LEARNERS,
    ("jobs", "GET"): ASSISTANTS,
    ("job", "GET"): ASSISTANTS,
    ("exports", "GET"): SIGNED_IN,
    ("exports", "POST"): SIGNED_IN,
    ("export", "GET"): SIGNED_IN,
    ("erasures", "GET"): SIGNED_IN,
    ("erasures", "POST"): SIGNED_IN,
    ("erasure", "GET"): SIGNED_IN,
    ("erasure", "DELETE"): SIGNED_IN,
    ("erasure-approval", "POST"): MANAGERS,
    ("events", "GET"): ASSISTANTS,
    ("trail", "GET"): MANAGERS,
    ("trail-export", "POST"): MANAGERS,
    ("job-cancel", "POST"): ASSISTANTS,
    ("job-retry", "POST"): ASSISTANTS,
    ("usage", "GET"): ASSISTANTS,
    ("schema", "GET"): EVERYBODY,
    ("api-docs", "GET"): EVERYBODY,
}
