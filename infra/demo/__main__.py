"""python -m infra.demo [--once]: start the stack, run two academies through an exam, show what was read."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.demo import paper, report
from infra.demo.client import POLL_SECONDS, File, StaffClient
from infra.demo.report import RIGHT, UNSURE, WRONG, SheetReport
from infra.local.children import Output
from infra.local.state import state_folder
from infra.local.supervisor import Stack
from sheets.layout import Layout, design_layout

QUESTIONS, CHOICES, DIGITS = 40, 5, 6
AMOUNTS = {paper.FLAT: 8, paper.SCAN_300: 3, paper.PHONE: 6, paper.PHONE_HEIC: 1}
WAIT_SECONDS = 300.0
ROOT = Path(__file__).resolve().parents[2]
REPORT_FOLDER = ROOT / "build" / "demo"
PASSWORD = "hagwon-demo-2026"  # noqa: S105  of invented people on this machine

FAMILY_NAMES = "김이박최정강조윤장임한오서신권황안송류홍"
GIVEN_NAMES = (
    "서준",
    "하윤",
    "도윤",
    "지우",
    "시우",
    "서연",
    "민준",
    "채원",
    "예준",
    "지호",
    "수아",
    "지아",
    "은우",
    "다은",
)


@dataclass(frozen=True, slots=True)
class Academy:
    slug: str
    name: str
    phone: str
    course: str
    teacher: str
    exam: str
    seed: int


ACADEMIES = (
    Academy("hana", "하나수학학원", "010-1234-5678", "중2 수학 심화반", "박하나", "11월 월말평가 중2 수학", 1_000),
    Academy("duri", "두리영어학원", "010-1234-5678", "중등 어휘반", "최두리", "Unit 12 단어 시험", 2_000),
)
TEACHER_PHONE = "010-2345-6789"


class DemoFailed(RuntimeError):
    """Something did not hold."""


@dataclass(slots=True)
class Run:
    """One academy's exam in progress."""

    academy: Academy
    staff: StaffClient
    course_id: int
    exam_id: int
    sheets: list[paper.Sheet]
    files: list[tuple[File, list[paper.Sheet]]]
    batches: dict[int, list[paper.Sheet]]
    broken: dict[int, str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop when the table is printed; status 0 if all holds")
    once: bool = parser.parse_args().once
    console = Console()
    if not console.is_terminal:
        console = Console(width=100)  # a log file has room for the table
    begun = time.monotonic()
    log = state_folder() / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        stack = Stack(state_folder(), output=Output(stream))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stack.request_stop())
        console.print(f"Starting PostgreSQL, S3, SQS, API, dispatcher and worker (log: {log})")
        try:
            with stack:
                if not stack.wait_for_web():
                    raise DemoFailed(f"the API did not come up; see {log}")
                _show(stack, console)
                console.print(f"From nothing to this table: {time.monotonic() - begun:.0f} s")
                if not once:
                    _invite(stack.port, console)
                    stack.watch()
        except DemoFailed as error:
            console.print(f"[bold red]The demo failed:[/] {error}")
            return 1
    return 0


def _show(stack: Stack, console: Console) -> None:
    for academy in ACADEMIES:
        create_academy(stack.environment, academy)
    layout = design_layout(question_count=QUESTIONS, choice_count=CHOICES, number_digits=DIGITS)
    console.print("Printing, filling, scanning and photographing answer sheets")
    runs = [_prepare(stack.port, academy, layout) for academy in ACADEMIES]
    for run, other in zip(runs, reversed(runs), strict=True):
        _hand_in(run, other_sheet=other.sheets[0].picture)
    _wait(runs, console)
    reports = [item for run in runs for item in _judge(run, console)]
    report.tables(reports, console)
    _check_refusals(runs, console)
    _check_walls(runs, stack.port, console)
    page = report.write_page(reports, REPORT_FOLDER)
    console.print(f"The pictures with what was read drawn on them: {page}")
    _print_costs(runs, stack, console)
    wrong = sum(item.answers[WRONG] + (item.number == WRONG) for item in reports)
    if wrong:
        raise DemoFailed(f"{wrong} answers or numbers were read wrongly; {page} shows them")


def create_academy(environment: Mapping[str, str], academy: Academy, *, plan: str = "basic") -> None:
    """Through the operator's command; an academy that is there from an earlier run is kept."""
    command = [sys.executable, "manage.py", "create_academy", academy.slug, "--name", academy.name]
    command += ["--owner-name", "원장", "--owner-phone", academy.phone, "--plan", plan]
    done = subprocess.run(
        command, env={**environment, "OWNER_PASSWORD": PASSWORD}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and "already exists" not in done.stderr and "이미" not in done.stderr:
        raise DemoFailed(f"create_academy {academy.slug}: {done.stderr.strip()}")


def _prepare(port: int, academy: Academy, layout: Layout) -> Run:
    staff = StaffClient(port, f"{academy.slug}.localhost")
    staff.log_in(academy.phone, PASSWORD)
    course_id = _course(staff, academy)
    body: dict[str, Any] = {"title": academy.exam, "course": course_id}
    body |= {"question_count": QUESTIONS, "choice_count": CHOICES, "number_digits": DIGITS}
    exam_id = int(staff.post("/exams", body)["id"])
    pdf = staff.get_bytes(f"/exams/{exam_id}/sheet.pdf")
    sheets = paper.make_sheets(pdf, layout, AMOUNTS, seed=academy.seed)
    key = {label: [str(index % CHOICES + 1)] for index, label in enumerate(layout.question_labels)}
    staff.put(f"/exams/{exam_id}/key", {"answers": key, "points": dict.fromkeys(key, "2.5")})
    known = {student["number"] for student in _students(staff)}
    for index, sheet in enumerate(sheets):
        number = sheet.truth.student_number or ""
        if "?" not in number and number not in known:
            known.add(number)
            name = FAMILY_NAMES[index % len(FAMILY_NAMES)] + GIVEN_NAMES[index % len(GIVEN_NAMES)]
            staff.post("/students", {"number": number, "name": name})
    staff.post(f"/courses/{course_id}/students", {"students": [student["id"] for student in _students(staff)]})
    return Run(academy, staff, course_id, exam_id, sheets, _files_of(sheets), {}, {})


def _course(staff: StaffClient, academy: Academy) -> int:
    """The academy's course with its teacher; from an earlier run, or new."""
    found = [course["id"] for course in staff.get("/courses")["results"] if course["name"] == academy.course]
    if found:
        return int(found[0])
    invitation = {"phone": TEACHER_PHONE, "name": academy.teacher, "role": "teacher"}
    [teacher] = staff.post("/people", {"people": [invitation]})
    course = {"name": academy.course, "schedule": "월수금 17:00-18:30", "starts_on": "2026-03-02"}
    course_id = int(staff.post("/courses", course)["id"])
    staff.put(f"/courses/{course_id}/teachers", {"teachers": [teacher["id"]]})
    return course_id


def _students(staff: StaffClient) -> list[Any]:
    return list(staff.get("/students?page_size=200")["results"])


def _files_of(sheets: list[paper.Sheet]) -> list[tuple[File, list[paper.Sheet]]]:
    """Flat scans come as one PDF, the rest as single pictures."""
    flat = [sheet for sheet in sheets if sheet.condition == paper.FLAT]
    files = [(File("스캔 묶음.pdf", paper.PDF, paper.as_one_pdf(flat)), flat)]
    for index, sheet in enumerate(sheet for sheet in sheets if sheet.condition != paper.FLAT):
        is_heic = sheet.condition == paper.PHONE_HEIC
        name, kind = (f"IMG_{index:04d}.HEIC", "image/heic") if is_heic else (f"답안지 {index}.jpg", "image/jpeg")
        files.append((File(name, kind, sheet.picture), [sheet]))
    return files


def _hand_in(run: Run, *, other_sheet: bytes) -> None:
    for file, sheets in run.files:
        run.batches[run.staff.hand_in(run.exam_id, file)] = sheets
    for code, file in paper.broken_files(other_sheet).items():
        run.broken[run.staff.hand_in(run.exam_id, file)] = code


def _wait(runs: list[Run], console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    deadline = time.monotonic() + WAIT_SECONDS
    with Progress(*columns, console=console) as progress:
        bars = {
            run.academy.slug: progress.add_task(run.academy.name, total=len(run.sheets) + len(run.broken))
            for run in runs
        }
        waiting = {(run.academy.slug, batch): run for run in runs for batch in [*run.batches, *run.broken]}
        done: Counter[str] = Counter()
        while waiting:
            if time.monotonic() > deadline:
                raise DemoFailed(f"{len(waiting)} files were not finished within {WAIT_SECONDS:.0f} s")
            partial = done.copy()
            for (slug, batch_id), run in list(waiting.items()):
                batch = run.staff.get(f"/batches/{batch_id}")
                finished = batch["read"] + batch["failed"]
                partial[slug] += finished
                if batch["is_finished"]:
                    done[slug] += finished
                    del waiting[slug, batch_id]
            for slug, bar in bars.items():
                progress.update(bar, completed=partial[slug])
            time.sleep(POLL_SECONDS)


def _judge(run: Run, console: Console) -> list[SheetReport]:
    by_place = {(scan["batch"], scan["page_index"]): scan for scan in run.staff.scans(run.exam_id)}
    reports = []
    for batch_id, sheets in run.batches.items():
        for index, sheet in enumerate(sheets):
            scan = by_place[batch_id, index]
            if scan["state"] != "succeeded":
                raise DemoFailed(f"{run.academy.name}: {scan['file_name']} failed: {scan['error_message']}")
            reports.append(_judge_sheet(run, sheet, run.staff.get(f"/scans/{scan['id']}")))
    results = run.staff.get(f"/exams/{run.exam_id}/results")
    shown = {"shows_answers": True, "waived_reason": "한 번에 보여 주는 예시 시험"}
    run.staff.post(f"/exams/{run.exam_id}/publish", shown, expect=200)
    course = run.staff.get(f"/courses/{run.course_id}")
    enrolled = run.staff.get(f"/courses/{run.course_id}/students?page_size=200")["results"]
    teachers = ", ".join(teacher["name"] for teacher in course["teachers"])
    console.print(
        f"{run.academy.name}, {course['name']} ({teachers}): {len(enrolled)} students, {len(results)} have a result"
    )
    return reports


def _judge_sheet(run: Run, sheet: paper.Sheet, scan: Any) -> SheetReport:
    answers: Counter[str] = Counter()
    mistakes: list[str] = []
    for answer in scan["answers"]:
        meant = sheet.truth.answers[answer["label"]]
        verdict = RIGHT if tuple(answer["values"]) == meant else WRONG
        verdict = UNSURE if answer["status"] == "unsure" else verdict
        answers[verdict] += 1
        if verdict == WRONG:
            mistakes.append(f"{answer['label']}: read {answer['values']}, meant {list(meant)}")
    meant_number = sheet.truth.student_number
    number = RIGHT if scan["number_read"] == meant_number else WRONG
    if scan["match"] == "number_unreadable":
        number = UNSURE
    student = scan["student"]
    return SheetReport(
        academy=run.academy.name,
        condition=sheet.condition,
        student=f"{student['name']} {student['number']}" if student else f"{scan['match']} {scan['number_read']}",
        answers=answers,
        number=number,
        overlay=run.staff.picture(scan["overlay_url"]),
        points=f"{scan['points']} / {scan['max_points']}",
        mistakes=mistakes,
    )


def _check_refusals(runs: list[Run], console: Console) -> None:
    for run in runs:
        for batch_id, expected in run.broken.items():
            failures = run.staff.get(f"/batches/{batch_id}")["failures"]
            codes = [failure["code"] for failure in failures]
            if codes != [expected]:
                raise DemoFailed(f"{run.academy.name}: a file that is {expected} was answered {codes}")
            console.print(f"  refused: {expected}: {failures[0]['message']}")


def _check_walls(runs: list[Run], port: int, console: Console) -> None:
    """Every id of the other academy must not exist here, and a session must be worth nothing on the other host."""
    asked = 0
    for run, other in zip(runs, reversed(runs), strict=True):
        foreign_scan = other.staff.scans(other.exam_id)[0]
        paths = [
            f"/courses/{other.course_id}",
            f"/courses/{other.course_id}/students",
            f"/courses/{other.course_id}/attendance",
            f"/exams/{other.exam_id}",
            f"/exams/{other.exam_id}/scans",
            f"/exams/{other.exam_id}/results",
            f"/exams/{other.exam_id}/sheet.pdf",
            f"/batches/{next(iter(other.batches))}",
            f"/scans/{foreign_scan['id']}",
        ]
        for path in paths:
            asked += 1
            if (status := run.staff.status_of(path)) != 404:
                raise DemoFailed(f"{run.academy.name} got {status} for {path} of {other.academy.name}")
        asked += 1
        host = f"{other.staff.host}:{port}"
        if (status := run.staff.status_of(f"/exams/{other.exam_id}", host=host)) != 401:
            raise DemoFailed(f"a session of {run.academy.name} was answered {status} on the host of the other")
    console.print(f"Walls: {asked} requests for the other academy's things, none was answered")


def _print_costs(runs: list[Run], stack: Stack, console: Console) -> None:
    seconds = sorted(value for run in runs for value in run.staff.submit_seconds)
    p95 = seconds[int(0.95 * (len(seconds) - 1))]
    console.print(
        f"Submit requests: {len(seconds)}, median {statistics.median(seconds) * 1e3:.0f} ms, p95 {p95 * 1e3:.0f} ms"
        " (goal: under 50 ms)"
    )
    sizes = [f"{size:.0f} MiB" for size in _web_process_sizes(stack)]
    console.print(f"API processes: {', '.join(sizes)} resident (goal: under 200 MiB each)")


def _web_process_sizes(stack: Stack) -> list[float]:
    """Resident MiB of the web server's processes, parent first."""
    parent = stack.pid_of("web")
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    sizes = []
    for pid in [str(parent), *children]:
        line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
        sizes.append(int(line.split()[1]) / 1024)
    return sizes


def _invite(port: int, console: Console) -> None:
    console.print("\n[bold]Serving until Ctrl-C.[/]")
    for academy in ACADEMIES:
        console.print(
            f"  {academy.name}: http://{academy.slug}.localhost:{port}/api/docs"
            f"  log in with {academy.phone} / {PASSWORD}"
        )


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
