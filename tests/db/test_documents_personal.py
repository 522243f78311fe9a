"""Documents and people's rights: who handed one in is forgotten, the papers stay, and the certificate says so."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest

from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.accounts.models import User
from apps.accounts.roles import ROLE_PERMISSIONS, Permission, Role
from apps.documents.models import Document, Kind, Page
from apps.documents.queries import search_pages
from apps.privacy.models import Erasure, Export, SubjectKind
from apps.privacy.services import ask_for_erasure
from tests.db.kernel import FakeSandbox, deliver, keep_connection
from tests.factories import Cast, World, make_document, make_export, make_page, record_page

pytestmark = pytest.mark.usefixtures("aws")
TEXT = "남궁다른이의 풀이"


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    with world.hana.acting():
        Job.objects.exclude(pk=world.hana.job.pk).update(state=JobState.SUCCEEDED)
    return world.hana


def scanned_by(person: User) -> Page:
    document = make_document("시험지", kind=Kind.STUDENT_WORK, created_by=person)
    return record_page(make_page(document), TEXT)


def test_erasing_who_scanned_a_paper_leaves_the_paper_and_says_so(hana: Cast) -> None:
    with hana.acting():
        page = scanned_by(hana.teacher)
        erasure = ask_for_erasure(
            by=hana.owner, kind=SubjectKind.USER, subject_id=hana.teacher.pk, reason="퇴사", grace_days=0
        )
    assert erasure.job_id is not None
    deliver(hana.tenant, erasure.job_id, FakeSandbox())
    with hana.acting():
        assert Document.objects.get(pk=page.document_id).created_by_id is None
        assert Page.objects.get(pk=page.pk).text == TEXT
        assert [hit.page_id for hit in search_pages("남궁다른이")] == [page.pk]  # as the certificate advises
        assert Erasure.objects.get(pk=erasure.pk).remains["rows"]["documents.document emptied"] >= 1


def test_who_scanned_a_paper_is_told_which_and_not_what_others_wrote_on_it(hana: Cast) -> None:
    with hana.acting():
        page = scanned_by(hana.teacher)
        export = make_export(hana.teacher)
    assert export.job_id is not None
    deliver(hana.tenant, export.job_id, FakeSandbox())
    with hana.acting():
        data = s3.read_object(Export.objects.get(pk=export.pk).archive_key, max_bytes=10_000_000)
    archive = ZipFile(io.BytesIO(data))
    shown = {row["id"]: row for row in json.loads(archive.read("data/documents.page.json"))}
    assert set(shown[page.pk]) == {"id", "document_id", "position", "read_at"}
    assert TEXT.encode() not in b"".join(archive.read(name) for name in archive.namelist())


def test_only_staff_hand_documents_in() -> None:
    """What ``apps.documents.personal`` rests on: a family's own papers would have to go with them."""
    may = {role for role, permissions in ROLE_PERMISSIONS.items() if Permission.SUBMIT_DOCUMENTS in permissions}
    assert may == {Role.OWNER, Role.MANAGER, Role.TEACHER, Role.ASSISTANT}
