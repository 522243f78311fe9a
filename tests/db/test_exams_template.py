"""An exam on another maker's sheet: all of it is made, or nothing and no upload is used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

import pytest

from academy.http.errors import DomainError, Invalid, Missing
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from apps.exams.models import Exam, Maker, Question, SheetLayout
from apps.exams.other_makers import create_exam_on_template
from tests.factories import Cast, World, make_upload

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def hana(world: World) -> Cast:
    return world.hana


def template(labels: Sequence[str] = ("q1",), *, marker: str | None = None, **more: object) -> bytes:
    block = {"fieldType": "QTYPE_MCQ4", "fieldLabels": list(labels), "origin": [10, 10], "bubblesGap": 30}
    data: dict[str, object] = {
        "pageDimensions": [300, 20_000],
        "bubbleDimensions": [10, 10],
        "fieldBlocks": {"block": {**block, "labelsGap": 15}},
        **more,
    }
    if marker is not None:
        data["preProcessors"] = [{"name": "CropOnMarkers", "options": {"relativePath": marker}}]
    return json.dumps(data).encode()


def sent(cast: Cast, data: bytes, content_type: str = "application/json") -> Upload:
    with cast.acting():
        upload = make_upload(created_by=cast.teacher, content_type=content_type)
        Upload.objects.filter(pk=upload.pk).update(max_bytes=10**9)
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
    upload = sent(hana, template(["q1", "q2", "roll"], marker="marker.png"))
    exam = create(hana, upload, {"marker.png": marker.pk}, "roll")
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
        (b"[]", "", "template_upload"),
        (b"7", "", "template_upload"),
        (b"null", "", "template_upload"),
        (b"{}", "", "template_upload"),
        (b"\xff", "", "template_upload"),
        (template(x="\x00"), "", "template_upload"),
        (template(x="\ud800"), "", "template_upload"),
        (template(x=float("nan")), "", "template_upload"),
        (template(), "roll", "number_label"),
        (template(["q" * 81]), "", "template_upload"),
        (template([f"q{number}" for number in range(1001)]), "", "template_upload"),
        (template() + b" " * 1024 * 1024, "", "template_upload"),
        (template(marker="marker.png"), "", "template_upload"),
    ],
    ids=range(15),
)
def test_a_template_that_cannot_be_used_is_refused_and_not_used(
    hana: Cast, data: bytes, number_label: str, attr: str
) -> None:
    upload = sent(hana, data)
    with pytest.raises(Invalid) as refused:
        create(hana, upload, number_label=number_label)
    assert refused.value.attr == attr
    assert state_of(hana, upload) == UploadState.PRESIGNED


def test_a_missing_picture_uses_no_upload(hana: Cast, world: World) -> None:
    upload, foreign = sent(hana, template(marker="m.png")), sent(world.duri, b"png", "image/png")
    for picture in (987654321, foreign.pk):
        with pytest.raises(Missing):
            create(hana, upload, {"m.png": picture})
    with pytest.raises(DomainError):
        create(hana, upload, {"m.png": upload.pk})
    assert state_of(hana, upload) == UploadState.PRESIGNED


def test_a_picture_of_any_name_that_the_template_does_not_name_is_not_kept(hana: Cast) -> None:
    strange = {name: sent(hana, b"png", "image/png").pk for name in ("other.png", "a\x00b", "../../x", "\ud800")}
    assert create(hana, sent(hana, template()), strange).layout.assets == {}


def test_the_same_template_again_is_the_same_sheet(hana: Cast) -> None:
    exams = [create(hana, sent(hana, template())) for _ in range(2)]
    assert exams[0].layout_id == exams[1].layout_id
    with hana.acting():
        assert SheetLayout.objects.filter(maker=Maker.OMRCHECKER).count() == 1


def test_other_pictures_make_another_sheet(hana: Cast) -> None:
    exams = [
        create(hana, sent(hana, template(marker="m.png")), {"m.png": sent(hana, picture, "image/png").pk})
        for picture in (b"one", b"two")
    ]
    assert exams[0].layout_id != exams[1].layout_id


def test_too_many_pictures_are_refused(hana: Cast) -> None:
    upload = sent(hana, template())
    with pytest.raises(Invalid) as refused:
        create(hana, upload, {f"{number}.png": number for number in range(1, 10)})
    assert refused.value.attr == "asset_uploads"
    assert state_of(hana, upload) == UploadState.PRESIGNED


# ---------------------------------------------------------------- with its marking


def marking(answers: Sequence[object] = ("A", "D"), **more: object) -> bytes:
    schemes = {"DEFAULT": {"correct": "3", "incorrect": "-1", "unmarked": "0"}}
    options = {"questions_in_order": [f"q1..{len(answers)}"], "answers_in_order": list(answers)}
    return json.dumps({"source_type": "custom", "options": options, "marking_schemes": schemes, **more}).encode()


def create_keyed(cast: Cast, form: Upload, keyed: Upload) -> Exam:
    with cast.acting():
        return create_exam_on_template(
            title="모의고사",
            template_upload=form.pk,
            asset_uploads={},
            number_label="",
            created_by=cast.teacher,
            evaluation_upload=keyed.pk,
        )


def test_the_marking_that_comes_along_is_the_key(hana: Cast) -> None:
    keyed = sent(hana, marking(["A", ["B", "D"]]))
    exam = create_keyed(hana, sent(hana, template(["q1", "q2"])), keyed)
    with hana.acting():
        found = Question.objects.filter(exam=exam).order_by("position").values_list("accepted", "points", "penalty")
        assert list(found) == [(["A"], Decimal(3), Decimal(1)), (["B", "D"], Decimal(3), Decimal(1))]
    assert state_of(hana, keyed) == UploadState.USED


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b"{}",
        marking(["A", "E"]),  # the sheet has A to D
        marking(["A", "B", "C"]),  # and two questions
        marking(["A", "B"], source_type="csv"),
        marking() + b" " * 1024 * 1024,
    ],
)
def test_a_marking_that_does_not_fit_leaves_nothing_behind(hana: Cast, data: bytes) -> None:
    form, keyed = sent(hana, template(["q1", "q2"])), sent(hana, data)
    with hana.acting():
        before = Exam.objects.count()
    with pytest.raises(Invalid) as caught:
        create_keyed(hana, form, keyed)
    assert caught.value.attr == "evaluation_upload"
    with hana.acting():
        assert Exam.objects.count() == before
    assert (state_of(hana, form), state_of(hana, keyed)) == (UploadState.PRESIGNED, UploadState.PRESIGNED)


def test_the_marking_of_another_academy_is_not_there(hana: Cast, world: World) -> None:
    keyed = sent(world.duri, marking())
    with pytest.raises(Missing):
        create_keyed(hana, sent(hana, template(["q1", "q2"])), keyed)
