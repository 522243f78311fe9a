"""A migration runs while the release before it serves: what that code could not bear is refused.

What a table had when its first migration made it is nobody's loss: rules are about tables of earlier migrations. An
operation that is right nevertheless is listed in ``WAIVERS`` with its reason, and every waiver must still be needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.models.fields import NOT_PROVIDED

OURS: Final = ("academy.", "apps.")
# Tables of which one academy alone has thousands of rows: building an index locks writes for as long as it takes.
BIG: Final = frozenset({"jobs.job", "exams.scan", "trail.trailentry", "trail.change", "storage.upload"})

_BEFORE_THE_FIRST_RELEASE: Final = "Nothing ran before it: it came before the first release."
WAIVERS: Final[dict[tuple[str, str, str], str]] = {
    ("jobs", "0003_times_by_the_database", "drops job.requested_by"): _BEFORE_THE_FIRST_RELEASE,
    ("jobs", "0004_changes", "indexes job while nobody may write to it"): _BEFORE_THE_FIRST_RELEASE,
    ("jobs", "0005_cancel_rerun_usage_answers", "indexes job while nobody may write to it"): _BEFORE_THE_FIRST_RELEASE,
    ("jobs", "0007_unfinished_by_id", "indexes job while nobody may write to it"): _BEFORE_THE_FIRST_RELEASE,
    ("exams", "0004_corrections_and_publications", "indexes scan while nobody may write to it"): (
        _BEFORE_THE_FIRST_RELEASE
    ),
}
"""(app label, migration, what is found) -> why it is safe."""


def dangers(operation: Operation, label: str, made_here: set[str]) -> Iterator[str]:
    """What the release before could not bear of this operation, in words."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        for inner in operation.database_operations:
            yield from dangers(inner, label, made_here)
        return
    model = str(getattr(operation, "model_name", getattr(operation, "name", ""))).lower()
    if model in made_here:
        return
    if isinstance(operation, migrations.RemoveField):
        yield f"drops {model}.{operation.name}"
    elif isinstance(operation, migrations.RenameField):
        yield f"renames {model}.{operation.old_name}"
    elif isinstance(operation, migrations.DeleteModel):
        yield f"drops {model}"
    elif isinstance(operation, migrations.RenameModel):
        yield f"renames {operation.old_name.lower()}"
    elif isinstance(operation, migrations.AlterModelTable):
        yield f"renames the table of {model}"
    elif isinstance(operation, migrations.AddField):
        if not operation.field.null and not _fills_itself(operation.field):
            yield f"adds {model}.{operation.name} NOT NULL without a default of the database"
    elif isinstance(operation, migrations.AlterField):
        if not operation.preserve_default and not operation.field.null:
            yield f"makes {model}.{operation.name} NOT NULL in one step"
    elif isinstance(operation, migrations.AddIndex) and f"{label}.{model}" in BIG:
        if isinstance(operation, AddIndexConcurrently):
            return
        yield f"indexes {model} while nobody may write to it"


def _fills_itself(field: models.Field[Any, Any]) -> bool:
    """Whether a row that the release before inserts, without this column, is taken."""
    return field.db_default is not NOT_PROVIDED or field.many_to_many or getattr(field, "generated", False)


def found() -> dict[tuple[str, str, str], str]:
    loader = MigrationLoader(None)
    result = {}
    for (label, name), migration in loader.disk_migrations.items():
        if not type(migration).__module__.startswith(OURS):
            continue
        made_here = {
            operation.name.lower()
            for operation in migration.operations
            if isinstance(operation, migrations.CreateModel)
        }
        for operation in migration.operations:
            for danger in dangers(operation, label, made_here):
                result[(label, name, danger)] = type(migration).__module__
    return result


def test_no_migration_breaks_the_release_before_it() -> None:
    unexplained = sorted(set(found()) - set(WAIVERS))
    assert not unexplained, "do it in two releases (expand, then contract), or add a waiver:\n" + "\n".join(
        " ".join(one) for one in unexplained
    )


def test_every_waiver_is_still_needed() -> None:
    assert set(WAIVERS) <= set(found())


@pytest.mark.parametrize(
    ("operation", "danger"),
    [
        (migrations.RemoveField("scan", "page"), "drops scan.page"),
        (migrations.RenameField("scan", "page", "leaf"), "renames scan.page"),
        (migrations.DeleteModel("Scan"), "drops scan"),
        (migrations.RenameModel("Scan", "Sheet"), "renames scan"),
        (migrations.AlterModelTable("scan", "sheet"), "renames the table of scan"),
        (
            migrations.AddField("scan", "page", models.IntegerField(default=1)),
            "adds scan.page NOT NULL without a default of the database",
        ),
        (
            migrations.AlterField("scan", "page", models.IntegerField(default=1), preserve_default=False),
            "makes scan.page NOT NULL in one step",
        ),
        (
            migrations.AddIndex("scan", models.Index(fields=["page"], name="scan_page")),
            "indexes scan while nobody may write to it",
        ),
        (
            migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("scan", "page")]),
            "drops scan.page",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Operation) else None,
)
def test_each_danger_is_seen(operation: Operation, danger: str) -> None:
    assert list(dangers(operation, "exams", set())) == [danger]


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddField("scan", "page", models.IntegerField(null=True)),
        migrations.AddField("scan", "page", models.IntegerField(db_default=1)),
        AddIndexConcurrently("scan", models.Index(fields=["page"], name="scan_page")),
        migrations.AddIndex("exam", models.Index(fields=["page"], name="exam_page")),
        migrations.AlterField("scan", "page", models.IntegerField(null=True)),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_expands_is_allowed(operation: Operation) -> None:
    assert list(dangers(operation, "exams", set())) == []


def test_a_table_of_the_same_migration_may_be_shaped() -> None:
    assert list(dangers(migrations.RemoveField("scan", "page"), "exams", {"scan"})) == []
