"""Everything that people write to exams: sheets, keys, and files handed in."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import ClassVar, Final

import orjson
from django.db import transaction
from django.utils.translation import gettext

from academy.http.errors import DomainError, Invalid, Missing
from academy.jobs.models import Job
from academy.jobs.services import cancel_jobs
from academy.storage import s3
from academy.storage.services import use_upload
from apps.accounts.models import User
from apps.exams import tasks
from apps.exams.grading import hold_key, regrade_exam
from apps.exams.models import Batch, Exam, Maker, Question, Scan, SheetLayout
from sheets.layout import Layout, design_layout
from sheets.template import BadTemplate, parse_template

# No 0/O, 1/I: people read it aloud when the printed code is torn off.
_CODE_ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_CODE_LENGTH: Final = 10
PDF_TYPE: Final = "application/pdf"
MAX_TEMPLATE_BYTES: Final = 1024 * 1024
MAX_ASSET_BYTES: Final = 4 * 1024 * 1024
MAX_ASSETS: Final = 8
"""Pictures that one template of another maker may bring along."""
MAX_ACCEPTED: Final = 10
MAX_LABELS: Final = 1000
MAX_LABEL_CHARACTERS: Final = 80


class NotPrintable(DomainError):
    """A sheet of another maker is printed by its maker."""

    code: ClassVar[str] = "not_printable"


def create_exam(
    *,
    title: str,
    question_count: int,
    choice_count: int,
    number_digits: int,
    created_by: User,
) -> Exam:
    """An exam on a sheet of our own. Raises ``Invalid`` when no such sheet can be made."""
    try:
        layout = design_layout(question_count=question_count, choice_count=choice_count, number_digits=number_digits)
    except ValueError as error:
        raise Invalid(gettext("No sheet can be made like this: {problem}").format(problem=error)) from error
    sheet, _ = SheetLayout.objects.get_or_create(
        fingerprint=layout.fingerprint,
        number_label="",
        defaults={"maker": Maker.OWN, "definition": layout.to_json(), "labels": list(layout.question_labels)},
    )
    return _create_exam(title=title, sheet=sheet, created_by=created_by)


@transaction.atomic
def create_exam_on_template(
    *,
    title: str,
    template_upload: int,
    asset_uploads: Mapping[str, int],
    number_label: str,
    created_by: User,
) -> Exam:
    """An exam on another maker's sheet, described by its ``template.json`` and the pictures that names.

    Raises ``Invalid`` when the template cannot be used, or does not have the field ``number_label``; then none of the
    uploads counts as used.
    """
    if len(asset_uploads) > MAX_ASSETS:
        raise Invalid(
            gettext("At most {count} pictures belong to a template.").format(count=MAX_ASSETS), attr="asset_uploads"
        )
    upload = use_upload(upload_id=template_upload)
    assets = {name: use_upload(upload_id=upload_id).key for name, upload_id in asset_uploads.items()}
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
    sheet, _ = SheetLayout.objects.get_or_create(
        fingerprint=template.fingerprint,
        number_label=number_label,
        defaults={
            "maker": Maker.OMRCHECKER,
            "definition": definition,
            "assets": {name: assets[name] for name, _ in template.assets},
            "labels": [label for label in labels if label != number_label],
        },
    )
    return _create_exam(title=title, sheet=sheet, created_by=created_by)


def _storable_json(text: bytes) -> dict[str, object]:
    """A strict JSON object that a ``jsonb`` column can hold. Raises ``ValueError``."""
    if b"\\u0000" in text:
        raise ValueError("NUL")
    found = orjson.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _create_exam(*, title: str, sheet: SheetLayout, created_by: User) -> Exam:
    code = "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))
    exam = Exam(title=title, layout=sheet, sheet_code=code, created_by=created_by)
    exam.save()
    Question.objects.bulk_create(
        Question(exam=exam, label=label, position=position) for position, label in enumerate(sheet.labels, start=1)
    )
    return exam


def set_answer_key(*, exam_id: int, answers: Mapping[str, Sequence[str]], points: Mapping[str, Decimal]) -> int:
    """Set the accepted answers of the named questions and regrade at once. Returns how many pages were regraded.

    Questions that are not named keep what they have. Raises ``Missing`` and, for a label or a choice that the sheet
    does not have, ``Invalid``.
    """
    with transaction.atomic():
        if not hold_key(exam_id):
            raise Missing
        questions = {question.label: question for question in Question.objects.filter(exam_id=exam_id)}
        unknown = sorted((set(answers) | set(points)) - set(questions))
        if unknown:
            attr = "answers" if unknown[0] in answers else "points"
            raise Invalid(gettext('The exam has no question "{name}".').format(name=unknown[0]), attr=attr)
        _check_choices(exam_id, answers)
        for label, accepted in answers.items():
            questions[label].accepted = list(accepted)[:MAX_ACCEPTED]
        for label, worth in points.items():
            questions[label].points = worth
        changed = [questions[label] for label in sorted(set(answers) | set(points))]
        Question.objects.bulk_update(changed, ["accepted", "points"])
        return regrade_exam(exam_id)


def _check_choices(exam_id: int, answers: Mapping[str, Sequence[str]]) -> None:
    """Raises ``Invalid`` for an answer that nobody can mark: it would count everybody's as wrong."""
    sheet = SheetLayout.objects.get(exams__pk=exam_id)
    if sheet.maker != Maker.OWN:
        return
    layout = Layout.from_json(sheet.definition)
    choices = {field.label: field.choices for page in layout for field in page.questions}
    for label, accepted in answers.items():
        for answer in accepted:
            if answer not in choices[label]:
                raise Invalid(
                    gettext('Question "{name}" has no choice "{choice}".').format(name=label, choice=answer),
                    attr="answers",
                )


def submit_scans(*, exam_id: int, upload_id: int, created_by: User) -> Batch:
    """Take a sent file as scans of an exam and queue their reading.

    Raises ``Missing``, ``UploadMissing``, ``UploadUsed``, ``KindNotIncluded`` when the plan has no OMR, and
    ``DailyLimitReached``.
    """
    with transaction.atomic():
        exam = Exam.objects.filter(pk=exam_id).first()
        if exam is None:
            raise Missing
        upload = use_upload(upload_id=upload_id)
        is_pdf = upload.content_type == PDF_TYPE
        batch = Batch(exam=exam, upload=upload, created_by=created_by, page_count=None if is_pdf else 1)
        batch.save()
        if is_pdf:
            batch.job_id = int(tasks.open_batch.enqueue(batch.pk).id)
            batch.save(update_fields=["job"])
        else:
            tasks.add_scan(batch, page_index=0, source_key=upload.key)
    return batch


@transaction.atomic
def cancel_batch(*, batch_id: int) -> int:
    """Cancel what of a handed-in file is not read yet; what is read stays. Returns how many jobs.

    Raises ``Missing``.
    """
    batch = Batch.objects.filter(pk=batch_id).first()
    if batch is None:
        raise Missing
    # First the job that finds pages: behind its lock nothing is added any more that the second statement would miss.
    cancelled = cancel_jobs(Job.objects.filter(pk=batch.job_id)) if batch.job_id is not None else 0
    pages = Scan.objects.filter(batch_id=batch_id, job__isnull=False).values("job_id")
    return cancelled + cancel_jobs(Job.objects.filter(pk__in=pages))
