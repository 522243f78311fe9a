"""Opening a PDF: page by page into scans, in chunks, each page once however often it is tried."""

from __future__ import annotations

from typing import Any

import pytest

from academy.jobs.compute import ChildCrashed, ComputeRefused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.exams.models import Batch, Scan
from apps.exams.queries import failures_of_batch, progress_of_batch
from apps.exams.tasks import PAGES_PER_COMPUTE
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_batch, make_job, make_upload

pytestmark = pytest.mark.usefixtures("aws")


class PdfSandbox(FakeSandbox):
    """A PDF of ``page_count`` pages; drawing a page in ``broken`` raises ``error``."""

    def __init__(self, page_count: int, broken: int | None = None, error: Exception | None = None) -> None:
        super().__init__(self.answer_for)
        self.page_count, self.broken, self.error = page_count, broken, error
        self.chunks: list[list[int]] = []

    def answer_for(self, function: str, data: bytes, indices: list[int] | None = None) -> Any:
        assert data == b"%PDF"
        if function == "workers.compute:count_pages":
            return self.page_count
        assert function == "workers.compute:draw_pages"
        assert indices is not None
        self.chunks.append(indices)
        if self.broken in indices and self.error is not None:
            raise self.error
        return [f"page {index}".encode() for index in indices]


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


@pytest.fixture
def batch(hana: Cast) -> Batch:
    with hana.acting():
        upload = make_upload(created_by=hana.teacher, content_type="application/pdf", is_used=True)
        s3.write_object(upload.key, b"%PDF", content_type="application/pdf")
        batch = make_batch(hana.exam, upload=upload, created_by=hana.teacher, page_count=None)
        batch.job = make_job(batch.pk, kind="exams.open_batch")
        batch.save(update_fields=["job"])
    return batch


def open_once(batch: Batch, sandbox: FakeSandbox) -> None:
    deliver(batch.tenant, batch.job_id, sandbox)


def make_due(cast: Cast, batch: Batch) -> None:
    with cast.acting():
        Job.objects.filter(pk=job_id_of(batch)).update(available_at="2020-01-01T00:00:00Z")


def pages(cast: Cast, batch: Batch) -> list[Scan]:
    with cast.acting():
        return list(Scan.objects.select_related("job").filter(batch=batch).order_by("page_index"))


def test_each_page_becomes_a_scan_with_its_own_job(hana: Cast, batch: Batch) -> None:
    open_once(batch, PdfSandbox(3))
    found = pages(hana, batch)
    assert [scan.page_index for scan in found] == [0, 1, 2]
    for scan in found:
        assert scan.job is not None
        assert (scan.job.kind, scan.job.state, scan.exam_id) == ("exams.read_scan", JobState.QUEUED, hana.exam.pk)
        assert scan.job.arguments["args"] == [scan.pk]
        assert scan.source_key == f"t/{hana.tenant.pk}/pages/{batch.pk}/{scan.page_index}.jpg"
        with hana.acting():
            assert s3.read_object(scan.source_key, max_bytes=100) == f"page {scan.page_index}".encode()
    with hana.acting():
        batch.refresh_from_db()
        job = Job.objects.get(pk=job_id_of(batch))
    assert (batch.page_count, job.state, job.result) == (3, JobState.SUCCEEDED, {"page_count": 3})


def test_a_long_file_is_drawn_in_chunks(hana: Cast, batch: Batch) -> None:
    sandbox = PdfSandbox(2 * PAGES_PER_COMPUTE + 5)
    open_once(batch, sandbox)
    assert [len(chunk) for chunk in sandbox.chunks] == [PAGES_PER_COMPUTE, PAGES_PER_COMPUTE, 5]
    assert [index for chunk in sandbox.chunks for index in chunk] == list(range(2 * PAGES_PER_COMPUTE + 5))
    assert len(pages(hana, batch)) == 2 * PAGES_PER_COMPUTE + 5


def test_an_opened_file_delivered_again_duplicates_nothing(hana: Cast, batch: Batch) -> None:
    open_once(batch, PdfSandbox(3))
    before = [(scan.pk, scan.job_id) for scan in pages(hana, batch)]
    again = PdfSandbox(3)
    open_once(batch, again)
    assert (again.calls, [(scan.pk, scan.job_id) for scan in pages(hana, batch)]) == ([], before)


def test_what_an_earlier_attempt_did_is_kept(hana: Cast, batch: Batch) -> None:
    count = 2 * PAGES_PER_COMPUTE
    open_once(batch, PdfSandbox(count, broken=PAGES_PER_COMPUTE, error=ChildCrashed("signal 11")))
    before = [scan.pk for scan in pages(hana, batch)]
    assert len(before) == PAGES_PER_COMPUTE
    make_due(hana, batch)
    second = PdfSandbox(count)
    open_once(batch, second)
    found = pages(hana, batch)
    assert second.chunks == [list(range(PAGES_PER_COMPUTE, count))]
    assert [scan.page_index for scan in found] == list(range(count))
    assert [scan.pk for scan in found][:PAGES_PER_COMPUTE] == before
    with hana.acting():
        assert Job.objects.filter(kind="exams.read_scan", arguments__args__0__in=before).count() == len(before)


def test_an_attempt_that_was_overtaken_adds_no_page(hana: Cast, batch: Batch) -> None:
    class Overtaken(PdfSandbox):
        def answer_for(self, function: str, data: bytes, indices: list[int] | None = None) -> Any:
            if indices is not None:
                with hana.acting():
                    Job.objects.filter(pk=job_id_of(batch)).update(attempt=2)
            return super().answer_for(function, data, indices)

    open_once(batch, Overtaken(3))
    assert pages(hana, batch) == []
    with hana.acting():
        batch.refresh_from_db()
    assert batch.page_count is None


def test_a_file_that_cannot_be_opened_says_why(hana: Cast, batch: Batch) -> None:
    def refuse(*_: object) -> None:
        raise ComputeRefused("BrokenMedia", "password", "The PDF has a password. Save it without one.")

    open_once(batch, FakeSandbox(refuse))
    with hana.acting():
        found = Batch.objects.select_related("job", "upload").get(pk=batch.pk)
        (failure,) = failures_of_batch(found)
        progress = progress_of_batch(found)
    assert (failure.page_index, failure.code) == (None, "password")
    assert progress.is_finished


def test_a_page_that_kills_its_child_twice_ends_the_file_and_keeps_the_pages_before(hana: Cast, batch: Batch) -> None:
    count = PAGES_PER_COMPUTE + 1
    for _ in range(2):
        open_once(batch, PdfSandbox(count, broken=PAGES_PER_COMPUTE, error=ChildCrashed("signal 11")))
        make_due(hana, batch)
    assert len(pages(hana, batch)) == PAGES_PER_COMPUTE
    with hana.acting():
        found = Batch.objects.select_related("job", "upload").get(pk=batch.pk)
        failures = failures_of_batch(found)
        progress = progress_of_batch(found)
    assert [(failure.page_index, failure.code) for failure in failures] == [(None, "too_demanding")]
    assert (progress.page_count, progress.failed) == (count, 1)


def test_a_batch_that_was_deleted_meanwhile_fails_quietly(hana: Cast, batch: Batch) -> None:
    job_id = job_id_of(batch)
    with hana.acting():
        Batch.objects.filter(pk=batch.pk).delete()
    open_once(batch, FakeSandbox())
    with hana.acting():
        assert Job.objects.get(pk=job_id).error_code == "batch_deleted"


# ---------------------------------------------------------------- ZIP files


def zip_batch(cast: Cast, data: bytes = b"PK") -> Batch:
    with cast.acting():
        upload = make_upload(created_by=cast.teacher, content_type="application/zip", is_used=True)
        s3.write_object(upload.key, data, content_type="application/zip")
        batch = make_batch(cast.exam, upload=upload, created_by=cast.teacher, page_count=None)
        batch.job = make_job(batch.pk, kind="exams.open_batch")
        batch.save(update_fields=["job"])
    return batch


class ZipSandbox(FakeSandbox):
    """A ZIP of pictures of so many bytes each."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(self.answer_for)
        self.sizes, self.chunks = sizes, list[list[int]]()

    def answer_for(self, function: str, data: bytes, indices: list[int] | None = None) -> Any:
        if function == "workers.compute:list_entries":
            return [{"name": f"반/{index}.jpg", "byte_count": size} for index, size in enumerate(self.sizes)]
        assert function == "workers.compute:unpack_entries"
        assert indices is not None
        self.chunks.append(indices)
        return [f"page {index}".encode() for index in indices]


def test_a_zip_of_hundreds_of_pictures_becomes_a_page_each_a_few_megabytes_at_once(hana: Cast) -> None:
    batch = zip_batch(hana)
    sandbox = ZipSandbox(*[1024 * 1024] * 100, 50 * 1024 * 1024, 1)
    open_once(batch, sandbox)
    assert [len(chunk) for chunk in sandbox.chunks] == [48, 48, 4, 1, 1]
    found = pages(hana, batch)
    assert [scan.entry_name for scan in found][:2] == ["반/0.jpg", "반/1.jpg"]
    assert len(found) == 102


def test_a_zip_is_taken_apart_in_the_real_sandbox_functions_and_a_failed_page_says_its_name(hana: Cast) -> None:
    import io
    import zipfile

    from workers import compute

    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("2.jpg", b"\xff\xd8\xff two")
        made.writestr("10.jpg", b"\xff\xd8\xff ten")
    batch = zip_batch(hana, file.getvalue())
    open_once(batch, FakeSandbox(lambda name, *args: getattr(compute, name.partition(":")[2])(*args)))
    first, second = pages(hana, batch)
    with hana.acting():
        assert s3.read_object(second.source_key, max_bytes=100) == b"\xff\xd8\xff ten"
        Job.objects.filter(pk=job_id_of(first)).update(state=JobState.FAILED, error_code="damaged")
        (failure,) = failures_of_batch(Batch.objects.select_related("job").get(pk=batch.pk))
    assert (failure.entry_name, failure.code) == ("2.jpg", "damaged")
