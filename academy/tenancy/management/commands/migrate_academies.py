from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from academy.tenancy.provisioning import SilosNotMigrated, migrate_everything, migrate_one_silo


class Command(BaseCommand):
    help = (
        "Migrates the shared tables, then the pool, then every silo. Run as the owner of the schemas; after an error,"
        " run it again: it goes on with what is missing."
    )
    requires_system_checks: Any = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--jobs", type=int, default=1, help="silos to migrate at once, each in its own process")
        parser.add_argument("--silo", metavar="SCHEMA", help="this silo only: what --jobs starts")

    def handle(self, **options: Any) -> None:
        if options["silo"]:
            migrate_one_silo(options["silo"], verbosity=options["verbosity"])
            return
        try:
            migrate_everything(verbosity=options["verbosity"], jobs=options["jobs"])
        except SilosNotMigrated as error:
            raise CommandError(str(error)) from error
