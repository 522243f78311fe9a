"""The report of an audit: JSON with a signature, and a metric file for the node exporter."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.utils.crypto import salted_hmac

from academy.tenancy.audit import Check

VERSION: Final = 1
_SALT: Final = "academy.audits.report"


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
    return {**report, "signature": _signature(report)}


def is_genuine(report: Mapping[str, Any]) -> bool:
    """Whether the report is as it was signed, by somebody with this ``SECRET_KEY``."""
    content = {name: value for name, value in report.items() if name != "signature"}
    return hmac.compare_digest(_signature(content), str(report.get("signature", "")))


def _signature(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return salted_hmac(_SALT, canonical, algorithm="sha256").hexdigest()


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
