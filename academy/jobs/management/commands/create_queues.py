from typing import Any

from django.core.management.base import BaseCommand

from academy.jobs.queues import create_queues
from academy.storage.s3 import create_bucket


class Command(BaseCommand):
    help = "Creates the job queues, their dead-letter queues and the media bucket where missing. Safe to repeat."
    requires_system_checks: Any = []

    def handle(self, **_: Any) -> None:
        for name in [*create_queues(), create_bucket()]:
            self.stdout.write(name)
