"""`python -m tests.faults.submit TENANT_ID`: enqueues one job in a transaction, as a request does, and ends."""

from __future__ import annotations

import os
import sys


def main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
    django.setup()
    from django.db import transaction

    from academy.jobs.backend import ring_dispatcher
    from academy.jobs.models import Job
    from academy.tenancy.context import acting_for
    from academy.tenancy.models import Tenant

    with acting_for(Tenant.objects.get(pk=int(sys.argv[1]))), transaction.atomic():
        Job(kind="faults.work", queue="lite", arguments={"args": [0], "kwargs": {}}).save(force_insert=True)
        ring_dispatcher()


if __name__ == "__main__":
    main()
