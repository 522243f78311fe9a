"""Every tenant model: nothing without an acting academy, nothing of another one, and no way round below the ORM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import partial
from typing import Any, Final

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Count, prefetch_related_objects
from django.test.utils import isolate_apps

from academy.tenancy.base import TenantModel
from academy.tenancy.checks import _problems_of
from academy.tenancy.errors import ForeignTenant, NoActingTenant
from academy.tenancy.fields import TenantForeignKey, TenantKey
from academy.tenancy.managers import TenantManager
from academy.tenancy.models import Tenant
from academy.tenancy.statements import StatementGuard
from apps.exams.models import ImmutableRow
from apps.students.models import Student
from tests.architecture.rows import Key, error_of, every_tenant_model, row_of, tenant_foreign_keys
from tests.factories import World

MODELS = every_tenant_model()
by_model = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


def a_copy(row: TenantModel) -> TenantModel:
    """The same values, as a row that is not in the database yet."""
    fresh = copy(row)
    fresh._state = copy(row._state)
    fresh._state.adding = True
    fresh.pk = None if isinstance(row._meta.pk, models.AutoField) else "x" * 32
    return fresh


READS: Final[Mapping[str, Callable[[Any, Any], object]]] = {
    "all": lambda rows, _: list(rows.all()),
    "iterator": lambda rows, _: list(rows.iterator()),
    "exists": lambda rows, _: rows.exists(),
    "count": lambda rows, _: rows.count(),
    "filter": lambda rows, pk: list(rows.filter(pk=pk)),
    "exclude": lambda rows, _: list(rows.exclude(pk__isnull=True)),
    "get": lambda rows, pk: rows.get(pk=pk),
    "first": lambda rows, _: rows.first(),
    "in_bulk": lambda rows, pk: rows.in_bulk([pk]),
    "values": lambda rows, _: list(rows.values("pk")),
    "values_list": lambda rows, _: list(rows.values_list("pk", flat=True)),
    "aggregate": lambda rows, _: rows.aggregate(n=Count("pk")),
    "datetimes": lambda rows, _: list(rows.datetimes("created_at", "day")),
    "union": lambda rows, _: list(rows.all().union(rows.all(), all=True)),
    "contains": lambda rows, pk: rows.contains(rows.model(pk=pk)),
    "select_for_update": lambda rows, _: list(rows.select_for_update()),
    "earliest": lambda rows, _: rows.earliest("created_at"),
}

# Of a manager, a row and the values of its columns.
WRITES: Final[Mapping[str, Callable[[Any, TenantModel, dict[str, Any]], object]]] = {
    "create": lambda rows, row, values: rows.create(**values),
    "bulk_create": lambda rows, row, values: rows.bulk_create([a_copy(row)]),
    "bulk_update": lambda rows, row, values: rows.bulk_update([row], ["created_at"]),
    "get_or_create": lambda rows, row, values: rows.get_or_create(pk=row.pk, defaults=values),
    "update_or_create": lambda rows, row, values: rows.update_or_create(pk=row.pk, defaults=values),
    "update": lambda rows, row, values: rows.update(created_at=row.created_at),
    "delete": lambda rows, row, values: rows.filter(pk=row.pk).delete(),
}
ROW_WRITES: Final[Mapping[str, Callable[[TenantModel, dict[str, Any]], object]]] = {
    "save a new row": lambda row, values: a_copy(row).save(),
    "save": lambda row, values: row.save(),
    "save update_fields": lambda row, values: row.save(update_fields=["created_at"]),
    "save by pk": lambda row, values: type(row)(**{**values, "pk": row.pk}).save(),
    "save_base raw": lambda row, values: a_copy(row).save_base(raw=True),
    "delete the row": lambda row, values: row.delete(),
    "raw delete": lambda row, values: bare_queryset(type(row)).filter(pk=row.pk)._raw_delete("default"),
    "refresh_from_db": lambda row, values: row.refresh_from_db(),
}


# What the application may not do to an append-only table even to its own rows: the database has not granted it.
NOT_GRANTED: Final = "permission denied"


def changes_nothing(model: type[TenantModel], call: Callable[[], int]) -> bool:
    """Whether ``call``, an UPDATE or a DELETE of another academy's row, finds none; an append-only table refuses it."""
    found: list[int] = []
    error = error_of(lambda: found.append(call()))
    if error is None:
        return found == [0]
    return model.is_append_only and isinstance(error, DatabaseError) and NOT_GRANTED in str(error)


def bare_queryset(model: type[TenantModel]) -> models.QuerySet[Any]:
    """Rows by way of no manager at all."""
    return models.QuerySet[Any](model)


def reads(model: type[TenantModel], pk: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every way to read that the ORM has, by each manager and by none."""
    ways = {"default": model._default_manager, "base": model._base_manager, "none": bare_queryset(model)}
    for way, rows in ways.items():
        for name, call in READS.items():
            yield f"{way}: {name}", partial(call, rows, pk)


def writes(model: type[TenantModel], row: TenantModel) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every way to write that the ORM has."""
    values = {field.attname: getattr(row, field.attname) for field in model._meta.concrete_fields}
    assert model._meta.pk is not None
    values.pop(model._meta.pk.attname)
    for way, rows in {"default": model._default_manager, "base": model._base_manager}.items():
        for name, call in WRITES.items():
            yield f"{way}: {name}", partial(call, rows, row, values)
    for name, write in ROW_WRITES.items():
        yield name, partial(write, row, values)


def traversals(model: type[TenantModel], row: TenantModel) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every step from a row over its keys, forward and back."""
    for field in model._meta.get_fields():
        if isinstance(field, models.ForeignKey) and not isinstance(field, TenantKey):
            if getattr(row, field.attname) is not None:
                yield f"forward {field.name}", partial(_step, row, field.name)
                yield f"prefetch {field.name}", partial(_prefetch, row, field.name)
        elif isinstance(field, models.ManyToOneRel) and not field.hidden and _is_behind_the_walls(field.related_model):
            name = field.get_accessor_name()
            assert name is not None
            yield f"reverse {name}", partial(_step_back, row, name)
            yield f"prefetch {name}", partial(_prefetch, row, name)


def _is_behind_the_walls(model: object) -> bool:
    """Django's log of its admin refers to people, but has no table here."""
    return isinstance(model, type) and issubclass(model, TenantModel)


def _step(row: TenantModel, name: str) -> object:
    return getattr(_bare(row), name)


def _step_back(row: TenantModel, name: str) -> object:
    return list(getattr(row, name).all())


def _prefetch(row: TenantModel, name: str) -> None:
    prefetch_related_objects([_bare(row)], name)


def _bare(row: TenantModel) -> TenantModel:
    """``row`` with nothing of its relations loaded."""
    fresh = copy(row)
    fresh._state = copy(row._state)
    fresh._state.fields_cache = {}
    return fresh


@by_model
def test_every_manager_is_a_tenant_manager(model: type[TenantModel]) -> None:
    assert isinstance(model._default_manager, TenantManager)
    assert isinstance(model._base_manager, TenantManager)
    assert all(isinstance(manager, TenantManager) for manager in model._meta.managers)
    assert list(_problems_of(model)) == []


@by_model
def test_the_managers_filter_by_the_acting_academy_themselves(model: type[TenantModel], full_world: World) -> None:
    """What the compiler adds is the net below; the managers are to say it first."""
    with full_world.hana.acting():
        for manager in (model._default_manager, model._base_manager):
            assert f"{model._meta.label}.tenant" in str(manager.get_queryset().query.where)
    with pytest.raises(NoActingTenant):
        model._base_manager.get_queryset()


@by_model
def test_nothing_works_without_an_acting_academy(model: type[TenantModel], full_world: World) -> None:
    row = row_of(full_world.hana, model)
    tried = 0
    for name, call in [*reads(model, row.pk), *writes(model, row), *traversals(model, row)]:
        # A sheet layout's own rule comes first: it is never saved twice.
        error = error_of(call)
        assert isinstance(error, NoActingTenant | ImmutableRow), f"{model._meta.label}: {name} gave {error!r}"
        tried += 1
    assert tried >= 70
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO pool")
        tables = f"SELECT count(*) FROM {model._meta.db_table} WHERE tenant_id = %s"
        cursor.execute(tables, [full_world.hana.tenant.pk])
        assert cursor.fetchone() == (0,), "row-level security shows nothing to nobody"


@by_model
def test_a_queryset_does_not_outlive_its_academy(model: type[TenantModel], full_world: World) -> None:
    with full_world.hana.acting():
        rows = model.objects.all()
        assert rows.count() > 0
    with pytest.raises(NoActingTenant):
        list(rows)
    with full_world.duri.acting():
        assert list(rows.all()) == []
        assert changes_nothing(model, partial(rows.update, created_at=full_world.hana.tenant.created_at))


@by_model
def test_another_academys_rows_are_not_there(model: type[TenantModel], full_world: World) -> None:
    own, foreign = row_of(full_world.hana, model), row_of(full_world.duri, model)
    with full_world.hana.acting():
        for manager in (model._default_manager, model._base_manager):
            assert own in manager.all()
            assert foreign not in manager.all()
            assert not manager.filter(pk=foreign.pk).exists()
            assert not manager.exclude(pk=own.pk).filter(pk=foreign.pk).exists()
            assert manager.in_bulk([own.pk, foreign.pk]) == {own.pk: own}
            theirs, bare = manager.filter(pk=foreign.pk), bare_queryset(model).filter(pk=foreign.pk)
            assert changes_nothing(model, partial(theirs.update, created_at=own.created_at))
            assert changes_nothing(model, lambda: theirs.delete()[0])  # noqa: B023
            assert changes_nothing(model, partial(bare._raw_delete, "default"))
            with pytest.raises(ObjectDoesNotExist):
                manager.get(pk=foreign.pk)
        with pytest.raises(ObjectDoesNotExist):
            _bare(foreign).refresh_from_db()
        raw = model.objects.raw(f"SELECT * FROM {model._meta.db_table} WHERE tenant_id = %s", [foreign.tenant_id])
        assert list(raw) == []
    assert row_of(full_world.duri, model).pk == foreign.pk


@by_model
def test_another_academys_rows_are_not_written(model: type[TenantModel], full_world: World) -> None:
    own, foreign = row_of(full_world.hana, model), row_of(full_world.duri, model)
    refused = {"save", "save update_fields", "save by pk", "delete the row"}
    refused |= {"save a new row", "save_base raw", "default: create", "base: create"}
    refused |= {"default: bulk_create", "base: bulk_create"}
    with full_world.hana.acting():
        for name, call in writes(model, foreign):
            if name in refused:
                error = error_of(call)
                assert isinstance(error, ForeignTenant | ImmutableRow), f"{model._meta.label}: {name} gave {error!r}"
        for change in ({"tenant": full_world.duri.tenant}, {"tenant_id": full_world.duri.tenant.pk}):
            with pytest.raises(ForeignTenant), transaction.atomic():
                model.objects.update(**change)
            with pytest.raises(ForeignTenant), transaction.atomic():
                bare_queryset(model).update(**change)
        with pytest.raises(ForeignTenant), transaction.atomic():
            model.objects.bulk_update([own], ["tenant"])
        assert changes_nothing(model, lambda: bare_queryset(model).bulk_update([foreign], ["created_at"]))
        moved = copy(own)
        moved.tenant_id = foreign.tenant_id
        with pytest.raises((ForeignTenant, ImmutableRow)), transaction.atomic():
            moved.save(update_fields=["tenant"])
    assert row_of(full_world.duri, model).created_at == foreign.created_at


@by_model
def test_below_the_orm_row_level_security_holds(
    model: type[TenantModel], full_world: World, statement_guard: StatementGuard
) -> None:
    """With every predicate forgotten, the policy alone keeps the academies apart."""
    foreign, table = row_of(full_world.duri, model), model._meta.db_table
    theirs = full_world.duri.tenant.pk
    columns = [field.column for field in model._meta.concrete_fields]
    taken = ", ".join(f'"{column}"' for column in columns)
    given = ", ".join(f"{theirs}" if column == "tenant_id" else f'"{column}"' for column in columns)
    with full_world.hana.acting(), statement_guard.suspended(), connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE tenant_id <> {full_world.hana.tenant.pk}")
        assert cursor.fetchone() == (0,)
        pk = model._meta.pk
        assert pk is not None
        for change in (f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}"):
            assert changes_nothing(model, partial(_affected, cursor, f"{change} WHERE {pk.column} = %s", foreign.pk))
        moving = "permission denied" if model.is_append_only else "row-level security policy"
        with pytest.raises(DatabaseError, match=moving), transaction.atomic():
            cursor.execute(f"UPDATE {table} SET tenant_id = {theirs}")
        with pytest.raises(DatabaseError, match="row-level security policy"), transaction.atomic():
            cursor.execute(f"INSERT INTO {table} ({taken}) SELECT {given} FROM {table} LIMIT 1")
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(f"TRUNCATE {table} CASCADE")


def _affected(cursor: Any, statement: str, pk: object) -> int:
    cursor.execute(statement, [pk])
    return int(cursor.rowcount)


@pytest.mark.parametrize("key", tenant_foreign_keys(), ids=str)
def test_every_join_stays_in_its_academy(key: Key, full_world: World, statement_guard: StatementGuard) -> None:
    """A forged key, written below every check, leads nowhere: not by access, not by a join, in no direction."""
    model, field, target = key.model, key.field, key.target
    own, foreign = row_of(full_world.hana, model), row_of(full_world.duri, target)
    forged = _bare(own)
    setattr(forged, field.attname, foreign.pk)
    before = statement_guard.checked
    with full_world.hana.acting():
        with pytest.raises(ObjectDoesNotExist):
            getattr(forged, field.name)
        list(model.objects.select_related(field.name))
        assert not model.objects.filter(**{f"{field.name}__created_at__isnull": False, field.attname: foreign.pk})
        list(model.objects.exclude(**{f"{field.name}__created_at__isnull": True}))
        list(model.objects.order_by(f"{field.name}__created_at").values(f"{field.name}__created_at"))
        if not field.remote_field.hidden:
            back = field.related_query_name()
            list(target.objects.filter(**{f"{back}__created_at__isnull": False}))
            list(target.objects.exclude(**{f"{back}__created_at__isnull": False}))
            list(target.objects.annotate(n=Count(back)).filter(n__gte=1))
    assert statement_guard.checked > before


# ---------------------------------------------------------------- the checks can fail


@isolate_apps("apps.students")
def test_the_system_checks_notice_a_model_outside_the_walls() -> None:
    class Loose(models.Model):  # noqa: DJ008  nobody prints it
        class Meta:
            app_label = "students"

    class PlainManager(TenantModel):
        objects = models.Manager()  # type: ignore[assignment]

        class Meta(TenantModel.Meta):
            app_label = "students"

    class SecondManager(TenantModel):
        everything = models.Manager()

        class Meta(TenantModel.Meta):
            app_label = "students"

    class LooseKey(TenantModel):
        student = models.ForeignKey(Student, on_delete=models.CASCADE, related_name="+")

        class Meta(TenantModel.Meta):
            app_label = "students"

    class UniqueEverywhere(TenantModel):
        code = models.CharField(max_length=5, unique=True)

        class Meta(TenantModel.Meta):
            app_label = "students"
            constraints = [models.UniqueConstraint(fields=["code", "tenant"], name="code_once")]

    def found(model: type[models.Model]) -> set[str | None]:
        return {problem.id for problem in _problems_of(model)}

    assert found(Loose) == {"tenancy.E001"}
    assert found(PlainManager) == {"tenancy.E002"}
    assert found(SecondManager) == {"tenancy.E002"}
    assert found(LooseKey) == {"tenancy.E003"}
    assert found(UniqueEverywhere) == {"tenancy.E004", "tenancy.E005"}


def test_the_system_checks_pass() -> None:
    call_command("check")


def test_the_tenant_is_no_tenant_model() -> None:
    assert not issubclass(Tenant, TenantModel)
    assert all(isinstance(key.field, TenantForeignKey) for key in tenant_foreign_keys())
