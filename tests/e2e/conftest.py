"""The browser that the tests of pages share, and a student with a telephone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest

from infra.local.state import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from infra.demo.client import StaffClient

CHROMIUM: Final = shutil.which("chromium")
NEEDS_CHROMIUM: Final = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
NEEDS_APP: Final = pytest.mark.skipif(
    CHROMIUM is None or not (ROOT / "build" / "frontend" / "index.html").is_file(),
    reason="needs Debian's chromium and the built app (make frontend)",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: while Playwright runs there is an event loop, beside which Django refuses the database."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # The container has no name server; academies are hosts below localhost.
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--host-resolver-rules=MAP *.localhost 127.0.0.1"]
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


def make_student(staff: StaffClient, number: str, name: str, phone: str) -> int:
    """A student who is old enough to consent and has an account; returns the id."""
    student = staff.post("/students", {"number": number, "name": name})
    staff.put(f"/students/{student['id']}/birth-year", {"birth_year": 2008})
    staff.post(f"/students/{student['id']}/account", {"phone": phone})
    return int(student["id"])
