"""One job in one forked child: read the call, run it, answer, end."""

from __future__ import annotations

import importlib
import os
import resource
import signal
import socket
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn, cast

from workers import progress
from workers.sandbox import confinement, frames
from workers.sandbox.protocol import FAILED, OUT_OF_MEMORY, PROGRESS, REFUSED, RESULT, is_allowed

PROGRESS_INTERVAL_SECONDS = 0.1
RECEIVE_BYTES = 1 << 18
MESSAGE_CHARACTERS = 2_000
TRACEBACK_CHARACTERS = 20_000
MAX_CHAINED = 8
_CV2_OUT_OF_MEMORY = -4
"""cv::Error::StsNoMem."""


def serve_one_job(channel: socket.socket, *, allowed: Sequence[str], frame_bytes: int, cpu_seconds: int) -> NoReturn:
    """Await one call on `channel`, run it, answer it, and end this process."""
    try:
        os.setpgid(0, 0)
        confinement.prctl(confinement.PR_SET_PDEATHSIG, signal.SIGKILL)
        _limit_cpu(cpu_seconds)
        answer = _run(channel, allowed, frame_bytes)
        for part in answer:
            channel.sendall(part)
    finally:
        os._exit(0)


def _limit_cpu(seconds: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or hard > seconds:
        # SIGXCPU at the soft limit ends the process; who ignores it meets SIGKILL a second later.
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def _run(channel: socket.socket, allowed: Sequence[str], frame_bytes: int) -> list[bytes]:
    try:
        folder, function, arguments = _receive(channel, frame_bytes)
        os.chdir(folder)
        os.environ["TMPDIR"] = folder
        if not is_allowed(function, allowed):
            raise PermissionError(f"{function} may not run here")
        progress.deliver_to(_progress_sender(channel, frame_bytes))
        module, _, name = function.partition(":")
        call = cast(Callable[..., object], getattr(importlib.import_module(module), name))
        return frames.encode([RESULT, call(*arguments)], frame_bytes)
    except MemoryError:
        return frames.encode([OUT_OF_MEMORY], frame_bytes)
    except BaseException as error:  # noqa: BLE001 - whatever it was, the worker is told
        return frames.encode(_describe(error), frame_bytes)


def _receive(channel: socket.socket, frame_bytes: int) -> tuple[str, str, list[frames.Value]]:
    reader = frames.FrameReader(frame_bytes)
    while data := channel.recv(RECEIVE_BYTES):
        for request in reader.feed(data):
            match request:
                case [str(folder), str(function), list(arguments)]:
                    return folder, function, arguments
            raise frames.MalformedFrame("no call")
    os._exit(0)  # the worker went away


def _progress_sender(channel: socket.socket, frame_bytes: int) -> Callable[[float], None]:
    next_at = 0.0

    def send(fraction: float) -> None:
        nonlocal next_at
        if (now := time.monotonic()) < next_at:
            return
        next_at = now + PROGRESS_INTERVAL_SECONDS
        channel.sendall(b"".join(frames.encode([PROGRESS, float(fraction)], frame_bytes)))

    return send


def _describe(error: BaseException) -> list[object]:
    if type(error).__module__ == "cv2" and getattr(error, "code", None) == _CV2_OUT_OF_MEMORY:
        return [OUT_OF_MEMORY]
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    reason, message = getattr(error, "reason", None), getattr(error, "message", None)
    if isinstance(reason, str) and isinstance(message, str):
        return [REFUSED, kind, str(reason), message[:MESSAGE_CHARACTERS]]
    return [FAILED, f"{kind}: {error}"[:MESSAGE_CHARACTERS], _trace(error)[-TRACEBACK_CHARACTERS:]]


def _trace(error: BaseException) -> str:
    """Where it came through, and what it followed from, without words: theirs may be somebody's, and this is logged."""
    steps: list[str] = []
    following: BaseException | None = error
    while following is not None and len(steps) < MAX_CHAINED:
        steps.append("".join([*traceback.format_tb(following.__traceback__), type(following).__qualname__]))
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    return "\nthen\n".join(reversed(steps))
