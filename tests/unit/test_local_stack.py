"""The embedded stack's parts that need no server."""

import io
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import processes
from infra.local.__main__ import delete_state
from infra.local.aws import RunningAws
from infra.local.children import Output, describe_status, run_to_end
from infra.local.environment import (
    Services,
    application_environment,
    inherited_environment,
    remembered_secret_key,
)
from infra.local.postgres import ROLES, RunningPostgres
from infra.local.state import ROOT, read_private, state_folder, write_private


def services() -> Services:
    passwords: dict[str, str] = {role: f"secret-of-{role}" for role in ROLES}
    postgres = RunningPostgres("127.0.0.1", 21_000, 1, Path("/nowhere"), passwords, is_started_here=False)
    return Services(postgres, RunningAws("http://127.0.0.1:22000", "s3-secret", 1, is_started_here=False))


def test_state_lies_in_the_repository_unless_a_variable_names_another_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ACADEMY_LOCAL_STATE", raising=False)
    assert state_folder() == ROOT / ".local"
    monkeypatch.setenv("ACADEMY_LOCAL_STATE", str(tmp_path / "with space"))
    assert state_folder() == tmp_path / "with space"


def test_a_private_file_is_read_back_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "settings.json"
    assert read_private(file) is None
    write_private(file, {"port": 1})
    write_private(file, {"port": 2})
    assert read_private(file) == {"port": 2}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_role_has_its_own_url() -> None:
    environment = application_environment(services(), secret_key="k" * 50, public_port=8000)
    assert environment["DATABASE_URL"].startswith("postgresql://academy_app:secret-of-academy_app@127.0.0.1:21000/")
    assert "//academy_owner:" in environment["MIGRATION_DATABASE_URL"]
    assert "//academy_dispatcher:" in environment["DISPATCHER_DATABASE_URL"]


def test_example_file_explains_every_variable_of_the_stack() -> None:
    example = set(re.findall(r"^#? ?([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    environment = application_environment(services(), secret_key="k" * 50, public_port=8000)
    assert environment.keys() <= example


def test_children_inherit_nothing_that_leads_to_real_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("PGHOST", "production")
    monkeypatch.setenv("KEPT", "yes")
    inherited = inherited_environment()
    assert inherited["KEPT"] == "yes"
    assert not [name for name in inherited if name.startswith(("AWS_", "PG"))]


def test_secret_key_is_long_and_remembered(tmp_path: Path) -> None:
    secret_key = remembered_secret_key(tmp_path)
    assert len(secret_key) >= 50
    assert remembered_secret_key(tmp_path) == secret_key


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen(["true"])
    assert processes.wait_until_gone([child.pid], seconds=5)  # it has ended, and nobody has reaped it yet
    assert Path(f"/proc/{child.pid}").exists()
    assert child.wait() == 0


def test_a_process_is_found_by_the_folder_it_works_in(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=tmp_path) as child:
        assert processes.working_in(tmp_path) == [child.pid]
        processes.end_process(child.pid, [(signal.SIGTERM, 5)])
    assert processes.working_in(tmp_path) == []


def test_a_free_port_lies_below_the_ephemeral_range_and_the_preferred_one_wins() -> None:
    port = processes.free_port()
    assert port in processes.PORT_RANGE
    assert processes.free_port(preferred=port) == port


def test_a_taken_port_is_not_chosen_and_cannot_be_reserved() -> None:
    with socket.create_server(("127.0.0.1", processes.free_port())) as server:
        taken = server.getsockname()[1]
        assert not processes.is_port_free(taken)
        assert processes.free_port(preferred=taken) != taken
        assert processes.reserve_port(taken) is None


def test_a_reserved_port_is_refused_to_the_next_until_released() -> None:
    port = processes.free_port()
    claim = processes.reserve_port(port)
    assert claim is not None
    assert processes.reserve_port(port) is None
    claim.close()
    again = processes.reserve_port(port)
    assert again is not None
    again.close()


@pytest.mark.parametrize(("status", "words"), [(3, "status 3"), (-9, "SIGKILL"), (-300, "signal 300")])
def test_an_exit_status_is_told_in_words(status: int, words: str) -> None:
    assert describe_status(status) == words


def test_every_line_of_a_command_carries_its_name() -> None:
    stream = io.StringIO()
    program = "import sys; print('one'); print('두 번째', file=sys.stderr); sys.exit(3)"
    status = run_to_end(
        "migrate", (sys.executable, "-c", program), dict(os.environ), Output(stream), is_stopping=lambda: False
    )
    assert status == 3
    assert sorted(stream.getvalue().splitlines()) == ["migrate    | one", "migrate    | 두 번째"]


def test_a_command_is_ended_when_the_stack_stops() -> None:
    status = run_to_end("migrate", ("sleep", "60"), dict(os.environ), Output(io.StringIO()), is_stopping=lambda: True)
    assert status == -signal.SIGTERM


def test_reset_deletes_only_what_the_stack_made(tmp_path: Path) -> None:
    write_private(tmp_path / "postgres" / "settings.json", {"passwords": {}, "port": None})
    write_private(tmp_path / "web-port.json", {"port": 1})
    (tmp_path / "thesis.txt").write_text("not ours")
    assert delete_state(tmp_path, is_confirmed=True) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_reset_without_a_yes_keeps_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_private(tmp_path / "web-port.json", {"port": 1})
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert delete_state(tmp_path, is_confirmed=False) == 1
    assert (tmp_path / "web-port.json").exists()
