from __future__ import annotations

import json
import os
from pathlib import Path
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from academy.audits.canaries import check_canaries
from academy.audits.files import check_files
from academy.audits.models import AuditRun
from academy.audits.report import PURPOSE, as_bytes, make_report, write_metrics
from academy.audits.signing import is_genuine
from academy.storage.s3 import write_platform_object
from academy.tenancy.audit import DATABASE_CHECKS, Check

PHONE_VARIABLE = "CANARY_PHONE"
PASSWORD_VARIABLE = "CANARY_PASSWORD"  # noqa: S105  the name of a variable, not a password


class Command(BaseCommand):
    help = (
        "Looks for anything that is one academy's and within another's reach: catalogue, keys, strays, policies, files,"
        f" and canaries over HTTP (${PHONE_VARIABLE}, ${PASSWORD_VARIABLE}). Keeps a signed report. Fails when"
        " something is off. Run daily, as the application's role."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--base-url", help="where the web server answers, e.g. https://{host}; probes the canaries")
        parser.add_argument("--canaries", nargs=2, default=["canary-1", "canary-2"], metavar="SLUG")
        parser.add_argument("--out", type=Path, help="write the report to this file, not to S3")
        parser.add_argument("--metrics", type=Path, help="write a metric file for Prometheus' node exporter")
        parser.add_argument("--verify", type=Path, metavar="REPORT", help="only check a report's signature")

    def handle(self, **options: Any) -> None:
        if options["verify"]:
            self._verify(options["verify"])
            return
        begun, started_at = monotonic(), timezone.now()
        checks = [check() for check in DATABASE_CHECKS]
        checks += [self._files(), self._canaries(options)]
        finished_at = timezone.now()
        report = make_report(checks, started_at=started_at, finished_at=finished_at)
        if options["metrics"]:
            write_metrics(options["metrics"], checks, finished_at=finished_at, seconds=monotonic() - begun)
        self._print(checks)
        self._keep(report, options["out"], f"audits/{finished_at:%Y%m%dT%H%M%S%fZ}.json")
        found = sum(check.problem_count for check in checks)
        AuditRun.objects.create(seconds=monotonic() - begun, problem_count=found)
        if found:
            raise CommandError(f"{found} problems", returncode=1)

    def _files(self) -> Check:
        try:
            return check_files()
        except (BotoCoreError, ClientError) as error:
            check = Check("files")
            check.add(f"S3 cannot be read: {error}")
            return check

    def _canaries(self, options: dict[str, Any]) -> Check:
        if not options["base_url"]:
            return Check("canaries", skipped="no --base-url given: nothing was asked over HTTP")
        first, second = options["canaries"]
        phone, password = os.environ.get(PHONE_VARIABLE, ""), os.environ.get(PASSWORD_VARIABLE, "")
        if not (phone and password):
            raise CommandError(f"the canaries' owner needs ${PHONE_VARIABLE} and ${PASSWORD_VARIABLE}")
        return check_canaries(base_url=options["base_url"], slugs=(first, second), phone=phone, password=password)

    def _print(self, checks: list[Check]) -> None:
        for check in checks:
            if check.skipped:
                self.stdout.write(f"{check.name:<11} skipped: {check.skipped}")
                continue
            self.stdout.write(f"{check.name:<11} {check.examined:>8,} examined, {check.problem_count} problems")
            for problem in check.problems:
                self.stdout.write(f"  PROBLEM {problem}")
            for note in check.notes:
                self.stdout.write(f"  note    {note}")

    def _keep(self, report: dict[str, Any], out: Path | None, name: str) -> None:
        if out is not None:
            out.write_bytes(as_bytes(report))
            self.stdout.write(f"report: {out}")
            return
        try:
            key = write_platform_object(name, as_bytes(report), content_type="application/json")
        except (BotoCoreError, ClientError) as error:
            raise CommandError(f"the report could not be kept: {error}", returncode=2) from error
        self.stdout.write(f"report: {key}")

    def _verify(self, file: Path) -> None:
        try:
            report = json.loads(file.read_bytes())
        except (OSError, ValueError) as error:
            raise CommandError(f"{file} is no report: {error}") from error
        if not is_genuine(report, purpose=PURPOSE):
            raise CommandError(f"{file}: the signature does not fit")
        self.stdout.write(f"{file}: genuine, {'clean' if report['is_clean'] else 'with problems'}")
