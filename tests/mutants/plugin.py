"""Puts the mutant that ``ISOLATION_MUTANT`` names in place, once the tests are collected.

By hand: ``ISOLATION_MUTANT='joins'"'"' equality of tenants' python -m pytest -p tests.mutants.plugin TESTS``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.mutants.names import NO_FILTER, NO_FILTER_NO_POLICY, VARIABLE


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    from contextlib import nullcontext

    from tests.architecture.rows import every_tenant_model
    from tests.mutants import walls
    from tests.mutants.database import open_policy

    name = os.environ.get(VARIABLE, "")
    if name.startswith("control:"):
        name = ""
    setup: walls.Setup = nullcontext
    if name in (NO_FILTER, NO_FILTER_NO_POLICY):
        walls.drop_every_query_filter()
        if name == NO_FILTER_NO_POLICY:
            tables = [model._meta.db_table for model in every_tenant_model()]
            setup = lambda: open_policy(*tables)  # noqa: E731
    elif name:
        mutant = walls.mutants()[name]
        mutant.apply()
        setup = mutant.database
    with setup():
        return (yield)
