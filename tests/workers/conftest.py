"""Fixtures of the fault tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.factories import make_academy
from tests.faults.world import FaultWorld, fault_world


@pytest.fixture(scope="module")
def faulty_services(aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultWorld]:
    """Proxies and queues that the tests of a module share, and processes where they share some."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line per request otherwise
    with pytest.MonkeyPatch.context() as patch, fault_world(tmp_path_factory.mktemp("faults")) as world:
        patch.setenv("MOTO_SQS_ENFORCE_STRICT_QUEUE_PURGE_BEHAVIOUR", "false")
        yield world


@pytest.fixture
def faults(faulty_services: FaultWorld, committed: None) -> Iterator[FaultWorld]:
    """The world with a fresh academy; afterwards nothing is broken and no message is left."""
    faulty_services.tenant = make_academy()
    yield faulty_services
    faulty_services.sqs.clear()
    faulty_services.database.clear()
    faulty_services.purge()


@pytest.fixture
def alone(faults: FaultWorld) -> Iterator[FaultWorld]:
    """The same for a test that starts its own processes; they end with it."""
    yield faults
    faults.end_processes()
