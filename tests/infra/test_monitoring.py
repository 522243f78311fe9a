"""Alerts, their pages, dashboards: what they ask for exists, and promtool agrees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
MONITORING: Final = ROOT / "infra" / "monitoring"
PAGES: Final = ROOT / "docs" / "runbook"
PROMTOOL: Final = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: make setup, or prometheus")
# Pages that no alert leads to: procedures.
PROCEDURES: Final = {"bad-deploy", "region-loss", "key-rotation", "tenant-to-silo", "first-deploy", "restore"}
# Pages of alarms that only AWS rings: infra/aws/watch.py.
OF_AWS: Final = {"database-connections", "database-busy", "database-space"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text()) for path in (MONITORING / "dashboards").glob("*.json")}


def expressions() -> list[str]:
    of_panels = [
        target["expr"] for board in dashboards().values() for panel in board["panels"] for target in panel["targets"]
    ]
    return [*(rule["expr"] for rule in rules()), *of_panels]


def counted() -> set[str]:
    """The names of all metrics that the code has, as Prometheus writes them."""
    names = set()
    declared = re.compile(r"(Counter|Histogram|GaugeMetricFamily)\(\s*\"(academy_\w+)\"")
    for folder in ("academy", "apps", "workers"):
        for path in (ROOT / folder).rglob("*.py"):
            for kind, name in declared.findall(path.read_text()):
                suffixes = {"Counter": ["_total"], "Histogram": ["_bucket", "_count", "_sum"]}.get(kind, [""])
                names |= {name + suffix for suffix in suffixes}
    return names


def test_what_is_asked_for_is_counted() -> None:
    asked = {name for text in expressions() for name in re.findall(r"\bacademy_\w+", text)}
    assert asked
    assert asked <= counted()


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    text = " ".join(expressions())
    bare = {re.sub(r"_(total|bucket|count|sum)$", "", name) for name in counted()}
    forgotten = {name for name in bare if name not in text}
    assert forgotten <= {"academy_isolation_last_seconds"}


def test_every_alert_has_its_page_and_every_page_its_alert() -> None:
    of_alerts = set()
    for rule in rules():
        page = ROOT / rule["annotations"]["runbook"]
        assert page.is_file(), page
        assert rule["labels"]["severity"] in {"page", "ticket"}
        of_alerts.add(page.stem)
    assert {page.stem for page in PAGES.glob("*.md")} == of_alerts | PROCEDURES | OF_AWS


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_a_page_says_what_it_means_what_to_look_at_and_a_command(page: Path) -> None:
    text = page.read_text()
    assert text.startswith("# ")
    assert "**What it means.** " in text
    assert "**Look at.** " in text
    [command] = re.findall(r"^```\n(.+?)\n```$", text, re.DOTALL | re.MULTILINE)
    assert command.split()[0] in {"aws", "python", "psql", "cdk"}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_commands_of_pages_exist(page: Path) -> None:
    commands = re.findall(r"manage\.py (\w+)", page.read_text())
    known = {path.stem for path in ROOT.glob("a*/*/management/commands/*.py")}
    assert set(commands) <= known


def test_dashboards_are_well_formed() -> None:
    boards = dashboards()
    assert set(boards) == {"web", "jobs"}
    for board in boards.values():
        numbers = [panel["id"] for panel in board["panels"]]
        assert len(numbers) == len(set(numbers))
        assert all(panel["title"] and panel["targets"] for panel in board["panels"])


@needs_promtool
def test_promtool_takes_the_configuration_and_the_rules() -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "check", "config", "prometheus.yaml"], cwd=MONITORING, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_right_people_are_woken() -> None:
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, "test", "rules", "alerts.test.yaml"], cwd=MONITORING, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_panel_asks_in_promql(tmp_path: Path) -> None:
    assert PROMTOOL is not None
    file = tmp_path / "panels.yaml"
    panels = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": panels}]}))
    done = subprocess.run([PROMTOOL, "check", "rules", str(file)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
