"""django-tenants' PostgreSQL backend, with the tenant bound to the transaction instead of the session.

``search_path``, ``app.tenant_id`` and, while a person acts, ``app.actor`` are set by ONE statement with
``set_config(..., is_local => true)``: they end with the transaction, which is what survives a pooler in transaction
mode. Outside a transaction a tenant cannot be bound, so that a tenant query there raises instead of running unbound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.backends.postgresql.operations import DatabaseOperations
from django_tenants.postgresql_backend import base as schemas
from psycopg.pq import TransactionStatus

from academy.tenancy.errors import TenantQueryOutsideTransaction
from academy.tenancy.postgres.schema import TenantSchemaEditor

if TYPE_CHECKING:
    from academy.tenancy.actors import Actor
    from academy.tenancy.models import Tenant

PUBLIC_SCHEMA: Final = "public"

_BIND = "SELECT set_config('search_path', %s, %s), set_config('app.tenant_id', %s, %s), set_config('app.actor', %s, %s)"

# What this transaction is bound to: (search_path, tenant id, actor). The role's own default is the public schema.
_Binding = tuple[str, str, str]
_UNBOUND: Final[_Binding] = (PUBLIC_SCHEMA, "", "")


class TenantOperations(DatabaseOperations):
    compiler_module = "academy.tenancy.postgres.compiler"


class DatabaseWrapper(schemas.DatabaseWrapper):  # type: ignore[misc]  # django-tenants ships no types
    """A connection that knows the acting tenant, ``None`` while nobody acts, and the person acting, if one does."""

    SchemaEditorClass = TenantSchemaEditor
    ops_class = TenantOperations

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._bound: _Binding | None = _UNBOUND
        # Migrations run statements outside transactions, as the schemas' owner and without a pooler.
        self.is_session_scoped = False
        self.actor: Actor | None = None
        super().__init__(*args, **kwargs)

    @property
    def acting_tenant(self) -> Tenant | None:
        tenant: Tenant | None = self.tenant
        return tenant if getattr(tenant, "pk", None) is not None else None

    def act_for(self, tenant: Tenant | None) -> None:
        """Bind ``tenant`` from the next statement on; ``None`` goes back to the public schema."""
        if tenant is None:
            self.set_schema_to_public()
        else:
            self.set_tenant(tenant)

    def set_tenant(self, tenant: Any, include_public: bool = True) -> None:
        # Not django-tenants' own: that one empties the content-type cache at every request.
        self.tenant = tenant
        self.schema_name = tenant.schema_name
        self.include_public_schema = include_public
        self.set_settings_schema(self.schema_name)

    def _wanted(self) -> _Binding:
        path = ",".join(schemas.quote_schema_name(name) for name in self._get_cursor_search_paths())
        tenant = self.acting_tenant
        path = path.replace('"public"', PUBLIC_SCHEMA)
        if tenant is None:
            return path, "", ""
        is_theirs = self.actor is not None and self.actor.tenant_id == tenant.pk
        return path, str(tenant.pk), self.actor.setting if self.actor is not None and is_theirs else ""

    def _handle_search_path(self, cursor: Any = None) -> None:  # noqa: ARG002  the signature is django-tenants'
        wanted = self._wanted()
        if wanted == self._bound:
            return
        is_local = self.in_atomic_block and not self.is_session_scoped
        if not is_local and not self.is_session_scoped:
            if wanted == _UNBOUND:
                return
            raise TenantQueryOutsideTransaction("a tenant query needs transaction.atomic() round it")
        if self.connection.info.transaction_status == TransactionStatus.INERROR:
            return  # only ROLLBACK is accepted now; anything else fails by itself
        with self.wrap_database_errors, self.connection.cursor() as raw:
            raw.execute(_BIND, [part for setting in wanted for part in (setting, is_local)])
            raw.fetchall()
        self._bound = wanted

    def _forget_binding(self) -> None:
        if not self.is_session_scoped:
            self._bound = _UNBOUND

    def _commit(self) -> Any:
        self._forget_binding()
        return super()._commit()

    def _rollback(self) -> Any:
        self._forget_binding()
        return super()._rollback()

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)
        self._bound = None  # the settings made since the savepoint are gone: say them again

    def _close(self) -> Any:
        self._bound = _UNBOUND
        return super()._close()
