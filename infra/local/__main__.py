"""python -m infra.local up | serve | stop | status | env | reset | install"""

import argparse
import contextlib
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from infra.local import processes
from infra.local.aws import AwsFailed, attach_aws, install
from infra.local.environment import DEFAULT_PUBLIC_PORT, Services, application_environment, remembered_secret_key
from infra.local.postgres import PostgresFailed, attach_postgres
from infra.local.state import STATE_VARIABLE, state_folder
from infra.local.supervisor import AlreadyRunning, PreparationFailed, Stack, StopRequested, supervised

STOP_SECONDS = 120.0
# All that the stack keeps in its folder; `reset` removes nothing else, whatever the folder is.
STATE_NAMES = ("postgres", "aws", "secret-key.json", "web-port.json", "supervisor.json", "supervisor.lock")


def main() -> int:
    """Run one command; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=f"State folder: {STATE_VARIABLE}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="PostgreSQL, S3 and SQS only, in the foreground")
    serve = commands.add_parser("serve", help="everything: services, migrations, web, workers")
    serve.add_argument("--port", type=int, help=f"of the web server (default {DEFAULT_PUBLIC_PORT}, or a free one)")
    commands.add_parser("stop", help="stop the stack of this state folder, wherever it runs")
    commands.add_parser("status", help="what runs")
    commands.add_parser("env", help='the environment for a shell: eval "$(python -m infra.local env)"')
    reset = commands.add_parser("reset", help="delete all data of this state folder")
    reset.add_argument("--yes", action="store_true", help="don't ask")
    commands.add_parser("install", help="download what the services need, so that they start without a network")
    arguments = parser.parse_args()
    folder = state_folder()
    actions: dict[str, Callable[[], int]] = {
        "up": lambda: run(Stack(folder, commands=(), preparations=()), has_web=False),
        "serve": lambda: run(Stack(folder, port=arguments.port), has_web=True),
        "stop": lambda: stop(folder),
        "status": lambda: status(folder),
        "env": lambda: show_environment(folder),
        "reset": lambda: delete_state(folder, is_confirmed=arguments.yes),
        "install": lambda: 0 if install() else 1,
    }
    try:
        return actions[arguments.command]()
    except (AlreadyRunning, PreparationFailed, PostgresFailed, AwsFailed, processes.NoFreePort) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


def run(stack: Stack, *, has_web: bool) -> int:
    """Run the stack until a signal ends it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stack.request_stop())
    try:
        stack.start()
        if not has_web:
            stack.say('ready; in another shell: eval "$(python -m infra.local env)"')
        elif stack.wait_for_web():
            stack.say(f"ready at http://localhost:{stack.port} and its subdomains; Ctrl-C stops everything")
        stack.watch()
        stack.say("stopping")
    except StopRequested:
        stack.say("stopped before everything was up")
    finally:
        stack.stop()
    return 0


def stop(folder: Path) -> int:
    """Stop the supervisor, or, where there is none, services that something else left running."""
    running = supervised(folder)
    if running is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGTERM)
        if not processes.wait_until_gone([running.pid], seconds=STOP_SECONDS):
            print(f"the stack (pid {running.pid}) has not stopped after {STOP_SECONDS:g} s", file=sys.stderr)
            return 1
    services = [service for service in (attach_aws(folder), attach_postgres(folder)) if service is not None]
    for service in services:
        service.stop()
    print("stopped" if running is not None or services else f"nothing runs on {folder}")
    return 0


def status(folder: Path) -> int:
    """Print what runs; the exit status is 0 if a supervisor does, 3 otherwise."""
    running, postgres, aws = supervised(folder), attach_postgres(folder), attach_aws(folder)
    rows = [
        ("state", os.fspath(folder)),
        ("stack", f"pid {running.pid}" if running is not None else "not running"),
        ("postgres", f"127.0.0.1:{postgres.port}, pid {postgres.pid}" if postgres is not None else "not running"),
        ("s3, sqs", f"{aws.endpoint_url}, pid {aws.pid}" if aws is not None else "not running"),
    ]
    if running is not None:
        rows += [(name, f"pid {pid}") for name, pid in running.children.items()]
        if running.children:
            rows.append(("url", f"http://localhost:{running.port}"))
    for name, value in rows:
        print(f"{name:<10}  {value}")
    return 0 if running is not None else 3


def show_environment(folder: Path) -> int:
    """Print the application's environment as shell commands; needs running services."""
    postgres, aws, running = attach_postgres(folder), attach_aws(folder), supervised(folder)
    if postgres is None or aws is None:
        print(f"nothing runs on {folder}: python -m infra.local up", file=sys.stderr)
        return 1
    port = running.port if running is not None else DEFAULT_PUBLIC_PORT
    secret_key = remembered_secret_key(folder)
    for name, value in application_environment(
        Services(postgres, aws), secret_key=secret_key, public_port=port
    ).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def delete_state(folder: Path, *, is_confirmed: bool) -> int:
    """Delete what the stack keeps in its folder, and the folder if nothing else is in it."""
    if supervised(folder) or attach_postgres(folder) or attach_aws(folder):
        print(f"a stack runs on {folder}: python -m infra.local stop", file=sys.stderr)
        return 1
    if not is_confirmed and input(f"Delete all data in {folder}? [y/N] ").strip().lower() not in {"y", "yes"}:
        print("kept")
        return 1
    for path in (folder / name for name in STATE_NAMES):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    print(f"deleted {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
