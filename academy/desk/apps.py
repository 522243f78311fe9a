from django.apps import AppConfig
from django.db import models


class DeskConfig(AppConfig):
    name = "academy.desk"
    label = "desk"

    def ready(self) -> None:
        from django.contrib.admin.models import LogEntry

        from academy.desk import finding  # noqa: F401  its page is one of the site's

        # Django's log of the admin has no tenant and so no table here; deleting a person must not look for its rows.
        for name in ("user", "content_type"):
            key = LogEntry._meta.get_field(name)
            assert isinstance(key, models.ForeignKey)
            key.remote_field.on_delete = models.DO_NOTHING
