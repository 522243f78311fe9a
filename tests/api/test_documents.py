"""Documents over HTTP: handed in, looked at, searched, fetched as searchable PDF; another academy's are missing."""

from __future__ import annotations

import io
from typing import Any

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from PIL import Image, ImageDraw, ImageFont
from pypdfium2 import PdfDocument

from academy.jobs.models import Job, JobState
from academy.storage import s3
from academy.storage.models import Upload
from academy.tenancy.models import Plan
from apps.accounts.roles import Role
from apps.documents.models import Document, Page
from tests.api.answers import error_of, post
from tests.db.kernel import FakeSandbox, deliver, job_id_of, keep_connection
from tests.db.test_documents_read import page_of
from tests.factories import Cast, World, client_of, make_page, make_upload, record_page
from workers import compute

pytestmark = pytest.mark.usefixtures("aws")
DOCUMENTS = "/api/v1/documents"


@pytest.fixture
def teacher(world: World) -> Client:
    return client_of(world.hana.teacher)


def sent(cast: Cast, content_type: str = "image/jpeg", data: bytes = b"file") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=cast.teacher, content_type=content_type)
        s3.write_object(upload.key, data, content_type=content_type)
    return upload


def submit(client: Client, upload: object, **more: Any) -> Any:
    return post(client, DOCUMENTS, {"title": "1단원 유인물", "kind": "handout", "upload": upload, **more})


def counts(cast: Cast) -> tuple[int, int, int]:
    with cast.acting():
        return Document.objects.count(), Page.objects.count(), Job.objects.count()


def on_plan(cast: Cast, code: str) -> None:
    cast.tenant.plan = Plan.objects.get(code=code)
    cast.tenant.save(update_fields=["plan"])


@pytest.mark.parametrize("plan", ["lite", "basic", "premium"])
def test_a_picture_is_one_page_read_by_the_plans_tier(world: World, teacher: Client, plan: str) -> None:
    on_plan(world.hana, plan)
    answer = submit(teacher, sent(world.hana).pk)
    assert answer.status_code == 202, answer.content
    assert (answer.json()["page_count"], answer.json()["title"]) == (1, "1단원 유인물")
    with world.hana.acting():
        page = Page.objects.select_related("job").get(document_id=answer.json()["id"])
    assert page.job is not None
    assert (page.position, page.job.kind, page.job.queue) == (1, "documents.read_page", plan)


def test_a_pdf_is_opened_first(world: World, teacher: Client) -> None:
    body = submit(teacher, sent(world.hana, "application/pdf").pk).json()
    assert (body["page_count"], body["state"]) == (None, JobState.QUEUED)
    with world.hana.acting():
        document = Document.objects.select_related("job").get(pk=body["id"])
        assert document.job is not None
        assert (document.job.kind, document.job.arguments["args"]) == ("documents.open_document", [document.pk])


def test_what_is_no_document_is_refused_and_not_used(world: World, teacher: Client) -> None:
    upload, before = sent(world.hana, "application/json", b"{}"), counts(world.hana)
    assert error_of(submit(teacher, upload.pk), 400)["attr"] == "upload"
    assert counts(world.hana) == before
    with world.hana.acting():
        upload.refresh_from_db()
    assert upload.state == "presigned"


@pytest.mark.parametrize("change", [{"title": ""}, {"title": "x" * 121}, {"kind": "secret"}, {"upload": "x"}])
def test_a_bad_field_is_named(world: World, teacher: Client, change: dict[str, object]) -> None:
    upload = sent(world.hana)
    error = error_of(submit(teacher, **{"upload": upload.pk, **change}), 400)
    assert error["attr"] == next(iter(change))


def test_another_academys_upload_is_missing(world: World, teacher: Client) -> None:
    foreign, before = sent(world.duri), counts(world.hana)
    assert submit(teacher, foreign.pk).content == submit(teacher, 2**40).content
    assert counts(world.hana) == before


def test_a_page_shows_its_words_with_boxes_and_its_picture(world: World, teacher: Client) -> None:
    page = world.hana.page
    with world.hana.acting():
        s3.write_object(page.words_key, orjson.dumps(page_of(page.text, is_weak=True)), content_type="application/json")
    body = teacher.get(f"/api/v1/pages/{page.pk}").json()
    assert (body["text"], body["document"], body["width"]) == (page.text, world.hana.document.pk, 600)
    (line,) = body["lines"]
    assert line["words"][0] == {"text": "이차함수의", "box": [10, 20, 40, 30], "confidence": 0.9, "is_weak": True}
    assert page.picture_key in body["picture_url"]


def test_a_page_that_was_not_read_has_no_lines_and_says_why(world: World, teacher: Client) -> None:
    with world.hana.acting():
        page = make_page(world.hana.document, position=2)
        Job.objects.filter(pk=job_id_of(page)).update(state=JobState.FAILED, error_code="damaged")
    body = teacher.get(f"/api/v1/pages/{page.pk}").json()
    assert (body["lines"], body["picture_url"], body["confidence"], body["state"]) == (None, None, None, "failed")
    assert "파일" in body["error_message"]


def test_a_document_lists_its_pages_in_order_at_a_constant_cost(world: World, teacher: Client) -> None:
    teacher.get("/api/v1/session")
    url = f"{DOCUMENTS}/{world.hana.document.pk}"
    costs = []
    for positions in ((3, 2), (6, 5, 4)):
        with world.hana.acting():
            for position in positions:
                make_page(world.hana.document, position=position)
        with CaptureQueriesContext(connection) as queries:
            body = teacher.get(url).json()
        costs.append(len(queries))
    assert [page["position"] for page in body["pages"]] == [1, 2, 3, 4, 5, 6]
    assert costs[0] == costs[1]


def test_the_list_costs_the_same_however_long(world: World, teacher: Client) -> None:
    teacher.get(DOCUMENTS)
    with CaptureQueriesContext(connection) as one:
        teacher.get(DOCUMENTS)
    for _ in range(3):
        submit(teacher, sent(world.hana).pk)
    with CaptureQueriesContext(connection) as four:
        assert len(teacher.get(DOCUMENTS).json()["results"]) == 4
    assert len(one) == len(four)


def test_a_search_shows_where_it_stands(world: World, teacher: Client) -> None:
    (hit,) = teacher.get(DOCUMENTS + "/search", {"q": "이차 함수"}).json()
    assert (hit["page"], hit["document"], hit["title"]) == (world.hana.page.pk, world.hana.document.pk, "유인물")
    text, marks = hit["snippet"]["text"], hit["snippet"]["highlights"]
    assert [text[start:end] for start, end in marks] == ["이차함수"]


def test_a_picture_is_read_found_by_two_letters_and_comes_back_as_a_searchable_pdf(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_connection(monkeypatch)
    hana, teacher = world.hana, client_of(world.hana.teacher)
    picture = Image.new("L", (1100, 500), 250)
    font = ImageFont.truetype("/usr/share/fonts/truetype/nanum/NanumGothic.ttf", 44)
    for place, line in enumerate(
        ("광합성은 빛과 온도에 따라 달라진다.", "The leaf is green.", "뿌리는 물을 빨아들인다.")
    ):
        ImageDraw.Draw(picture).text((90, 80 + 100 * place), line, fill=30, font=font)
    file = io.BytesIO()
    picture.save(file, "PNG")
    document = submit(teacher, sent(hana, "image/png", file.getvalue()).pk).json()
    sandbox = FakeSandbox(lambda function, *arguments: getattr(compute, function.rpartition(":")[2])(*arguments))
    with hana.acting():
        page = Page.objects.get(document=document["id"])
    deliver(hana.tenant, job_id_of(page), sandbox)
    (hit,) = teacher.get(DOCUMENTS + "/search", {"q": "온도"}).json()
    assert hit["page"] == page.pk
    assert "온도" in hit["snippet"]["text"]
    assert client_of(world.duri.teacher).get(DOCUMENTS + "/search", {"q": "온도"}).json() == []
    asked = post(teacher, f"{DOCUMENTS}/{document['id']}/searchable-pdf", None)
    assert asked.status_code == 202, asked.content
    with hana.acting():
        written = Document.objects.get(pk=document["id"])
        assert written.pdf_job_id is not None
        deliver(hana.tenant, written.pdf_job_id, sandbox)
        written.refresh_from_db()
        pdf = s3.read_object(written.pdf_key, max_bytes=1_000_000)
    with PdfDocument(pdf) as opened:
        assert "뿌리는" in opened[0].get_textpage().get_text_bounded()


def test_a_search_ends_at_the_academy(world: World, teacher: Client) -> None:
    with world.duri.acting():
        record_page(make_page(world.duri.document, position=2), "두리만의 비밀")
    assert teacher.get(DOCUMENTS + "/search", {"q": "비밀"}).json() == []


@pytest.mark.parametrize("query", ["", " ", "%", "'; --", "\x00", "(", "가" * 100, "🙂"])
def test_any_query_is_answered(teacher: Client, query: str) -> None:
    answer = teacher.get(DOCUMENTS + "/search", {"q": query})
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or answer.json() == []


def test_too_long_a_query_and_an_unknown_kind_are_refused(teacher: Client) -> None:
    assert error_of(teacher.get(DOCUMENTS + "/search", {"q": "가" * 101}), 400)["attr"] == "q"
    assert error_of(teacher.get(DOCUMENTS + "/search", {"q": "가", "kind": "x"}), 400)["attr"] == "kind"


def test_a_searchable_pdf_is_written_when_it_is_asked_for_and_once(world: World, teacher: Client) -> None:
    url = f"{DOCUMENTS}/{world.hana.document.pk}/searchable-pdf"
    assert teacher.get(url).json() == {"url": None, "job": None, "state": "", "error_code": "", "error_message": ""}
    first, second = post(teacher, url, None), post(teacher, url, None)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["job"] == second.json()["job"] is not None
    with world.hana.acting():
        key = s3.tenant_key("documents", "1", "searchable-1.pdf")
        Document.objects.filter(pk=world.hana.document.pk).update(pdf_key=key)
    assert key in teacher.get(url).json()["url"]
    assert post(teacher, url, None).json()["job"] == first.json()["job"]


def test_a_document_that_is_still_being_read_has_no_searchable_pdf_yet(world: World, teacher: Client) -> None:
    with world.hana.acting():
        make_page(world.hana.document, position=2)
    before = counts(world.hana)
    answer = post(teacher, f"{DOCUMENTS}/{world.hana.document.pk}/searchable-pdf", None)
    assert error_of(answer, 409)["code"] == "document_not_read"
    assert counts(world.hana) == before


@pytest.mark.parametrize("path", ["documents/{document}", "documents/{document}/searchable-pdf", "pages/{page}"])
def test_another_academys_documents_are_missing(world: World, teacher: Client, path: str) -> None:
    foreign = path.format(document=world.duri.document.pk, page=world.duri.page.pk)
    missing = path.format(document=2**40, page=2**40)
    answer = teacher.get(f"/api/v1/{foreign}")
    assert error_of(answer, 404)["code"] == "not_found"
    assert answer.content == teacher.get(f"/api/v1/{missing}").content


@pytest.mark.parametrize("role", [Role.STUDENT, Role.GUARDIAN])
def test_families_see_no_documents(world: World, role: Role) -> None:
    client = client_of(world.hana.users[role])
    assert error_of(client.get(DOCUMENTS), 403)["code"] == "permission_denied"
    assert error_of(client.get(DOCUMENTS + "/search", {"q": "이차"}), 403)["code"] == "permission_denied"
