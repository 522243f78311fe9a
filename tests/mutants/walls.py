"""The mutants, by walking what there is: models, compilers, views, roles. A new table or URL brings its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db.models import Model

from academy.http import permissions
from academy.http.errors import Missing
from academy.http.permissions import PUBLIC, SIGNED_IN, DeclaredPermission
from academy.storage import multipart, s3
from academy.storage.models import Upload
from academy.tenancy import middleware
from academy.tenancy.base import TenantModel
from academy.tenancy.context import acting_tenant
from academy.tenancy.fields import TenantForeignKey
from academy.tenancy.managers import TenantManager, TenantQuerySet
from academy.tenancy.postgres import compiler
from academy.tenancy.postgres.base import DatabaseWrapper
from academy.tenancy.statements import StatementGuard
from apps.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from tests.architecture.permits import EVERYBODY, PERMITS
from tests.architecture.permits import SIGNED_IN as ANY_ROLE
from tests.architecture.rows import every_tenant_model, tenant_foreign_keys
from tests.architecture.test_urls import OPERATIONS
from tests.mutants.database import dropped_key, open_policy

MODELS: Final = "tests/architecture/test_models.py"
STATEMENTS: Final = "tests/architecture/test_statements.py"
URLS: Final = "tests/architecture/test_urls.py"
HOSTS: Final = "tests/architecture/test_hosts.py"
KEYS: Final = "tests/architecture/test_keys.py"
BINDING: Final = "tests/db/test_tenancy_binding.py"
STORAGE: Final = "tests/db/test_storage_keys.py"
BEHIND: Final = "tests/architecture/behind.py"
DESK: Final = "tests/architecture/test_desk.py"
MEANT: Final = f"{URLS}::test_the_declarations_and_the_table_of_roles_say_who_was_meant"
MEANT_AT_THE_DESK: Final = f"{DESK}::test_the_pages_and_the_table_of_roles_say_who_was_meant"
SELECTION: Final = (MODELS, STATEMENTS, URLS, DESK, HOSTS, KEYS, BINDING, STORAGE)
"""Every test that may catch something: without a mutant, all of them pass."""

Setup = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wall taken down: ``apply`` in the process of the tests, ``database`` round it; ``tests`` have to fail."""

    name: str
    tests: tuple[str, ...]
    apply: Callable[[], None]
    database: Setup = nullcontext


def mutants() -> dict[str, Mutant]:
    found = [
        *_managers(),
        *_compilers(),
        *_other_queries(),
        *_policies(),
        *_keys(),
        *_views(),
        *_checks(),
        *_roles(),
    ]
    by_name = {mutant.name: mutant for mutant in found}
    assert len(by_name) == len(found)
    return by_name


def _put(owner: object, name: str, value: object) -> None:
    """Replace what ``owner`` has under ``name``, whatever its type."""
    setattr(owner, name, value)


def _nothing() -> None:
    """The mutant is in the database alone."""


# ---------------------------------------------------------------- queries


def _managers() -> Iterator[Mutant]:
    for model in every_tenant_model():
        label = model._meta.label
        names = ("the_managers_filter_by_the_acting_academy_themselves", "nothing_works_without_an_acting_academy")
        tests = tuple(f"{MODELS}::test_{name}[{label}]" for name in names)
        yield Mutant(f"manager's filter: {label}", tests, partial(drop_manager_filter, model))


def drop_manager_filter(*models: type[Model]) -> None:
    """The managers of ``models``, of all when none is named, give every row."""
    filtered = TenantManager.get_queryset

    def get_queryset(self: Any) -> Any:
        if models and self.model not in models:
            return filtered(self)
        return TenantQuerySet(model=self.model, using=self._db, hints=self._hints)

    _put(TenantManager, "get_queryset", get_queryset)


def drop_compiler_predicate(kind: type) -> None:
    walled = compiler._walled

    def open_for_kind(compiling: Any, query: Any, where: Any) -> Any:
        return where if type(compiling) is kind else walled(compiling, query, where)

    _put(compiler, "_walled", open_for_kind)


def drop_insert_check() -> None:
    del compiler.SQLInsertCompiler.as_sql


def _compilers() -> Iterator[Mutant]:
    tests = (MODELS, STATEMENTS)
    for kind in (compiler.SQLCompiler, compiler.SQLUpdateCompiler, compiler.SQLDeleteCompiler):
        yield Mutant(f"compiler's predicate: {kind.__name__}", tests, partial(drop_compiler_predicate, kind))
    yield Mutant("compiler's check: INSERT for another academy", tests, drop_insert_check)

    def allow_moves() -> None:
        def pre_sql_setup(self: Any) -> Any:
            parts = super(compiler.SQLUpdateCompiler, self).pre_sql_setup()
            self.query.where = compiler._walled(self, self.query, self.query.where)
            return parts

        _put(compiler.SQLUpdateCompiler, "pre_sql_setup", pre_sql_setup)

    yield Mutant("compiler's check: UPDATE of tenant_id", tests, allow_moves)


def drop_join_restriction() -> None:
    _put(TenantForeignKey, "get_extra_restriction", lambda *_: None)


def _other_queries() -> Iterator[Mutant]:
    yield Mutant("joins' equality of tenants", (MODELS, STATEMENTS), drop_join_restriction)

    def unclaimed() -> None:
        def claim(self: Any) -> None:
            if self.tenant_id is None:
                self.tenant = acting_tenant()

        _put(TenantModel, "claim_for_acting_tenant", claim)

    def unclaimed_and_unchecked() -> None:
        unclaimed()
        drop_insert_check()

    yield Mutant("rows' check of their academy", (MODELS,), unclaimed_and_unchecked)

    def kept_after_the_transaction() -> None:
        _put(DatabaseWrapper, "_forget_binding", lambda self: None)

    yield Mutant("binding forgotten with its transaction", (BINDING,), kept_after_the_transaction)

    def outside_transactions() -> None:
        bind = DatabaseWrapper._handle_search_path

        def handle(self: Any, cursor: Any = None) -> None:
            self.is_session_scoped = True
            bind(self, cursor)

        _put(DatabaseWrapper, "_handle_search_path", handle)

    yield Mutant("binding local to the transaction", (BINDING,), outside_transactions)

    def any_key() -> None:
        _put(s3, "_own", lambda key: key)

    yield Mutant("S3 keys' prefix", (STORAGE,), any_key)

    def anybodys_film(_by: object, upload_id: int) -> Upload:
        film = Upload.objects.filter(pk=upload_id).exclude(multipart_id="").first()
        if film is None:
            raise Missing
        return film

    route = "api/v1/multipart-uploads/<int:upload_id>"
    films = (f"POST {route}/parts", f"POST {route}/complete", f"DELETE {route}")
    yield Mutant(
        "a film's sender",
        tuple(f"{URLS}::test_own_foreign_and_missing[{film}]" for film in films),
        partial(_put, multipart, "_sent_by", anybodys_film),
    )

    def serve_suspended() -> None:
        _put(middleware, "TenantStatus", _Everything)

    yield Mutant("middleware's refusal of suspended academies", (HOSTS,), serve_suspended)


class _Equal:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class _Everything:
    ACTIVE = _Equal()


# ---------------------------------------------------------------- the database, by what it does


def _policies() -> Iterator[Mutant]:
    for model in every_tenant_model():
        tests = (f"{MODELS}::test_below_the_orm_row_level_security_holds[{model._meta.label}]",)
        table = model._meta.db_table
        yield Mutant(f"policy open: {table}", tests, _nothing, partial(open_policy, table))


def _keys() -> Iterator[Mutant]:
    for key in tenant_foreign_keys():
        yield Mutant(
            f"composite key: {key}",
            (KEYS,),
            _nothing,
            partial(dropped_key, key.model._meta.db_table, key.field.column),
        )


# ---------------------------------------------------------------- views and roles


def _views() -> Iterator[Mutant]:
    for endpoint, method in OPERATIONS:
        permitted = PERMITS.get((endpoint.name, method))
        # Behind some views the service refuses as well: then only what was meant tells that the view does not.
        tests = (f"{URLS}::test_own_foreign_and_missing[{method} {endpoint.route}]", MEANT)
        for opened, closed in ((PUBLIC, permitted != EVERYBODY), (SIGNED_IN, permitted not in (EVERYBODY, ANY_ROLE))):
            if closed:
                yield Mutant(
                    f"view {opened}: {method} {endpoint.route}",
                    tests,
                    partial(_declare, endpoint.view, method, opened),
                )


def _declare(view: Any, method: str, permission: str) -> None:
    view.permissions = {**view.permissions, method: permission}


def _checks() -> Iterator[Mutant]:
    def allow_everything() -> None:
        _put(DeclaredPermission, "has_permission", lambda *_: True)

    yield Mutant("permission check: everything allowed", (URLS,), allow_everything)

    def allow_undeclared() -> None:
        declared = permissions.declared_permission
        _put(permissions, "declared_permission", lambda view, method: declared(view, method) or PUBLIC)

    yield Mutant("permission check: undeclared is public", (URLS,), allow_undeclared)


def _roles() -> Iterator[Mutant]:
    for role in Role:
        for permission in Permission:
            is_held = permission in ROLE_PERMISSIONS[role]
            verb = "without" if is_held else "with"
            yield Mutant(
                f"role {role.value} {verb} {permission.value}",
                (MEANT, MEANT_AT_THE_DESK),
                partial(_toggle, role, permission),
            )


def _toggle(role: Role, permission: Permission) -> None:
    table: Any = ROLE_PERMISSIONS
    table[role] = table[role] ^ {permission}


# ---------------------------------------------------------------- what stands behind the queries


def drop_every_query_filter() -> None:
    """Managers, compilers and joins say nothing of the tenant and no guard minds: only the database is left."""
    drop_manager_filter()
    for kind in (compiler.SQLCompiler, compiler.SQLUpdateCompiler, compiler.SQLDeleteCompiler):
        drop_compiler_predicate(kind)
    drop_insert_check()
    drop_join_restriction()
    _put(StatementGuard, "__call__", lambda _, execute, *arguments: execute(*arguments))
