"""What the demo shows at the end: tables in the terminal, and pictures to look at in a page."""

from __future__ import annotations

import html
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

RIGHT, WRONG, UNSURE = "right", "wrong", "unsure"


@dataclass(slots=True)
class SheetReport:
    """One sheet, read against the truth. ``number``: right, wrong, or unsure (asked, not guessed)."""

    academy: str
    condition: str
    student: str
    answers: Counter[str]
    number: str
    overlay: bytes
    points: str
    mistakes: list[str] = field(default_factory=list)


def tables(reports: Sequence[SheetReport], console: Console) -> None:
    """How each condition was read, per academy."""
    table = Table(title="What was read, against what was meant", title_justify="left")
    for name in ("academy", "capture"):
        table.add_column(name, no_wrap=True)
    for name in ("sheets", "answers", "right", "wrong", "unsure", "no. right", "wrong", "unsure"):
        table.add_column(name, justify="right", no_wrap=True)
    groups: dict[tuple[str, str], list[SheetReport]] = defaultdict(list)
    for report in reports:
        groups[report.academy, report.condition].append(report)
    for (academy, condition), members in groups.items():
        _add_row(table, academy, condition, members)
    table.add_section()
    _add_row(table, "both", "all", list(reports))
    console.print(table)


def _add_row(table: Table, academy: str, condition: str, members: list[SheetReport]) -> None:
    answers: Counter[str] = sum((member.answers for member in members), Counter())
    numbers = Counter(member.number for member in members)
    table.add_row(
        academy,
        condition,
        str(len(members)),
        str(answers.total()),
        str(answers[RIGHT]),
        f"[red]{answers[WRONG]}[/]" if answers[WRONG] else "0",
        str(answers[UNSURE]),
        str(numbers[RIGHT]),
        f"[red]{numbers[WRONG]}[/]" if numbers[WRONG] else "0",
        str(numbers[UNSURE]),
    )


def write_page(reports: Sequence[SheetReport], folder: Path) -> Path:
    """The overlays as files and one page that shows them all; returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    cards = []
    for index, report in enumerate(reports):
        name = f"{index:03d}.jpg"
        (folder / name).write_bytes(report.overlay)
        mistakes = "".join(f"<li>{html.escape(mistake)}</li>" for mistake in report.mistakes)
        counts = f"{report.answers[RIGHT]} right, {report.answers[WRONG]} wrong, {report.answers[UNSURE]} unsure"
        cards.append(
            f"<figure><a href='{name}'><img loading='lazy' src='{name}' alt=''></a><figcaption>"
            f"<b>{html.escape(report.academy)}</b> · {html.escape(report.student)} · {html.escape(report.points)}<br>"
            f"{html.escape(report.condition)}: {counts}<ul>{mistakes}</ul></figcaption></figure>"
        )
    page = folder / "index.html"
    page.write_text(
        "<!doctype html><html lang='ko'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<title>What was read</title><style>"
        "body{font:15px/1.5 system-ui,'NanumGothic',sans-serif;margin:1.5rem;background:#f4f5f7;color:#1b2433}"
        "main{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(20rem,100%),1fr))}"
        "figure{margin:0;background:#fff;border-radius:10px;padding:.75rem;box-shadow:0 1px 4px #0002}"
        "img{width:100%;border-radius:6px}ul{margin:.25rem 0 0;padding-left:1.1rem;color:#b3261e}"
        "</style><h1>What was read</h1><main>" + "".join(cards) + "</main></html>",
        encoding="utf-8",
    )
    return page
