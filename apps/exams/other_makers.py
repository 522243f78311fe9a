"""Exams on sheets of other makers: by a template that somebody has, or one drawn over a blank sheet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import Invalid, Missing
from academy.storage import s3
from academy.storage.models import Upload
from academy.storage.services import use_upload
from apps.accounts.models import User
from apps.exams import tasks
from apps.exams.drawing import as_template, parse_blocks
from apps.exams.kinds import Cancellation
from apps.exams.models import BlankSheet, Exam, Maker, SheetLayout
from apps.exams.queries import blank_sheets_visible_to
from apps.exams.services import MAX_LABELS, ScoringWish, add_exam, course_for, set_scoring
from sheets.evaluation import parse_evaluation
from sheets.template import BadTemplate, Template, parse_template

MAX_TEMPLATE_BYTES: Final = 1024 * 1024
MAX_ASSET_BYTES: Final = 4 * 1024 * 1024
MAX_ASSETS: Final = 8
"""Pictures that one template of another maker may bring along."""
MAX_LABEL_CHARACTERS: Final = 80
PAGE_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/heic", "image/heif", "application/pdf"})


@transaction.atomic
def create_exam_on_template(
    *,
    title: str,
    template_upload: int,
    asset_uploads: Mapping[str, int],
    number_label: str,
    created_by: User,
    course: int | None = None,
    evaluation_upload: int | None = None,
) -> Exam:
    """An exam on another maker's sheet, described by its ``template.json`` and the pictures that names.

    With an ``evaluation.json`` it has its key and points at once. Raises ``Invalid`` when either cannot be used, or the
    template does not have the field ``number_label``; then none of the uploads counts as used. Raises ``Missing`` and
    ``CourseArchived`` for the course.
    """
    course_id = course_for(created_by, course)
    if len(asset_uploads) > MAX_ASSETS:
        raise Invalid(
            gettext("At most {count} pictures belong to a template.").format(count=MAX_ASSETS), attr="asset_uploads"
        )
    upload = use_upload(upload_id=template_upload, by=created_by)
    assets = {name: use_upload(upload_id=upload_id, by=created_by).key for name, upload_id in asset_uploads.items()}
    try:
        definition = _storable_json(s3.read_object(upload.key, max_bytes=MAX_TEMPLATE_BYTES))
        pictures = {name: s3.read_object(key, max_bytes=MAX_ASSET_BYTES) for name, key in assets.items()}
        template = parse_template(definition, assets=pictures)
    except BadTemplate as error:
        raise Invalid(
            gettext("The template cannot be used: {problem}").format(problem=error), attr="template_upload"
        ) from error
    except ValueError as error:
        raise Invalid(gettext("The template is not a JSON file, or too large."), attr="template_upload") from error
    labels = [output.label for output in template.outputs]
    if len(labels) > MAX_LABELS or any(len(label) > MAX_LABEL_CHARACTERS for label in labels):
        raise Invalid(
            gettext("A template has at most {fields} fields, their names {characters} characters.").format(
                fields=MAX_LABELS, characters=MAX_LABEL_CHARACTERS
            ),
            attr="template_upload",
        )
    if number_label and number_label not in labels:
        raise Invalid(gettext('The template has no field "{name}".').format(name=number_label), attr="number_label")
    sheet = _layout_of(template, definition, number_label, assets)
    exam = add_exam(title=title, sheet=sheet, created_by=created_by, course_id=course_id)
    if evaluation_upload is not None:
        _set_key(exam, use_upload(upload_id=evaluation_upload, by=created_by).key, created_by)
    return exam


def _set_key(exam: Exam, evaluation_key: str, by: User) -> None:
    """The key and points that an ``evaluation.json`` in the bucket says. Raises ``Invalid``."""
    try:
        keyed = parse_evaluation(_storable_json(s3.read_object(evaluation_key, max_bytes=MAX_TEMPLATE_BYTES)))
        wish = ScoringWish(
            answers={one.label: one.accepted for one in keyed},
            points={one.label: one.points for one in keyed},
            penalties={one.label: one.penalty for one in keyed},
            cancelled={one.label: Cancellation.ALL_RIGHT.value for one in keyed if one.is_bonus},
        )
        set_scoring(by=by, exam_id=exam.pk, wish=wish)
    except BadTemplate as error:
        raise Invalid(
            gettext("The marking cannot be used: {problem}").format(problem=error), attr="evaluation_upload"
        ) from error
    except Invalid as error:
        raise Invalid(
            gettext("The marking cannot be used: {problem}").format(problem=error.message), attr="evaluation_upload"
        ) from error
    except ValueError as error:
        raise Invalid(gettext("The marking is not a JSON file, or too large."), attr="evaluation_upload") from error


def _layout_of(
    template: Template, definition: Mapping[str, object], number_label: str, assets: Mapping[str, str]
) -> SheetLayout:
    sheet, _ = SheetLayout.objects.get_or_create(
        fingerprint=template.fingerprint,
        number_label=number_label,
        defaults={
            "maker": Maker.OMRCHECKER,
            "definition": definition,
            "assets": {name: assets[name] for name, _ in template.assets},
            "labels": [output.label for output in template.outputs if output.label != number_label],
        },
    )
    return sheet


def _storable_json(text: bytes) -> dict[str, object]:
    """A strict JSON object that a ``jsonb`` column can hold. Raises ``ValueError``."""
    if b"\\u0000" in text:
        raise ValueError("NUL")
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


@transaction.atomic
def add_blank_sheet(*, title: str, upload_id: int, created_by: User) -> BlankSheet:
    """Take a sent file as the blank sheet of another maker and queue the drawing of its picture.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, and ``Invalid`` for what is neither a picture nor a PDF.
    """
    sent = Upload.objects.filter(pk=upload_id, created_by=created_by).first()
    if sent is None:
        raise Missing
    if sent.content_type not in PAGE_TYPES:
        raise Invalid(gettext("This is neither a picture nor a PDF."), attr="upload")
    blank = BlankSheet(title=title, upload=use_upload(upload_id=upload_id, by=created_by), created_by=created_by)
    blank.save()
    blank.job_id = int(tasks.draw_blank_sheet.enqueue(blank.pk).id)
    blank.save(update_fields=["job"])
    return blank


@transaction.atomic
def create_exam_on_drawing(
    *, blank_sheet_id: int, title: str, blocks: object, created_by: User, course: int | None = None
) -> Exam:
    """An exam on the blank sheet as ``blocks`` (the JSON of ``drawing.BlockJson``) are drawn over it.

    Raises ``Invalid`` when they are no sheet; ``Missing`` and ``CourseArchived`` for the course, ``Missing`` for a
    blank sheet that is not there or has no picture.
    """
    course_id = course_for(created_by, course)
    blank = blank_sheets_visible_to(created_by).select_for_update(of=("self",)).filter(pk=blank_sheet_id).first()
    if blank is None or blank.width is None or blank.height is None:
        raise Missing
    parsed = parse_blocks(blocks)
    drawing = as_template(parsed, (blank.width, blank.height))
    try:
        template = parse_template(drawing.definition, assets={})
    except BadTemplate as error:
        raise Invalid(gettext("The template cannot be used: {problem}").format(problem=error), attr="blocks") from error
    blank.blocks = [dict(block) for block in parsed]
    blank.save(update_fields=["blocks"])
    sheet = _layout_of(template, drawing.definition, drawing.number_label, {})
    return add_exam(title=title, sheet=sheet, created_by=created_by, course_id=course_id, kinds=drawing.kinds)
