"""Sheets, exams, keys, and the scans that were handed in."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from academy.jobs.models import Job
from academy.storage.models import Upload
from academy.tenancy.base import TenantModel
from academy.tenancy.fields import TenantForeignKey
from apps.courses.models import Course
from apps.exams.kinds import Cancellation, QuestionKind
from apps.students.models import Student


class ImmutableRow(RuntimeError):
    """A row that is never changed once it is written was about to be."""


class Maker(models.TextChoices):
    OWN = "own", "Our own sheet"
    OMRCHECKER = "omrchecker", "OMRChecker template"


class SheetLayout(TenantModel):
    """An answer sheet's definition: fingerprinted and never changed, so that old scans stay readable.

    ``definition`` is the JSON of ``sheets.layout.Layout`` or another maker's template; ``assets`` maps the template's
    picture names to S3 keys; ``number_label`` is the field that holds the student number ("" when none does).
    """

    id = models.BigAutoField(primary_key=True)
    maker = models.CharField(max_length=12, choices=Maker)
    fingerprint = models.CharField(max_length=64)
    definition = models.JSONField()
    assets = models.JSONField(default=dict, blank=True)
    labels = models.JSONField()  # of the questions, in printed order
    number_label = models.CharField(max_length=80, blank=True, default="")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "fingerprint", "number_label"], name="sheet_layout_once")
        ]

    def __str__(self) -> str:
        return self.fingerprint

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableRow("a sheet layout is never changed; make a new one")
        super().save(*args, **kwargs)


class BlankSheet(TenantModel):
    """An unfilled sheet of another maker, over whose picture a person draws where its bubbles are.

    ``job`` makes the picture, ``width`` and ``height`` in pixels, and finds ``bubbles`` (x, y, width, height) in it.
    ``blocks`` is what was drawn last, as ``apps.exams.drawing.BlockJson``: the sheet of the next exam begins with it.
    """

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    picture_key = models.CharField(max_length=255, blank=True, default="")
    width = models.PositiveSmallIntegerField(null=True)
    height = models.PositiveSmallIntegerField(null=True)
    bubbles = models.JSONField(default=list, blank=True)
    blocks = models.JSONField(default=list, blank=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="blank_sheet_upload_once")]

    def __str__(self) -> str:
        return self.title


class Exam(TenantModel):
    """An exam on one sheet layout. ``sheet_code`` is printed on its sheets and recognised on its scans."""

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=120)
    layout = TenantForeignKey(SheetLayout, on_delete=models.PROTECT, related_name="exams")
    sheet_code = models.CharField(max_length=16)
    versions = models.JSONField(default=dict, db_default={}, blank=True)  # letter -> apps.exams.versions.VersionJson
    # NULL: of no course, and seen by who made it.
    course = TenantForeignKey(Course, on_delete=models.PROTECT, null=True, related_name="exams")
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("course_id",)  # it decides who sees the exam

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "sheet_code"], name="exam_sheet_code_once")]
        indexes: ClassVar = [models.Index(fields=["tenant", "created_at"], name="exam_by_time")]

    def __str__(self) -> str:
        return self.title


class Question(TenantModel):
    """One question of an exam with its accepted answers. An empty list means: no key yet.

    What the columns from ``kind`` on mean, ``apps.exams.scoring.KeyedQuestion`` says.
    """

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.CASCADE, related_name="questions")
    label = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField()
    accepted = models.JSONField(default=list)
    points = models.DecimalField(max_digits=6, decimal_places=2, default=1)
    kind = models.CharField(
        max_length=8,
        choices=[(kind.value, kind.name.capitalize()) for kind in QuestionKind],
        default=QuestionKind.SINGLE.value,
        db_default=QuestionKind.SINGLE.value,
    )
    penalty = models.DecimalField(max_digits=6, decimal_places=2, default=0, db_default=0)
    is_partial = models.BooleanField(default=False, db_default=False)
    as_written = models.BooleanField(default=False, db_default=False)
    cancelled = models.CharField(
        max_length=12,
        choices=[(way.value, way.name.capitalize()) for way in Cancellation],
        blank=True,
        default=Cancellation.NONE.value,
        db_default="",
    )

    trail_values = ("accepted", "points")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "exam", "label"], name="question_once")]

    def __str__(self) -> str:
        return self.label


class Batch(TenantModel):
    """One handed-in file. ``page_count`` is unknown until a PDF has been opened; ``job`` opens it."""

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.PROTECT, related_name="batches")
    upload = TenantForeignKey(Upload, on_delete=models.PROTECT, related_name="+")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    page_count = models.PositiveSmallIntegerField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["tenant", "upload"], name="batch_upload_once")]
        indexes: ClassVar = [models.Index(fields=["tenant", "exam", "created_at"], name="batch_by_exam")]

    def __str__(self) -> str:
        return f"batch {self.pk}"


class StudentSheet(TenantModel):
    """One student's own copy of an exam's sheet. ``token`` is in its printed code instead of a name or a number."""

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.CASCADE, related_name="student_sheets")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    token = models.CharField(max_length=16)
    version = models.CharField(max_length=1, blank=True, default="")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "exam", "student"], name="student_sheet_once"),
            models.UniqueConstraint(fields=["tenant", "token"], name="student_sheet_token_once"),
        ]

    def __str__(self) -> str:
        return f"sheet {self.pk} of exam {self.exam_id}"


class SheetSet(TenantModel):
    """An order to print sheets for students in one file; ``job`` makes it, ``pdf_key`` says where it is.

    ``students``: ids in the order in which they are printed, as they were when it was ordered.
    """

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.CASCADE, related_name="sheet_sets")
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    students = models.JSONField()
    has_versions = models.BooleanField(default=False)
    pdf_key = models.CharField(max_length=255, blank=True, default="")
    page_count = models.PositiveIntegerField(null=True)
    created_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"sheet set {self.pk}"


class Match(models.TextChoices):
    """Whose sheet it is. Never guessed: what is not exact is for a person to decide."""

    PENDING = "pending", "Not read yet"
    MATCHED = "matched", "Matched"
    NUMBER_UNREADABLE = "number_unreadable", "Number unreadable"
    NUMBER_UNKNOWN = "number_unknown", "No student has this number"
    NUMBER_CONTRADICTS = "number_contradicts", "The number is not that of the student whose sheet it is"
    NO_NUMBER = "no_number", "The sheet has no number"
    DUPLICATE = "duplicate", "The student has this page already"
    SET_ASIDE = "set_aside", "A person said that it is not to count"


class Scan(TenantModel):
    """One page of a batch and what the machine read on it.

    Whether it is queued, running or failed, and why, is its ``job``'s to say; ``reading`` is set once it was read.
    """

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.PROTECT, related_name="scans")
    batch = TenantForeignKey(Batch, on_delete=models.CASCADE, related_name="scans")
    page_index = models.PositiveSmallIntegerField()
    source_key = models.CharField(max_length=255)
    entry_name = models.CharField(max_length=255, blank=True, default="", db_default="")  # its name inside a ZIP file
    job = TenantForeignKey(Job, on_delete=models.PROTECT, null=True, related_name="+")
    reading = models.JSONField(null=True)  # sheets.reading.SheetReading
    read_at = models.DateTimeField(null=True)
    page = models.PositiveSmallIntegerField(null=True)  # the sheet's printed page number
    is_sheet_confirmed = models.BooleanField(default=False)  # its printed code was read and is this exam's
    overlay_key = models.CharField(max_length=255, blank=True, default="")
    match = models.CharField(max_length=20, choices=Match, default=Match.PENDING)
    number_read = models.CharField(max_length=20, blank=True, default="")
    student = TenantForeignKey(Student, on_delete=models.SET_NULL, null=True, related_name="scans")
    points = models.DecimalField(max_digits=8, decimal_places=2, null=True)  # NULL: not read, or no key
    max_points = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    unsure_count = models.PositiveSmallIntegerField(null=True)
    awaited_count = models.PositiveSmallIntegerField(null=True)  # essays that nobody has given points for
    asked_count = models.PositiveSmallIntegerField(null=True)  # what a person has to look at, see apps.exams.asking
    # of a duplicate: it surely says something else than the page that counts, and nobody has chosen between them
    is_disputed = models.BooleanField(default=False, db_default=False)
    essay_keys = models.JSONField(default=dict, db_default={}, blank=True)  # label -> S3 key of what was cut out
    essay_points = models.JSONField(default=dict, db_default={}, blank=True)  # label -> points, a person's; kept

    trail_values = ("match",)

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "batch", "page_index"], name="scan_page_once"),
            models.UniqueConstraint(
                fields=["tenant", "exam", "student", "page"],
                condition=models.Q(match=Match.MATCHED),
                name="scan_counts_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "exam", "id"], name="scan_by_exam"),
            models.Index(
                fields=["tenant", "exam", "id"], condition=models.Q(asked_count__gt=0), name="scan_by_exam_asked"
            ),
        ]

    def __str__(self) -> str:
        return f"scan {self.pk}"


class CorrectionKind(models.TextChoices):
    ANSWER = "answer", "What was meant in a field"
    STUDENT = "student", "Whose page it is"
    VERSION = "version", "Which version of the exam it is"
    COUNTS = "counts", "This one counts, of several of the same page"
    SET_ASIDE = "set_aside", "It is not to count at all"


class Correction(TenantModel):
    """What a person said of a page, in place of what the machine read. ``Scan.reading`` stays as the machine wrote it.

    ``label`` and ``values`` as printed on the sheet; no value means blank. A row is never changed but to be undone, so
    that who said what stays known; of one thing at most one row stands.
    """

    id = models.BigAutoField(primary_key=True)
    scan = TenantForeignKey(Scan, on_delete=models.CASCADE, related_name="corrections")
    kind = models.CharField(max_length=9, choices=CorrectionKind)
    label = models.CharField(max_length=80, blank=True, default="")
    values = models.JSONField(default=list, blank=True)
    student = TenantForeignKey(Student, on_delete=models.CASCADE, null=True, related_name="+")
    by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)
    undone_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("kind", "label")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "scan", "kind", "label"],
                condition=models.Q(undone_at=None),
                name="correction_stands_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="student") | models.Q(student__isnull=False),
                name="correction_names_student",
            ),
        ]

    def __str__(self) -> str:
        return f"correction {self.pk} of scan {self.scan_id}"


class Publication(TenantModel):
    """That an exam's results may be seen by students and guardians, from ``created_at`` until it is withdrawn.

    ``open_count``: pages that somebody had yet to look at, or that were not read yet, when it was published all the
    same, for ``waived_reason``.
    """

    id = models.BigAutoField(primary_key=True)
    exam = TenantForeignKey(Exam, on_delete=models.CASCADE, related_name="publications")
    shows_sheet = models.BooleanField()
    shows_answers = models.BooleanField()
    shows_rank = models.BooleanField()
    open_count = models.PositiveIntegerField(default=0)
    waived_reason = models.CharField(max_length=500, blank=True, default="")
    by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("shows_sheet", "shows_answers", "shows_rank", "open_count")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "exam"], condition=models.Q(withdrawn_at=None), name="publication_stands_once"
            )
        ]

    def __str__(self) -> str:
        return f"publication {self.pk} of exam {self.exam_id}"


class ObjectionState(models.TextChoices):
    ASKED = "asked", "Nobody has decided"
    CHANGED = "changed", "What stands on the page was changed"
    KEPT = "kept", "What stands on the page was confirmed"
    LAPSED = "lapsed", "There was nothing left to decide"


class Objection(TenantModel):
    """What a student, or who acts for them, says was read wrong on their page. It changes no score by itself.

    ``label``: an answer or an essay, "" for the whole page. ``values``: what was marked, as printed, nothing in it for
    blank; None where there is only a note. ``read_as``: what stood there when it was asked, ``decided_as`` when it was
    decided (``apps.exams.objections.what_stands``). ``reply``: a sentence back.
    """

    id = models.BigAutoField(primary_key=True)
    scan = TenantForeignKey(Scan, on_delete=models.CASCADE, related_name="objections")
    student = TenantForeignKey(Student, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=80, blank=True, default="")
    values = models.JSONField(null=True)
    note = models.CharField(max_length=300, blank=True, default="")
    read_as = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=ObjectionState, default=ObjectionState.ASKED)
    reply = models.CharField(max_length=300, blank=True, default="")
    by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_as = models.JSONField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = TenantForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    trail_values = ("state", "label")

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "scan", "label"], condition=models.Q(state="asked"), name="objection_asked_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state="asked", decided_at=None)
                | ~models.Q(state="asked") & ~models.Q(decided_at=None),
                name="objection_decided_when",
            ),
        ]

    def __str__(self) -> str:
        return f"objection {self.pk} to scan {self.scan_id}"
