"""S3 and SQS on 127.0.0.1: MiniStack, in a virtual environment of its own, with authorisation switched on.

Presigned URLs and form uploads are verified as AWS does: signature, expiry, size, content type; requests without a
signature are refused; a bucket's CORS rules hold. What it lacks: StartMessageMoveTask and ListDeadLetterSourceQueues.
Objects survive everything; queues and their messages survive a clean stop, and are lost when it is killed.
"""

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import processes
from infra.local.state import ROOT, read_private, write_private

HOST = "127.0.0.1"
REGION = "ap-northeast-2"
ACCESS_KEY_ID = "academy-local"
REQUIREMENTS = Path(__file__).with_name("ministack.txt")
START_SECONDS = 30.0
PORT_ATTEMPTS = 5


class AwsFailed(RuntimeError):
    """MiniStack could not be installed or started; holds the end of what it said."""


@dataclass(frozen=True)
class RunningAws:
    """A server that answers S3 and SQS requests. `is_started_here` says whether this call started it."""

    endpoint_url: str
    secret_access_key: str = field(repr=False)
    pid: int
    is_started_here: bool
    region: str = REGION
    access_key_id: str = ACCESS_KEY_ID

    def is_running(self) -> bool:
        """Whether the server's process lives."""
        return processes.is_alive(self.pid)

    def stop(self) -> None:
        """End the server, which then writes its queues to disk. Stopping a stopped one does nothing."""
        processes.end_process(self.pid, [(signal.SIGTERM, 10), (signal.SIGKILL, 5)])
        processes.reap(self.pid)


def start_aws(state_dir: Path, *, dies_with_parent: bool = False) -> RunningAws:
    """Start the server of this state folder, or attach to it when it runs already.

    With `dies_with_parent` it shuts down when the thread that called this ends, kill -9 included. Safe to call from
    several processes at once. Raises AwsFailed.
    """
    python = install()
    folder = state_dir.resolve() / "aws"
    with processes.exclusively(folder / "lock"):
        running = _attach(folder)
        if running is not None:
            return running
        return _launch(folder, python, dies_with_parent=dies_with_parent)


def attach_aws(state_dir: Path) -> RunningAws | None:
    """The server of this state folder if it runs, without starting one."""
    folder = state_dir.resolve() / "aws"
    if not (folder / "settings.json").exists():
        return None
    with processes.exclusively(folder / "lock"):
        return _attach(folder)


def install() -> Path:
    """Install MiniStack, once per version, and return the interpreter that has it. Needs the network that once."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / "build" / "tools" / f"ministack-{digest}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    uv = shutil.which("uv")
    if uv is None:
        raise AwsFailed("uv is not installed: make setup")
    with processes.exclusively(folder.with_name("lock")):
        if (folder / "complete").exists():
            return python
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        for command in (
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, os.fspath(folder)],
            [uv, "pip", "sync", "--quiet", "--require-hashes", "--python", os.fspath(python), os.fspath(REQUIREMENTS)],
        ):
            result = subprocess.run(command, capture_output=True, text=True, env=environment)
            if result.returncode != 0:
                raise AwsFailed(f"MiniStack could not be installed:\n{result.stderr[-4000:]}")
        (folder / "complete").touch()
    return python


def _attach(folder: Path) -> RunningAws | None:
    """The server that was started last in this folder, if it lives and answers."""
    match read_private(folder / "settings.json"):
        case {"secret": str(secret), "port": int(port), "pid": int(pid), "started_at": str(started_at)}:
            if processes.started_at(pid) != started_at or not processes.is_alive(pid):
                return None
            if not _wait_until_ready(port, pid):
                raise AwsFailed(f"the server of {folder} runs (pid {pid}) but does not answer")
            return RunningAws(f"http://{HOST}:{port}", secret, pid, is_started_here=False)
    return None


def _launch(folder: Path, python: Path, *, dies_with_parent: bool) -> RunningAws:
    settings = read_private(folder / "settings.json") or {}
    secret, port = settings.get("secret"), settings.get("port")
    secret = secret if isinstance(secret, str) else secrets.token_hex(20)
    port = port if isinstance(port, int) else None
    log = folder / "log"
    if log.exists():
        log.replace(folder / "log.before")
    for _ in range(PORT_ATTEMPTS):
        port = processes.free_port(port)
        write_private(folder / "settings.json", {"secret": secret, "port": port})
        pid = _spawn(folder, python, port, secret, dies_with_parent=dies_with_parent)
        if _wait_until_ready(port, pid):
            born = processes.started_at(pid)
            write_private(folder / "settings.json", {"secret": secret, "port": port, "pid": pid, "started_at": born})
            return RunningAws(f"http://{HOST}:{port}", secret, pid, is_started_here=True)
        is_hanging = processes.is_alive(pid)
        processes.end_process(pid, [(signal.SIGKILL, 5)])
        processes.reap(pid)
        if is_hanging or processes.is_port_free(port):
            break  # it wasn't the port that somebody else took first
    raise AwsFailed(f"MiniStack did not start in {folder}:\n{log.read_text()[-4000:]}")


def _spawn(folder: Path, python: Path, port: int, secret: str, *, dies_with_parent: bool) -> int:
    scratch = folder / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    # Nothing of the caller's environment: its AWS variables are not meant for a server.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.fspath(folder),
        "TMPDIR": os.fspath(scratch),
        "BIND_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "SERVICES": "s3,sqs",
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": secret,
        "PERSIST_STATE": "1",
        "STATE_DIR": os.fspath(folder / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": os.fspath(folder / "objects"),
        "LOG_LEVEL": "WARNING",
    }
    prefix = processes.die_with_parent("TERM") if dies_with_parent else []
    command = [*prefix, os.fspath(python), "-m", "ministack"]
    return processes.spawn_server(command, cwd=folder, environment=environment, log=folder / "log")


def _wait_until_ready(port: int, pid: int) -> bool:
    """Whether the process answers on its port within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while processes.is_alive(pid) and time.monotonic() < deadline:
        if processes.answers_http(port, "/_ministack/health"):
            return True
        time.sleep(processes.POLL_SECONDS)
    return False
