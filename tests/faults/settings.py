"""The settings of the product, and the tests' own kinds of job."""

from __future__ import annotations

import os

from academy.settings import *  # noqa: F403  all of them
from academy.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults"]
# Below what the product allows, so that a lease runs out while a test waits.
JOB_VISIBILITY_SECONDS = int(os.environ["FAULT_VISIBILITY_SECONDS"])
