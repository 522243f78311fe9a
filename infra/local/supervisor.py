"""The whole stack as one thing: services, preparations, the application's processes; up in order, down in order."""

import fcntl
import os
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from infra.local import processes
from infra.local.aws import RunningAws, start_aws
from infra.local.children import (
    Child,
    Command,
    Output,
    application_commands,
    end_group,
    preparation_commands,
    run_to_end,
)
from infra.local.environment import (
    DEFAULT_PUBLIC_PORT,
    Services,
    application_environment,
    inherited_environment,
    remembered_secret_key,
)
from infra.local.postgres import RunningPostgres, start_postgres
from infra.local.state import read_private, write_private

WATCH_SECONDS = 0.1
WEB_START_SECONDS = 60.0
SELF = "stack"


class AlreadyRunning(RuntimeError):
    """A supervisor works on this state folder already."""


class PreparationFailed(RuntimeError):
    """A command that must succeed before the application starts did not."""


class StopRequested(RuntimeError):
    """Somebody asked to stop while the stack was starting."""


@dataclass(frozen=True)
class Supervised:
    """What a supervisor wrote down about itself: its process, the application's port, its children's processes."""

    pid: int
    port: int
    children: dict[str, int]


class Stack:
    """One stack on one state folder. Use it from the main thread: its processes end when that thread does."""

    def __init__(
        self,
        state_dir: Path,
        *,
        output: Output | None = None,
        port: int | None = None,
        commands: Sequence[Command] | None = None,
        preparations: Sequence[tuple[str, Sequence[str]]] | None = None,
    ) -> None:
        """`port` is refused when taken; without one it is 8000, or the one of last time, or a free one."""
        self.state_dir = state_dir.resolve()
        self._output = output or Output(sys.stdout)
        self._wanted_port = port
        self._preparations = preparation_commands() if preparations is None else preparations
        commands = application_commands() if commands is None else commands
        self._children = [Child(command, self._output) for command in commands]
        self._lock: IO[str] | None = None
        self._port_claim: socket.socket | None = None
        self._inner_ports: tuple[int, int] | None = None  # of the web server and the service of streams
        self._postgres: RunningPostgres | None = None
        self._aws: RunningAws | None = None
        self._stop_requests = 0
        self.port = 0
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def request_stop(self) -> None:
        """Ask `watch` or `start` to return soon; asked twice, processes are killed rather than waited for."""
        self._stop_requests += 1

    def start(self) -> None:
        """Bring everything up. On an error, and on a request to stop, what was started is taken down again.

        Raises AlreadyRunning, PreparationFailed, StopRequested, PostgresFailed, AwsFailed, NoFreePort.
        """
        self._take_lock()
        try:
            self._end_leftovers()
            self._claim_port()
            self._write_down()
            self._start_services()
            self._prepare()
            for child in self._children:
                child.start(self.environment)
            self._write_down()
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        """Keep everything running until asked to stop."""
        while not self._stop_requests:
            self.revive()
            time.sleep(WATCH_SECONDS)

    def wait_for_web(self, *, seconds: float = WEB_START_SECONDS) -> bool:
        """Whether the web server answers a request within the time; restarts what crashes meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._stop_requests:
            self.revive()
            if processes.answers_http(self.port, "/health"):
                return True
            time.sleep(WATCH_SECONDS)
        return False

    def stop(self) -> None:
        """Take everything down: the application, then S3 and SQS, then PostgreSQL."""
        if self._lock is None:
            return
        self._stop_children()
        for service in (self._aws, self._postgres):
            if service is not None:
                service.stop()
        self._aws = self._postgres = None
        if self._port_claim is not None:
            self._port_claim.close()
        (self.state_dir / "supervisor.json").unlink(missing_ok=True)
        self._lock.close()
        self._lock = None

    def pid_of(self, name: str) -> int | None:
        """The process that runs the command of this name now, if one does."""
        return next((child.pid for child in self._children if child.command.name == name), None)

    def say(self, line: str) -> None:
        """A line of the stack's own in the output."""
        self._output.write(SELF, line)

    def _take_lock(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        lock = (self.state_dir / "supervisor.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            running = supervised(self.state_dir)
            detail = f" (pid {running.pid}, port {running.port})" if running is not None else ""
            raise AlreadyRunning(f"a stack runs already on {self.state_dir}{detail}") from None
        self._lock = lock

    def _claim_port(self) -> None:
        file = self.state_dir / "web-port.json"
        match read_private(file):
            case {"port": int(remembered)}:
                candidates = [DEFAULT_PUBLIC_PORT, processes.free_port(remembered)]
            case _:
                candidates = [DEFAULT_PUBLIC_PORT, processes.free_port()]
        for port in candidates if self._wanted_port is None else [self._wanted_port]:
            self._port_claim = processes.reserve_port(port)
            if self._port_claim is not None:
                self.port = port
                if port != DEFAULT_PUBLIC_PORT and self._wanted_port is None:
                    write_private(file, {"port": port})
                return
        raise processes.NoFreePort(f"port {port} is taken")

    def _start_services(self) -> None:
        """Start what doesn't run of PostgreSQL, S3 and SQS, and write the environment that leads to them."""
        begun = time.monotonic()
        if self._postgres is None or not self._postgres.is_running():
            self._postgres = start_postgres(self.state_dir, dies_with_parent=True)
        self._raise_if_stopping()
        if self._aws is None or not self._aws.is_running():
            self._aws = start_aws(self.state_dir, dies_with_parent=True)
        application = application_environment(
            Services(self._postgres, self._aws),
            secret_key=remembered_secret_key(self.state_dir),
            public_port=self.port,
        )
        self.environment = {**inherited_environment(), **application, **self._binds()}
        self.say(f"PostgreSQL at 127.0.0.1:{self._postgres.port}, S3 and SQS at {self._aws.endpoint_url}")
        self.say(f"services started in {time.monotonic() - begun:.1f} s, state in {self.state_dir}")

    def _binds(self) -> dict[str, str]:
        """Where each process listens; they keep their ports while the stack runs."""
        if self._inner_ports is None:
            self._inner_ports = processes.free_port(), processes.free_port()
        web, streams = self._inner_ports
        ports = {"FRONT_BIND": self.port, "WEB_BIND": web, "STREAMS_BIND": streams}
        return {name: f"127.0.0.1:{port}" for name, port in ports.items()}

    def _prepare(self) -> None:
        """Run the preparations; the migrations connect as the owner of the schemas."""
        environment = {**self.environment, "DATABASE_URL": self.environment["MIGRATION_DATABASE_URL"]}
        for name, arguments in self._preparations:
            self._raise_if_stopping()
            status = run_to_end(name, arguments, environment, self._output, is_stopping=lambda: self._stop_requests > 0)
            self._raise_if_stopping()
            if status != 0:
                raise PreparationFailed(f"{name} ended with status {status}")

    def _raise_if_stopping(self) -> None:
        if self._stop_requests:
            raise StopRequested("asked to stop while starting")

    def revive(self) -> None:
        """Start again what has died: services first, since the application needs them."""
        assert self._postgres is not None  # `start` has returned
        assert self._aws is not None
        named = (("PostgreSQL", self._postgres), ("S3 and SQS", self._aws))
        dead = [name for name, service in named if not service.is_running()]
        if dead:
            self.say(f"{' and '.join(dead)} died: starting again")
            for _, service in named:
                processes.reap(service.pid)
            before = self.environment
            self._start_services()
            self._prepare()  # killed, MiniStack forgets its queues
            if self.environment != before:  # somebody took a port meanwhile
                self._stop_children()
        changed = [child for child in self._children if child.keep_running(self.environment)]
        if changed:
            self._write_down()

    def _stop_children(self) -> None:
        """Ask all at once, since none needs another to end well; then wait for each."""
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop(is_hurried=lambda: self._stop_requests > 1)

    def _write_down(self) -> None:
        children = {child.command.name: _identity(child.pid) for child in self._children if child.pid is not None}
        content = {"supervisor": _identity(os.getpid()), "port": self.port, "children": children}
        write_private(self.state_dir / "supervisor.json", content)

    def _end_leftovers(self) -> None:
        """End what a killed supervisor's processes left running, a worker in the middle of a job for one."""
        for name, pid in _recorded(self.state_dir)[2].items():
            self.say(f"ending {name} (pid {pid}) of a stack that was killed")
            end_group(pid, grace_seconds=5)


def supervised(state_dir: Path) -> Supervised | None:
    """The supervisor that runs on this folder, if one does."""
    pid, port, children = _recorded(state_dir)
    return None if pid is None else Supervised(pid, port, children)


def _identity(pid: int) -> list[object]:
    return [pid, processes.started_at(pid)]


def _recorded(state_dir: Path) -> tuple[int | None, int, dict[str, int]]:
    """The supervisor, its port and its children as written down, without the processes that are gone."""
    match read_private(state_dir / "supervisor.json"):
        case {"supervisor": [int(pid), str(born)], "port": int(port), "children": dict(children)}:
            living = {
                name: child
                for name, (child, child_born) in children.items()
                if processes.is_alive(child) and processes.started_at(child) == child_born
            }
            is_living = processes.is_alive(pid) and processes.started_at(pid) == born
            return (pid if is_living else None), port, living
    return None, 0, {}
