"""`python -m tests.faults.worker ...`: `python -m workers ...` with the tests' kinds, functions and times.

`FAULT_TIMES` holds JSON: constants of the product by their dotted name, and the values that they have here.
`FAULT_LONG_POLL_SECONDS` is how long an empty queue is listened to, `FAULT_CLOCK_SECONDS` how wrong this process's
clock is.
"""

from __future__ import annotations

import importlib
import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial

import time_machine

from workers.admission import LONG_POLL_SECONDS
from workers.consumer import ConsumerTimes


def main() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.faults.settings"
    django.setup()
    import workers.__main__ as product

    product.COMPUTE_MODULE = "tests.faults.computing"
    for name, value in json.loads(os.environ.get("FAULT_TIMES", "{}")).items():
        module_name, constant = name.rsplit(".", 1)
        module = importlib.import_module(module_name)
        assert hasattr(module, constant), name
        setattr(module, constant, value)
    long_poll_seconds = int(os.environ.get("FAULT_LONG_POLL_SECONDS", LONG_POLL_SECONDS))
    vars(product)["ConsumerTimes"] = partial(ConsumerTimes, long_poll=long_poll_seconds)
    off_seconds = float(os.environ.get("FAULT_CLOCK_SECONDS", "0"))
    if off_seconds:
        shifted = datetime.now(tz=UTC) + timedelta(seconds=off_seconds)
        time_machine.travel(shifted, tick=True).start()
    product.main()


if __name__ == "__main__":
    main()
