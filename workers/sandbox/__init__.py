"""A child process per job, forked from a warm parent of its own, that can be killed and holds no secret."""

from workers.sandbox.errors import (
    ChildCrashed,
    ChildOutOfMemory,
    ComputeError,
    ComputeFailed,
    ComputeRefused,
    JobCancelled,
    JobTimedOut,
    SandboxUnavailable,
)
from workers.sandbox.limits import SandboxLimits
from workers.sandbox.parent import Sandbox, hide_this_process

__all__ = [
    "ChildCrashed",
    "ChildOutOfMemory",
    "ComputeError",
    "ComputeFailed",
    "ComputeRefused",
    "JobCancelled",
    "JobTimedOut",
    "Sandbox",
    "SandboxLimits",
    "SandboxUnavailable",
    "hide_this_process",
]
