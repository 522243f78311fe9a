"""Exams of the acting academy and what was handed in for them. None of it needs S3 or SQS."""

from __future__ import annotations

from collections.abc import Mapping

from academy.jobs.models import Job
from academy.storage import s3
from academy.storage.models import Upload, UploadState
from academy.storage.multipart import PART_BYTES
from academy.storage.services import MAX_BYTES_BY_TYPE, new_key
from apps.accounts.models import User
from apps.courses.models import Course
from apps.exams.grading import record_reading
from apps.exams.models import (
    Batch,
    BlankSheet,
    Correction,
    CorrectionKind,
    Exam,
    Objection,
    Publication,
    Question,
    Scan,
    SheetSet,
    StudentSheet,
)
from apps.exams.objecting import raise_objection
from apps.exams.publishing import publish_results
from apps.exams.reviewing import Said, correct_scan
from apps.exams.services import create_exam, order_sheet_set, set_answer_key
from apps.exams.tasks import add_scan
from apps.students.models import Student
from sheets.payload import TOKEN_LENGTH
from sheets.reading import FieldReading, FieldStatus, SheetReading
from tests.factories.people import make_user


def make_upload(
    *,
    created_by: User | None = None,
    file_name: str = "scan.jpg",
    content_type: str = "image/jpeg",
    is_used: bool = False,
) -> Upload:
    """An upload whose file has not arrived in S3; ``is_used`` marks it as handed in."""
    upload = Upload(
        key=new_key(),
        file_name=file_name,
        content_type=content_type,
        max_bytes=MAX_BYTES_BY_TYPE[content_type],
        created_by=created_by or make_user(),
    )
    if is_used:
        upload.state, upload.byte_count = UploadState.USED, 1000
    upload.save(force_insert=True)
    return upload


def make_film_upload(*, created_by: User, file_name: str = "film.mp4", byte_count: int = 15) -> Upload:
    """A film that is being sent in parts, of which S3 knows nothing."""
    upload = Upload(
        key=new_key(),
        file_name=file_name,
        content_type="video/mp4",
        max_bytes=byte_count,
        multipart_id="begun-nowhere",
        part_bytes=PART_BYTES,
        modified_ms=1_700_000_000_000,
        created_by=created_by,
    )
    upload.save(force_insert=True)
    return upload


def make_exam(
    title: str = "중간고사",
    *,
    question_count: int = 20,
    number_digits: int = 6,
    key: Mapping[str, str] | None = None,
    created_by: User | None = None,
    course: Course | None = None,
) -> Exam:
    """An exam on a sheet of our own; ``key`` maps question labels to the accepted answer."""
    author = created_by or make_user()
    exam = create_exam(
        title=title,
        question_count=question_count,
        choice_count=5,
        number_digits=number_digits,
        created_by=author,
        course=course.pk if course else None,
    )
    if key:
        answers = {label: [answer] for label, answer in key.items()}
        set_answer_key(by=author, exam_id=exam.pk, answers=answers, points={})
    return exam


def make_batch(
    exam: Exam | None = None,
    *,
    upload: Upload | None = None,
    created_by: User | None = None,
    page_count: int | None = 1,
) -> Batch:
    """A handed-in file without its pages: see ``make_scan``. Not by ``submit_scans``, which needs the file in S3."""
    author = created_by or make_user()
    batch = Batch(
        exam=exam or make_exam(created_by=author),
        upload=upload or make_upload(created_by=author, is_used=True),
        created_by=author,
        page_count=page_count,
    )
    batch.save()
    return batch


def make_scan(batch: Batch | None = None, *, page_index: int = 0) -> Scan:
    """A page with the job that will read it."""
    batch = batch or make_batch()
    return add_scan(batch, page_index=page_index, source_key=batch.upload.key)


def make_page_of(job: Job, exam: Exam) -> Scan:
    """A page of ``exam`` that ``job`` reads: whoever sees the exam sees the job."""
    batch = make_batch(exam, created_by=exam.created_by)
    scan = Scan(exam=exam, batch=batch, page_index=0, source_key=batch.upload.key, job=job)
    scan.save()
    return scan


def make_reading(
    exam: Exam, *, number: str | None = None, answers: Mapping[str, str] | None = None, page: int = 1
) -> SheetReading:
    """What a worker reports: the marked number and answers, surely read; questions that are not named are blank."""
    marked = answers or {}
    return SheetReading(
        layout_fingerprint=exam.layout.fingerprint,
        sheet_id=exam.sheet_code,
        page=page,
        fields=tuple(
            FieldReading(
                label=label,
                values=(marked[label],) if label in marked else (),
                status=FieldStatus.OK if label in marked else FieldStatus.BLANK,
                confidence=0.99,
            )
            for label in Question.objects.filter(exam=exam).order_by("position").values_list("label", flat=True)
        ),
        student_number=FieldReading(
            label="student_number",
            values=(number or "??????",),
            status=FieldStatus.OK if number else FieldStatus.BLANK,
            confidence=0.99,
        ),
        corners_found=4,
        rotation_degrees=0.0,
        sharpness=0.9,
    )


def record_scan(scan: Scan, *, number: str | None = None, answers: Mapping[str, str] | None = None) -> Scan:
    """Record a reading of ``scan`` as its task would; the job's own state stays as it is."""
    record_reading(
        scan,
        make_reading(scan.exam, number=number, answers=answers),
        overlay_key=s3.tenant_key("overlays", str(scan.pk), "1.jpg"),
    )
    return scan


def make_student_sheet(exam: Exam, student: Student, *, token: str = "2" * TOKEN_LENGTH) -> StudentSheet:
    """The student's own copy of the exam's sheet."""
    sheet = StudentSheet(exam=exam, student=student, token=token)
    sheet.save()
    return sheet


def make_blank_sheet(*, created_by: User, title: str = "모의고사 답안지", is_drawn: bool = True) -> BlankSheet:
    """A blank sheet of another maker; with its picture if ``is_drawn``."""
    upload = make_upload(created_by=created_by, is_used=True)
    picture = {"picture_key": upload.key, "width": 1000, "height": 1400} if is_drawn else {}
    blank = BlankSheet(title=title, upload=upload, created_by=created_by, **picture)
    blank.save()
    return blank


def make_sheet_set(exam: Exam, student: Student, *, created_by: User) -> SheetSet:
    """An order to print the student's sheet, with the job that will."""
    return order_sheet_set(exam_id=exam.pk, students=[student.pk], has_versions=False, created_by=created_by)


def make_correction(scan: Scan, *, by: User, label: str = "q20", values: tuple[str, ...] = ()) -> Correction:
    """What ``by`` says is marked in a field of ``scan``, which has been read."""
    correct_scan(scan_id=scan.pk, said=[Said(CorrectionKind.ANSWER, values, label)], by=by)
    return Correction.objects.get(scan=scan, label=label, undone_at=None)


def make_objection(scan: Scan, *, by: User, label: str = "q1", values: tuple[str, ...] | None = ("4",)) -> Objection:
    """What ``by``, who acts for the student of ``scan``, says they had marked; its sheet has to be published."""
    assert scan.student_id is not None
    return raise_objection(
        by=by,
        student_id=scan.student_id,
        exam_id=scan.exam_id,
        scan_id=scan.pk,
        label=label,
        values=None if values is None else list(values),
        note="다시 봐 주세요",
    )


def make_publication(exam: Exam, *, by: User, waived_reason: str = "기다리지 않습니다", **shown: bool) -> Publication:
    """The exam's results are published, whatever is open."""
    return publish_results(exam_id=exam.pk, by=by, waived_reason=waived_reason, **shown)
