"""What travels through SQS: the ids of a job and of its academy, nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

MESSAGE_VERSION: Final = 1
MAX_BODY_CHARACTERS: Final = 1024
TRACEPARENT: Final = "traceparent"
"""The attribute beside the body: where in its trace the message was sent. Nobody has to believe it."""


class MalformedMessage(ValueError):
    """The body is no message of ours, or of another version."""


@dataclass(frozen=True, slots=True)
class JobMessage:
    job_id: int
    tenant_id: int

    def to_body(self) -> str:
        return json.dumps({"v": MESSAGE_VERSION, "job_id": self.job_id, "tenant_id": self.tenant_id})

    @classmethod
    def from_body(cls, body: str) -> JobMessage:
        """Raises ``MalformedMessage``; never anything else, whatever the body holds."""
        if len(body) > MAX_BODY_CHARACTERS:
            raise MalformedMessage(f"{len(body)} characters")
        try:
            data = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MalformedMessage("no JSON") from error
        if not isinstance(data, dict) or data.get("v") != MESSAGE_VERSION:
            raise MalformedMessage("not a message of this version")
        job_id, tenant_id = data.get("job_id"), data.get("tenant_id")
        if type(job_id) is not int or type(tenant_id) is not int or not 0 < job_id < 2**63 or not 0 < tenant_id < 2**63:
            raise MalformedMessage("ids are missing")
        return cls(job_id=job_id, tenant_id=tenant_id)
