"""Opening and reading documents: page by page, each once however often it is tried, failures with their reasons."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from academy.jobs.compute import ComputeRefused
from academy.jobs.models import Job, JobState
from academy.storage import s3
from apps.documents import tasks
from apps.documents.models import Document, Kind, Page
from apps.documents.queries import search_pages
from apps.documents.tasks import PAGES_PER_COMPUTE
from apps.documents.vision_model import ModelUnavailable
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.factories import Cast, World, make_document, make_job, make_page, record_page

pytestmark = pytest.mark.usefixtures("aws")

PICTURE = b"\xff\xd8 the picture"
SENTENCE = "이차 함수의 그래프"


def page_of(text: str, *, is_weak: bool = False) -> dict[str, Any]:
    """What a worker reports of a page with one line."""
    words = [
        {"text": word, "box": [10 + 50 * place, 20, 40, 30], "confidence": 0.9, "is_weak": is_weak}
        for place, word in enumerate(text.split())
    ]
    lines = [{"block": 0, "language": "kor", "words": words}] if words else []
    return {"version": 1, "width": 600, "height": 800, "turn_degrees": 0.0, "lines": lines}


def answer_of(text: str, *, is_weak: bool = False) -> dict[str, Any]:
    return {
        "text": text,
        "confidence": 0.9 if text else None,
        "word_count": len(text.split()),
        "weak_count": len(text.split()) if is_weak else 0,
        "page": page_of(text, is_weak=is_weak),
        "picture_jpeg": PICTURE,
        "weak_lines": {"0": b"\xff\xd8 the line"} if is_weak else {},
    }


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    keep_connection(monkeypatch)
    return world.hana


def new_page(cast: Cast, *, queue: str = "basic") -> Page:
    with cast.acting():
        page = make_page(make_document(created_by=cast.teacher))
        Job.objects.filter(pk=job_id_of(page)).update(queue=queue)
        s3.write_object(page.source_key, b"the file", content_type="image/jpeg")
    return page


def read(cast: Cast, page: Page, sandbox: FakeSandbox) -> Page:
    deliver(cast.tenant, page.job_id, sandbox)
    with cast.acting():
        return Page.objects.select_related("job").get(pk=page.pk)


def sandbox_with(text: str, **more: Any) -> FakeSandbox:
    return FakeSandbox(lambda *_: answer_of(text, **more))


def test_a_page_is_read_kept_and_found(hana: Cast) -> None:
    after = read(hana, new_page(hana), sandbox_with(SENTENCE))
    assert after.job is not None
    assert (after.job.state, after.text, after.confidence) == (JobState.SUCCEEDED, SENTENCE, 0.9)
    assert (after.word_count, after.weak_count) == (3, 0)
    with hana.acting():
        assert orjson.loads(s3.read_object(after.words_key, max_bytes=10_000)) == page_of(SENTENCE)
        assert s3.read_object(after.picture_key, max_bytes=100) == PICTURE
        assert after.pk in [hit.page_id for hit in search_pages("이차함수")]


def test_an_empty_page_is_read_and_holds_nothing(hana: Cast) -> None:
    after = read(hana, new_page(hana), sandbox_with(""))
    assert after.job is not None
    assert (after.job.state, after.text, after.confidence, after.word_count) == (JobState.SUCCEEDED, "", None, 0)


@pytest.mark.parametrize(("queue", "reader"), [("lite", "lite"), ("basic", "basic"), ("premium", "premium")])
def test_how_thoroughly_is_read_is_the_tiers(hana: Cast, queue: str, reader: str) -> None:
    sandbox = sandbox_with(SENTENCE)
    read(hana, new_page(hana, queue=queue), sandbox)
    assert sandbox.calls == [("workers.compute:read_text", (b"the file", reader, False))]


def test_a_second_delivery_changes_nothing(hana: Cast) -> None:
    page = new_page(hana)
    read(hana, page, sandbox_with(SENTENCE))
    again = sandbox_with("etwas anderes")
    assert read(hana, page, again).text == SENTENCE
    assert again.calls == []


def test_an_attempt_that_was_overtaken_writes_nothing(hana: Cast) -> None:
    page = new_page(hana)

    def overtaken(*_: Any) -> Any:
        with hana.acting():
            Job.objects.filter(pk=job_id_of(page)).update(attempt=2)
        return answer_of(SENTENCE)

    assert read(hana, page, FakeSandbox(overtaken)).read_at is None


def test_a_file_that_cannot_be_read_says_why(hana: Cast) -> None:
    def refuse(*_: Any) -> Any:
        raise ComputeRefused("BrokenMedia", "too_large", "too many pixels")

    after = read(hana, new_page(hana), FakeSandbox(refuse))
    assert after.job is not None
    assert (after.job.state, after.job.error_code, after.read_at) == (JobState.FAILED, "too_large", None)


def test_a_nul_in_a_text_is_left_out(hana: Cast) -> None:
    answer = answer_of("두 글")
    answer["text"] = "두\x00 글"
    assert read(hana, new_page(hana), FakeSandbox(lambda *_: answer)).text == "두 글"


class FixedModel:
    """A vision model that says the same of every line, or fails."""

    def __init__(self, text: str | None) -> None:
        self.text, self.pictures = text, []  # type: ignore[var-annotated]  # of bytes

    def transcribe(self, jpeg: bytes) -> str:
        self.pictures.append(jpeg)
        if self.text is None:
            raise ModelUnavailable("down")
        return self.text


def test_a_premium_page_shows_its_doubtful_lines_to_the_model(hana: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    model = FixedModel("이차 함수의 그래픽")
    monkeypatch.setattr(tasks, "configured_model", lambda: model)
    after = read(hana, new_page(hana, queue="premium"), sandbox_with(SENTENCE, is_weak=True))
    assert (after.text, after.weak_count, model.pictures) == ("이차 함수의 그래픽", 0, [b"\xff\xd8 the line"])
    with hana.acting():
        (line,) = orjson.loads(s3.read_object(after.words_key, max_bytes=10_000))["lines"]
    assert [word["text"] for word in line["words"]] == ["이차", "함수의", "그래픽"]
    assert [word["box"][0] for word in line["words"]] == sorted(word["box"][0] for word in line["words"])


@pytest.mark.parametrize("text", [None, "", "I cannot read this picture. " * 5])
def test_a_model_that_is_down_or_chats_leaves_the_line_as_it_is(
    hana: Cast, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setattr(tasks, "configured_model", lambda: FixedModel(text))
    after = read(hana, new_page(hana, queue="premium"), sandbox_with(SENTENCE, is_weak=True))
    assert (after.text, after.weak_count) == (SENTENCE, 3)


@pytest.mark.parametrize("queue", ["lite", "basic"])
def test_no_other_tier_shows_anything_to_a_model(hana: Cast, monkeypatch: pytest.MonkeyPatch, queue: str) -> None:
    model = FixedModel("x")
    monkeypatch.setattr(tasks, "configured_model", lambda: model)
    read(hana, new_page(hana, queue=queue), sandbox_with(SENTENCE, is_weak=True))
    assert model.pictures == []


@pytest.mark.parametrize("kind", [Kind.STUDENT_WORK, Kind.OTHER])
def test_a_students_work_is_shown_to_no_model(hana: Cast, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    model = FixedModel("x")
    monkeypatch.setattr(tasks, "configured_model", lambda: model)
    page = new_page(hana, queue="premium")
    with hana.acting():
        Document.objects.filter(pk=page.document_id).update(kind=kind)
    sandbox = sandbox_with(SENTENCE, is_weak=True)
    assert read(hana, page, sandbox).text == SENTENCE
    assert (model.pictures, sandbox.calls[0][1][2]) == ([], False)


def opened(cast: Cast, document: Document, page_count: int) -> list[Page]:
    def answer(function: str, data: bytes, indices: list[int] | None = None) -> Any:
        assert data == b"%PDF"
        if function == "workers.compute:count_pages":
            return page_count
        assert function == "workers.compute:split_pdf"
        assert indices is not None
        return [f"page {index}".encode() for index in indices]

    deliver(cast.tenant, document.job_id, FakeSandbox(answer))
    with cast.acting():
        return list(Page.objects.filter(document=document).select_related("job").order_by("position"))


@pytest.fixture
def pdf(hana: Cast) -> Document:
    with hana.acting():
        document = make_document(page_count=None, created_by=hana.teacher)
        s3.write_object(document.upload.key, b"%PDF", content_type="application/pdf")
        document.job = make_job(document.pk, kind="documents.open_document")
        document.save(update_fields=["job"])
    return document


def test_each_page_of_a_pdf_is_taken_out_and_gets_a_job(hana: Cast, pdf: Document) -> None:
    count = PAGES_PER_COMPUTE + 2
    pages = opened(hana, pdf, count)
    assert [page.position for page in pages] == list(range(1, count + 1))
    assert {page.job.kind for page in pages if page.job} == {"documents.read_page"}
    with hana.acting():
        assert s3.read_object(pages[-1].source_key, max_bytes=100) == f"page {count - 1}".encode()
        pdf.refresh_from_db()
    assert pdf.page_count == count


def test_a_pdf_that_was_opened_is_opened_once(hana: Cast, pdf: Document) -> None:
    before = [page.pk for page in opened(hana, pdf, 3)]
    assert [page.pk for page in opened(hana, pdf, 3)] == before


def test_a_document_that_was_deleted_meanwhile_fails_quietly(hana: Cast, pdf: Document) -> None:
    job_id = job_id_of(pdf)
    with hana.acting():
        Document.objects.filter(pk=pdf.pk).delete()
    deliver(hana.tenant, job_id, FakeSandbox())
    with hana.acting():
        assert Job.objects.get(pk=job_id).error_code == "document_deleted"


def test_the_searchable_pdf_holds_the_pages_in_their_order(hana: Cast) -> None:
    with hana.acting():
        document = make_document(page_count=PAGES_PER_COMPUTE + 1, created_by=hana.teacher)
        for position in range(PAGES_PER_COMPUTE + 1, 0, -1):
            page = record_page(make_page(document, position=position), f"쪽 {position}")
            s3.write_object(page.picture_key, f"picture {position}".encode(), content_type="image/jpeg")
            s3.write_object(page.words_key, orjson.dumps(page_of(page.text)), content_type="application/json")
        document.pdf_job = make_job(document.pk, kind="documents.write_pdf")
        document.save(update_fields=["pdf_job"])

    def answer(function: str, *arguments: Any) -> bytes:
        if function == "workers.compute:write_pages":
            pictures, texts = arguments
            assert [text["lines"][0]["words"][1]["text"] for text in texts] == [
                picture.decode().split()[1] for picture in pictures
            ]
            return b",".join(pictures)
        assert function == "workers.compute:join_parts"
        return b",".join(arguments[0])

    deliver(hana.tenant, document.pdf_job_id, FakeSandbox(answer))
    with hana.acting():
        document.refresh_from_db()
        written = s3.read_object(document.pdf_key, max_bytes=10_000)
    assert written.split(b",") == [f"picture {position}".encode() for position in range(1, PAGES_PER_COMPUTE + 2)]
