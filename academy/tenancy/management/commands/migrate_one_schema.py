from django.core.management.commands.migrate import Command as MigrateCommand


class Command(MigrateCommand):
    """Django's own ``migrate``, on the schema the connection points at. Called by ``migrate_academies``."""

    help = "Migrates the schema that the connection points at; use migrate_academies instead."
