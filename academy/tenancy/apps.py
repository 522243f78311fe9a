from django.apps import AppConfig
from django.conf import settings


class TenancyConfig(AppConfig):
    name = "academy.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from academy.tenancy.checks import tenant_models  # registers the system checks, too

        if settings.STATEMENT_LOG != "off":
            from academy.tenancy.statement_log import watch_statements

            tables = frozenset(model._meta.db_table for model in tenant_models())
            watch_statements(tables, mode=settings.STATEMENT_LOG, role=settings.APP_DB_ROLE)
