"""How a job goes wrong, and what follows from it."""

from __future__ import annotations

from typing import ClassVar

from academy.http.errors import DomainError


class PermanentFailure(Exception):
    """Trying again cannot help. Recorded with a reason a teacher understands; the message is deleted."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TransientFailure(Exception):
    """Trying again may help: retried with back-off until the attempts are used up."""


class KindNotIncluded(DomainError):
    """The academy's plan does not include this kind of job. It is never run on a lower tier instead."""

    status_code: ClassVar[int] = 403
    code: ClassVar[str] = "plan_excludes_job"
