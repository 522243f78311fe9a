"""Backup and restore for real: python -m infra.drill

Two academies on an embedded server of their own; a dump; the server and all its data destroyed; a new server with the
roles of infra/postgres/roles.sql; the dump restored; then every table is counted and the walls are audited.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg import sql

from infra.local.aws import RunningAws, start_aws
from infra.local.environment import Services, application_environment, inherited_environment
from infra.local.postgres import DATABASE, RunningPostgres, binaries, start_postgres
from infra.local.state import ROOT

SECRET_KEY = "restore-drill-" + "0123456789abcdef" * 4


class DrillFailed(RuntimeError):
    """What came back is not what was there, or a step did not end well."""


def contents(server: RunningPostgres) -> dict[str, tuple[int, str]]:
    """Of each table of the product: how many rows it has, and a digest over them."""
    found = {}
    with psycopg.connect(server.url("postgres")) as connection:
        tables = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for schema, table in tables:
            digest, count = hashlib.sha256(), 0
            query = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, table))
            for (row,) in connection.execute(query):
                digest.update(row.encode())
                count += 1
            found[f"{schema}.{table}"] = (count, digest.hexdigest())
    return found


def manage(server: RunningPostgres, aws: RunningAws, *arguments: str, as_owner: bool = False) -> None:
    """Run a command of manage.py against this server. Raises ``DrillFailed``."""
    environment = application_environment(Services(server, aws), secret_key=SECRET_KEY, public_port=8000)
    environment["OWNER_PASSWORD"] = SECRET_KEY  # what create_academy would ask a person for
    if as_owner:
        environment["DATABASE_URL"] = environment["MIGRATION_DATABASE_URL"]
    _run([sys.executable, "manage.py", *arguments], {**inherited_environment(), **environment})


def dump(server: RunningPostgres, file: Path) -> None:
    """Everything in the database, as the administrator: row-level security would hide rows from any other role."""
    _run(
        [_program("pg_dump"), "--format=custom", f"--file={file}", f"--dbname={server.url('postgres')}"],
        inherited_environment(),
    )


def restore(server: RunningPostgres, file: Path) -> None:
    """Into a database that has the roles and nothing else."""
    server.drop_database(DATABASE)
    server.create_database(DATABASE)
    command = [_program("pg_restore"), "--exit-on-error", "--clean", "--if-exists"]
    _run([*command, f"--dbname={server.url('postgres')}", str(file)], inherited_environment())


def drill(folder: Path) -> dict[str, tuple[int, str]]:
    """The whole way in this folder; what was restored, by table. Raises ``DrillFailed``."""
    aws = start_aws(folder / "aws", dies_with_parent=True)
    try:
        return _drill(folder, aws)
    finally:
        aws.stop()


def _drill(folder: Path, aws: RunningAws) -> dict[str, tuple[int, str]]:
    backup = folder / "backup.dump"
    _say("an academy's data")
    with start_postgres(folder / "before", fast=True, dies_with_parent=True) as server:
        manage(server, aws, "migrate_academies", "--verbosity", "0", as_owner=True)
        manage(server, aws, "create_queues")
        for number, slug in enumerate(("hana", "duri"), start=1):
            owner = ["--owner-name", f"원장{number}", "--owner-phone", f"010-1234-567{number}"]
            manage(server, aws, "create_academy", slug, "--name", f"{slug} 학원", *owner)
        before = contents(server)
        _say(f"dump {sum(count for count, _ in before.values())} rows of {len(before)} tables")
        dump(server, backup)
    _say("destroy")
    shutil.rmtree(folder / "before")
    with start_postgres(folder / "after", fast=True, dies_with_parent=True) as server:
        _say("restore")
        restore(server, backup)
        after = contents(server)
        differing = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        if differing:
            raise DrillFailed(f"not as they were: {', '.join(differing)}")
        _say("audit the walls")
        manage(server, aws, "audit_isolation", "--out", str(folder / "audit.json"))
        manage(server, aws, "migrate_academies", "--verbosity", "0", as_owner=True)  # nothing is left to migrate
    return after


def main() -> int:
    argparse.ArgumentParser(prog="python -m infra.drill", description=__doc__).parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="restore-drill-") as folder:
        try:
            found = drill(Path(folder))
        except DrillFailed as error:
            print(f"FAILED: {error}", file=sys.stderr)
            return 1
    rows = sum(count for count, _ in found.values())
    print(
        f"restored: {rows} rows of {len(found)} tables as they were, walls standing, {time.monotonic() - begun:.0f} s"
    )
    return 0


def _say(step: str) -> None:
    print(step, flush=True)


def _program(name: str) -> str:
    return os.fspath(binaries() / name)


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise DrillFailed(
            f"{Path(command[0]).name} {command[1]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        )


if __name__ == "__main__":
    sys.exit(main())
