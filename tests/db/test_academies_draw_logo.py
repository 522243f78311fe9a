"""The job: what was sent goes to the sandbox, what it drew is kept and put to use, unless a newer one was sent."""

from __future__ import annotations

from typing import Any

import pytest

from academy.jobs.compute import ComputeRefused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.tenancy.models import Tenant
from apps.academies.models import Logo
from apps.academies.services import send_logo
from apps.accounts.roles import Role
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_upload

pytestmark = pytest.mark.usefixtures("aws")
SENT = b"what was sent"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


def send(hana: Cast) -> Logo:
    by = hana.users[Role.MANAGER]
    with hana.acting():
        upload = make_upload(created_by=by, file_name="logo.png", content_type="image/png")
        s3.write_object(upload.key, SENT, content_type="image/png")
        return send_logo(upload_id=upload.pk, by=by)


def drawn(*_: object) -> dict[str, Any]:
    return {"logo_png": b"drawn logo", "icon_png": b"drawn icon"}


def in_use(cast: Cast) -> str:
    return Tenant.objects.get(pk=cast.tenant.pk).logo_place


def test_the_drawings_are_put_to_use_and_not_what_was_sent(world: World, hana: Cast) -> None:
    logo = send(hana)
    sandbox = FakeSandbox(drawn)
    deliver(hana.tenant, logo.job_id, sandbox)
    assert sandbox.calls == [("workers.compute:draw_logo", (SENT,))]
    assert in_use(hana) == f"t/{hana.tenant.pk}/logos/{logo.pk}/1"
    assert in_use(world.duri) == ""
    with hana.acting():
        assert s3.read_object(f"{in_use(hana)}/logo.png", max_bytes=100) == b"drawn logo"
        assert s3.read_object(f"{in_use(hana)}/icon.png", max_bytes=100) == b"drawn icon"


def test_a_picture_that_is_refused_leaves_the_logo_before(hana: Cast) -> None:
    first = send(hana)
    deliver(hana.tenant, first.job_id, FakeSandbox(drawn))
    before, second = in_use(hana), send(hana)

    def refuse(*_: object) -> None:
        raise ComputeRefused("workers.media.errors.BrokenMedia", "blank_logo", "Nothing can be seen.")

    deliver(hana.tenant, second.job_id, FakeSandbox(refuse))
    with hana.acting():
        job = Job.objects.get(pk=job_id_of(second))
    assert (job.state, job.error_code) == (JobState.FAILED, "blank_logo")
    assert in_use(hana) == before


def test_a_late_job_does_not_bring_an_older_logo_back(hana: Cast) -> None:
    older, newer = send(hana), send(hana)
    deliver(hana.tenant, newer.job_id, FakeSandbox(drawn))
    deliver(hana.tenant, older.job_id, FakeSandbox(drawn))
    assert in_use(hana).split("/")[-2] == str(newer.pk)
