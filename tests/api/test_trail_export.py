"""The trail as a file: for a reason, which is itself recorded; streamed; harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from academy.http.exports import csv_lines, harmless
from academy.trail import queries
from academy.trail.api import COLUMNS
from academy.trail.models import TrailEntry
from apps.accounts.models import User
from apps.accounts.roles import Role
from tests.api.answers import error_of, post
from tests.factories import World, client_of, make_student, make_trail_entry

EXPORT = "/api/v1/trail/export"


def export(client: Client, **body: object) -> Any:
    return post(client, EXPORT, {"reason": "정보주체 열람 요구", **body})


def lines_of(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.content
    text = answer.getvalue().decode("utf-8")
    assert text.startswith("\ufeff"), "Excel needs the mark to know UTF-8"
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_the_file_holds_what_the_list_shows(world: World) -> None:
    owner = client_of(world.hana.owner)
    listed = owner.get("/api/v1/trail").json()["results"]
    answer = export(owner)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="trail-')
    assert answer["Cache-Control"] == "no-store"
    found = lines_of(answer)
    assert tuple(found[0]) == COLUMNS
    [line] = [line for line in found if line["action"] == "students.viewed"]
    [row] = [row for row in listed if row["action"] == "students.viewed"]
    assert (line["person"], line["person id"]) == (row["actor"]["name"], str(row["actor"]["id"]))
    student = world.hana.student
    assert line["whose data"] == f"student:{student.pk} {student.name}"
    assert (line["address"], line["request"]) == ("203.0.113.7", row["request_id"])


@pytest.mark.parametrize("reason", [None, "", " ", "\t\n", "x", "x" * 501, 7, ["because"], "\x00\x00"])
def test_without_a_reason_nothing_leaves_and_nothing_is_recorded(world: World, reason: object) -> None:
    owner = client_of(world.hana.owner)
    body = {} if reason is None else {"reason": reason}
    answer = post(owner, EXPORT, body)
    assert str(error_of(answer, 400)["attr"]).startswith("reason")
    with world.hana.acting():
        assert not TrailEntry.objects.filter(action="trail-export.posted").exists()


def test_the_export_is_an_entry_with_its_reason_and_is_about_everybody(world: World) -> None:
    owner = client_of(world.hana.owner)
    export(owner).getvalue()
    student = world.hana.student
    [entry] = owner.get("/api/v1/trail", {"action": "trail-export.posted", "subject": f"student:{student.pk}"}).json()[
        "results"
    ]
    assert (entry["reason"], entry["is_about_everybody"], entry["subjects"]) == ("정보주체 열람 요구", True, [])
    assert entry["actor"]["id"] == world.hana.owner.pk


def test_an_export_about_one_person_is_about_that_person(world: World) -> None:
    owner, student = client_of(world.hana.owner), world.hana.student
    with world.hana.acting():
        make_trail_entry(world.hana.teacher, make_student("333333"))
    found = lines_of(export(owner, subject=f"student:{student.pk}"))
    assert {line["whose data"].split()[0] for line in found} == {f"student:{student.pk}"}
    with world.hana.acting():
        entry = TrailEntry.objects.get(action="trail-export.posted")
    assert entry.subjects == [f"student:{student.pk}"]


def test_nothing_of_another_academy_is_in_the_file(world: World) -> None:
    found = lines_of(export(client_of(world.duri.owner)))
    with world.duri.acting():
        mine = {str(request_id) for request_id in TrailEntry.objects.values_list("request_id", flat=True)}
    assert {line["request"] for line in found} <= mine
    assert lines_of(export(client_of(world.duri.owner), actor=world.hana.teacher.pk)) == []


def test_only_who_may_see_the_trail_takes_it_away(world: World) -> None:
    for role in (Role.TEACHER, Role.ASSISTANT, Role.OPERATOR, Role.GUARDIAN):
        error_of(export(client_of(world.hana.users[role])), 403)
    assert export(client_of(world.hana.users[Role.MANAGER])).status_code == 200


def test_a_name_that_is_a_formula_stays_text(world: World) -> None:
    with world.hana.acting():
        User.objects.filter(pk=world.hana.teacher.pk).update(name="=HYPERLINK(A1)")
        make_trail_entry(world.hana.teacher, world.hana.student, reason="+82-10")
    found = lines_of(export(client_of(world.hana.owner)))
    assert "'=HYPERLINK(A1)" in {line["person"] for line in found}
    assert "=HYPERLINK(A1)" not in {line["person"] for line in found}
    assert "'+82-10" in {line["reason"] for line in found}


def test_only_a_chunk_is_in_memory_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "CHUNK", 5)
    owner = client_of(world.hana.owner)
    with world.hana.acting():
        for _ in range(23):
            make_trail_entry(world.hana.teacher, world.hana.student)
    answer = export(owner)
    with CaptureQueriesContext(connection) as sent:
        stream = iter(answer.streaming_content)
        next(stream), next(stream)
        begun = sum('FROM "trail_trailentry"' in query["sql"] for query in sent)
        rest = list(stream)
    everything = sum('FROM "trail_trailentry"' in query["sql"] for query in sent)
    assert begun == 1, "the header and the first line cost one chunk"
    assert everything == 6, "24 entries and that of the export, by fives; the last chunk is empty"
    assert len(rest) == 24


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "＋1", "－1", "＠A", '=cmd|"/c calc"!A1'],
)
def test_a_formula_is_neutralised(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    [_, line] = list(csv_lines(["a"], [[cell]]))
    assert next(csv.reader(io.StringIO(line, newline=""))) == [f"'{cell}"]


@pytest.mark.parametrize(("cell", "text"), [(None, ""), (-1, "-1"), (1.5, "1.5"), ("김하나", "김하나"), ("a=b", "a=b")])
def test_anything_else_stays_as_it_is(cell: object, text: str) -> None:
    assert harmless(cell) == text


def test_quotes_and_lines_stay_inside_their_cell() -> None:
    [_, line] = list(csv_lines(["a", "b"], [['say "no", then', "two\nlines"]]))
    assert next(csv.reader(io.StringIO(line, newline=""))) == ['say "no", then', "two\nlines"]
