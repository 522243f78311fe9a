"""An exam on another maker's sheet: all of it is made, or nothing and no upload is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from academy.http.errors import DomainError, Invalid, Missing
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from apps.exams import services
from apps.exams.models import Exam, Maker, Question, SheetLayout
from apps.exams.services import create_exam_on_template
from sheets.template import BadTemplate
from tests.factories import Cast, World, make_upload

pytestmark = pytest.mark.usefixtures("aws")


@dataclass(frozen=True)
class Described:
    fingerprint: str
    labels: tuple[str, ...]


@pytest.fixture
def hana(world: World, monkeypatch: pytest.MonkeyPatch) -> Cast:
    def describe(definition: Any, *, asset_names: frozenset[str]) -> Described:
        if not isinstance(definition, dict) or "labels" not in definition:
            raise BadTemplate("no labels")
        return Described("f" * 64, tuple(definition["labels"]))

    monkeypatch.setattr(services, "describe_template", describe)
    return world.hana


def sent(cast: Cast, data: bytes, content_type: str = "application/json") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=cast.teacher, content_type=content_type)
        s3.write_object(upload.key, data, content_type=content_type)
    return upload


def create(cast: Cast, upload: Upload, assets: dict[str, int] | None = None, number_label: str = "") -> Exam:
    with cast.acting():
        return create_exam_on_template(
            title="모의고사",
            template_upload=upload.pk,
            asset_uploads=assets or {},
            number_label=number_label,
            created_by=cast.teacher,
        )


def state_of(cast: Cast, upload: Upload) -> str:
    with cast.acting():
        return Upload.objects.get(pk=upload.pk).state


def test_the_exam_has_the_templates_questions_without_the_number(hana: Cast) -> None:
    marker = sent(hana, b"png", "image/png")
    exam = create(hana, sent(hana, b'{"labels": ["roll", "q1", "q2"]}'), {"marker.png": marker.pk}, "roll")
    with hana.acting():
        labels = list(Question.objects.filter(exam=exam).order_by("position").values_list("label", flat=True))
    assert labels == ["q1", "q2"]
    assert (exam.layout.maker, exam.layout.number_label) == (Maker.OMRCHECKER, "roll")
    assert exam.layout.assets == {"marker.png": marker.key}
    assert state_of(hana, marker) == UploadState.USED


@pytest.mark.parametrize(
    ("data", "number_label", "attr"),
    [
        (b"nonsense", "", "template_upload"),
        (b"[" * 100_000, "", "template_upload"),
        (b"\xff", "", "template_upload"),
        (b'{"labels": ["q1"], "x": "\\u0000"}', "", "template_upload"),
        (b'{"labels": ["q1"], "x": "\\ud800"}', "", "template_upload"),
        (b'{"labels": ["q1"], "x": NaN}', "", "template_upload"),
        (b"{}", "", "template_upload"),
        (b'{"labels": ["q1"]}', "roll", "number_label"),
        (b'{"labels": ["' + b"q" * 81 + b'"]}', "", "template_upload"),
        (b'{"labels": [' + b",".join(b'"q%d"' % n for n in range(1001)) + b"]}", "", "template_upload"),
        (b'{"labels": ["q1"]}' + b" " * 1024 * 1024, "", "template_upload"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused_and_not_used(
    hana: Cast, data: bytes, number_label: str, attr: str
) -> None:
    upload = sent(hana, data)
    with hana.acting():
        Upload.objects.filter(pk=upload.pk).update(max_bytes=10**9)
    with pytest.raises(Invalid) as refused:
        create(hana, upload, number_label=number_label)
    assert refused.value.attr == attr
    assert state_of(hana, upload) == UploadState.PRESIGNED


def test_a_missing_picture_uses_no_upload(hana: Cast, world: World) -> None:
    upload, foreign = sent(hana, b'{"labels": ["q1"]}'), sent(world.duri, b"png", "image/png")
    for picture in (987654321, foreign.pk):
        with pytest.raises(Missing):
            create(hana, upload, {"marker.png": picture})
    with pytest.raises(DomainError):
        create(hana, upload, {"marker.png": upload.pk})
    assert state_of(hana, upload) == UploadState.PRESIGNED


def test_the_same_template_again_is_the_same_sheet(hana: Cast) -> None:
    exams = [create(hana, sent(hana, b'{"labels": ["q1"]}')) for _ in range(2)]
    assert exams[0].layout_id == exams[1].layout_id
    with hana.acting():
        assert SheetLayout.objects.filter(maker=Maker.OMRCHECKER).count() == 1


def test_other_pictures_make_another_sheet(hana: Cast) -> None:
    exams = [
        create(hana, sent(hana, b'{"labels": ["q1"]}'), {"m.png": sent(hana, picture, "image/png").pk})
        for picture in (b"one", b"two")
    ]
    assert exams[0].layout_id != exams[1].layout_id


def test_too_many_pictures_are_refused(hana: Cast) -> None:
    upload = sent(hana, b'{"labels": ["q1"]}')
    with pytest.raises(Invalid) as refused:
        create(hana, upload, {f"{number}.png": number for number in range(1, 10)})
    assert refused.value.attr == "asset_uploads"
    assert state_of(hana, upload) == UploadState.PRESIGNED
