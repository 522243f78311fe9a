"""The report of an audit: JSON with a signature, and a metric file for the node exporter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from academy.audits.signing import sign
from academy.tenancy.audit import Check

VERSION: Final = 1
PURPOSE: Final = "academy.audits.report"


def make_report(checks: Sequence[Check], *, started_at: datetime, finished_at: datetime) -> dict[str, Any]:
    """What was looked at and found, signed with a key derived from ``SECRET_KEY``."""
    report: dict[str, Any] = {
        "version": VERSION,
        "started_at": started_at.isoformat(),
        "finished_at": finished_at.isoformat(),
        "is_clean": not any(check.problem_count for check in checks),
        "checks": [
            {
                "name": check.name,
                "examined": check.examined,
                "problem_count": check.problem_count,
                "problems": check.problems,
                "notes": check.notes,
                "skipped": check.skipped,
            }
            for check in checks
        ],
    }
    return sign(report, purpose=PURPOSE)


def as_bytes(report: Mapping[str, Any]) -> bytes:
    return json.dumps(report, indent=2, ensure_ascii=False).encode()


def write_metrics(file: Path, checks: Sequence[Check], *, finished_at: datetime, seconds: float) -> None:
    """For the text file collector of Prometheus' node exporter; replaced in one step, so never read half written."""
    lines = [
        "# HELP academy_isolation_problems Problems that the last audit of isolation found.",
        "# TYPE academy_isolation_problems gauge",
        *(f'academy_isolation_problems{{check="{check.name}"}} {check.problem_count}' for check in checks),
        "# HELP academy_isolation_examined What the last audit looked at: schemas, keys, objects, requests.",
        "# TYPE academy_isolation_examined gauge",
        *(f'academy_isolation_examined{{check="{check.name}"}} {check.examined}' for check in checks),
        "# HELP academy_isolation_skipped Whether the last audit left this check out.",
        "# TYPE academy_isolation_skipped gauge",
        *(f'academy_isolation_skipped{{check="{check.name}"}} {int(bool(check.skipped))}' for check in checks),
        "# HELP academy_isolation_audit_seconds How long the last audit took.",
        "# TYPE academy_isolation_audit_seconds gauge",
        f"academy_isolation_audit_seconds {seconds:.3f}",
        "# HELP academy_isolation_audit_timestamp_seconds When the last audit ended.",
        "# TYPE academy_isolation_audit_timestamp_seconds gauge",
        f"academy_isolation_audit_timestamp_seconds {finished_at.timestamp():.0f}",
    ]
    partial = file.with_name(file.name + ".partial")
    partial.write_text("\n".join(lines) + "\n")
    partial.replace(file)
