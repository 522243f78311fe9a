"""Videos and documents at the desk: sent, followed, looked at, and searched."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from django.test import Client
from django.utils import timezone

from academy.jobs.models import DailyUsage, Job, JobState
from academy.storage import s3
from apps.accounts.roles import Role
from apps.documents.models import Document, Page
from apps.videos.models import Video
from tests.db.kernel import job_id_of
from tests.factories import Cast, World, client_of, make_upload
from tests.factories.documents import make_document, make_page, record_page
from tests.factories.videos import make_video


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


@pytest.fixture
def assistant(hana: Cast) -> Client:
    return client_of(hana.users[Role.ASSISTANT])


def sent(hana: Cast, name: str, content_type: str, **more: str) -> dict[str, Any]:
    with hana.acting():
        upload = make_upload(created_by=hana.users[Role.ASSISTANT], file_name=name, content_type=content_type)
        s3.write_object(upload.key, b"bytes", content_type=content_type)
    return {"uploads": json.dumps([{"name": name, "id": upload.pk}]), **more}


# ---------------------------------------------------------------- videos


@pytest.mark.usefixtures("aws")
def test_a_video_is_sent_and_its_pages_are_waited_for(hana: Cast, assistant: Client) -> None:
    form = sent(hana, "공책.mp4", "video/mp4", title="")
    page = assistant.post("/admin/videos/video/add/", form, follow=True).content.decode()
    assert 'hx-trigger="every 3s"' in page
    with hana.acting():
        video = Video.objects.get(title="공책.mp4")
        Job.objects.filter(pk=job_id_of(video)).update(state=JobState.FAILED, error_code="no_pages")
    page = assistant.get(f"/admin/videos/video/{video.pk}/").content.decode()
    assert "멈춰 있는 페이지를 찾지 못했습니다" in page
    assert "hx-trigger" not in page
    refused = assistant.post("/admin/videos/video/add/", sent(hana, "a.jpg", "image/jpeg"))
    assert "동영상이 아닙니다." in refused.content.decode()
    assert "이미" in assistant.post("/admin/videos/video/add/", form).content.decode()


def test_the_strip_shows_every_page_and_says_what_is_missing(hana: Cast, assistant: Client) -> None:
    path = f"/admin/videos/video/{hana.video.pk}/"
    page = assistant.get(path).content.decode()
    assert page.count("1-1s.jpg") == page.count("1-2s.jpg") == 1
    assert "0:02–0:03" in page
    assert "페이지가 더 있습니다" not in page
    with hana.acting():
        Video.objects.filter(pk=hana.video.pk).update(page_count=15, is_truncated=True, is_cut_off=True, seconds=95.0)
    page = assistant.get(path).content.decode()
    assert "처음 15페이지만" in page
    assert "손상되어" in page
    assert "끝부분은 보지 못했습니다" not in page
    assert "1:35" in page
    listed = assistant.get("/admin/videos/video/").content.decode()
    assert "15+" in listed
    assert "일부 페이지만" in listed


# ---------------------------------------------------------------- documents


@pytest.mark.usefixtures("aws")
def test_a_document_is_sent_with_its_kind(hana: Cast, assistant: Client) -> None:
    form = sent(hana, "a.pdf", "application/pdf", title="중간고사 대비", kind="exam_paper")
    page = assistant.post("/admin/documents/document/add/", form, follow=True).content.decode()
    assert "hx-trigger" in page
    with hana.acting():
        assert Document.objects.get(title="중간고사 대비").kind == "exam_paper"
    assert assistant.post("/admin/documents/document/add/", {**form, "kind": "secret"}).status_code == 200
    film = sent(hana, "a.mp4", "video/mp4", title="x", kind="other")
    assert "사진과 PDF만" in assistant.post("/admin/documents/document/add/", film).content.decode()


def test_words_are_found_on_any_page_and_marked_as_text(hana: Cast, world: World, assistant: Client) -> None:
    with hana.acting():
        document = make_document("함수 유인물", page_count=2)
        record_page(make_page(document), "<b>이차 함수</b>의 그래프")
        record_page(make_page(document, position=2), "원의 방정식")
    with world.duri.acting():
        record_page(make_page(make_document("두리 것")), "이차함수 두리")
    found = assistant.get("/admin/documents/document/search/", {"q": "이차함수"}).content.decode()
    assert "<mark>이차 함수</mark>" in found
    assert "&lt;b&gt;" in found
    assert "두리" not in found
    assert f"/admin/documents/document/{document.pk}/?page=1&amp;q=" in found
    assert f"{hana.document.pk}/?page=1" in found
    only = assistant.get("/admin/documents/document/search/", {"q": "이차함수", "kind": "other"}).content.decode()
    assert "내용이 있는 곳이 없습니다" in only
    for query in ("", "|", "\x00", "가" * 5000):
        assert assistant.get("/admin/documents/document/search/", {"q": query}).status_code == 200


@pytest.mark.usefixtures("aws")
def test_what_is_searched_for_is_marked_on_the_picture(hana: Cast, assistant: Client) -> None:
    with hana.acting():
        page = Page.objects.get(pk=hana.page.pk)
        words = [
            {"text": text, "box": [10 + 100 * place, 20, 90, 30], "confidence": 0.9, "is_weak": False}
            for place, text in enumerate(("이차", "함수의", "그래프"))
        ]
        content = {"width": 800, "height": 1100, "lines": [{"block": 0, "language": "kor", "words": words}]}
        s3.write_object(page.words_key, orjson.dumps(content), content_type="application/json")
    path = f"/admin/documents/document/{hana.document.pk}/"
    marked = assistant.get(path, {"page": "1", "q": "이차함수"}).content.decode()
    assert marked.count('width="90" height="30"') == 2
    assert "<rect" not in assistant.get(path).content.decode().split('id="live"')[1]
    for wanted in ("7", "-1", "x", "²", "9" * 40):
        assert assistant.get(path, {"page": wanted}).status_code == 200


def test_the_searchable_pdf_is_asked_for_once_and_then_there(hana: Cast, assistant: Client) -> None:
    path = f"/admin/documents/document/{hana.document.pk}/"
    assert "검색용 PDF 만들기" in assistant.get(path).content.decode()
    for _ in range(2):
        page = assistant.post(f"{path}pdf/", follow=True).content.decode()
        assert "검색용 PDF를 만드는 중" in page
    with hana.acting():
        assert Job.objects.filter(kind="documents.write_pdf").count() == 1
        Job.objects.filter(kind="documents.write_pdf").update(state=JobState.SUCCEEDED, finished_at=timezone.now())
        key = s3.tenant_key("documents", str(hana.document.pk), "searchable-1.pdf")
        Document.objects.filter(pk=hana.document.pk).update(pdf_key=key)
        unread = make_document("아직", page_count=None)
        make_page(unread)
    page = assistant.get(path).content.decode()
    assert "searchable-1.pdf" in page
    assert "hx-trigger" not in page
    refused = assistant.post(f"/admin/documents/document/{unread.pk}/pdf/", follow=True).content.decode()
    assert "아직 판독되지 않았거나" in refused


# ---------------------------------------------------------------- the first page


def test_the_first_page_says_what_was_used_of_the_plan(hana: Cast, world: World, assistant: Client) -> None:
    with hana.acting():
        make_video(hana.teacher)
        used = {row.kind: row.used for row in DailyUsage.objects.all()}
        limit = hana.tenant.plan.daily_limit_of("videos.find_pages")
    page = assistant.get("/admin/").content.decode()
    assert f"{used['videos.find_pages']} / {limit}" in page
    assert hana.tenant.plan.name in page
