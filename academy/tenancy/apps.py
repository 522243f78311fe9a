from django.apps import AppConfig


class TenancyConfig(AppConfig):
    name = "academy.tenancy"
    label = "tenancy"

    def ready(self) -> None:
        from academy.tenancy import checks  # noqa: F401  registers the system checks
