"""What the API shows of lectures. Each query loads all that its serializer touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from academy.jobs.models import is_unfinished
from academy.tenancy.context import acting_tenant
from apps.accounts.models import User
from apps.accounts.roles import Sight
from apps.courses.models import Enrolment
from apps.courses.queries import courses_visible_to
from apps.lectures.models import Lecture, LectureProgress, LectureRendition, VideoPlaybackSession
from apps.students.models import Student
from apps.students.queries import children_of

MAX_ROWS: Final = 500
"""Of one student's lectures, and of the students of one lecture."""


def lectures_visible_to(person: User) -> QuerySet[Lecture]:
    """Of staff: all of them, or those of the courses that they teach. Families have ``lectures_of_student``."""
    match person.sight:
        case Sight.EVERYTHING:
            return Lecture.objects.all()
        case Sight.TAUGHT:
            return Lecture.objects.filter(course__in=courses_visible_to(person))
    return Lecture.objects.none()


def lectures_with_job(person: User) -> QuerySet[Lecture]:
    return lectures_visible_to(person).select_related("job", "renditions_job", "upload", "course", "created_by")


def lecture_jobs_visible_to(person: User) -> Q:
    """Of the jobs that make lectures ready."""
    return Q(pk__in=lectures_visible_to(person).values("job_id"))


def rendition_jobs_visible_to(person: User) -> Q:
    """Of the jobs that write lectures in several qualities."""
    return Q(pk__in=lectures_visible_to(person).values("renditions_job_id"))


def lectures_of_student(student: Student) -> QuerySet[Lecture]:
    """What a student may watch now, the one place that says so: published, ready, of a course they are in."""
    enrolled = Enrolment.objects.filter(student=student, left_at=None)
    return Lecture.objects.filter(
        course__in=enrolled.values("course_id"), course__is_archived=False, published_at__isnull=False
    ).exclude(video_key="")


def renditions_in_order(lecture: Lecture) -> list[LectureRendition]:
    """The qualities that a player may choose from, the highest first."""
    return sorted(LectureRendition.objects.filter(lecture=lecture), key=lambda one: -one.average_bits)


def lacks_renditions(lecture: Lecture) -> bool:
    """Whether the plan has several qualities, and making this lecture ready again may give it some."""
    job = lecture.renditions_job
    if not lecture.is_ready or is_unfinished(job) or acting_tenant().plan.tier_of("lectures.write_renditions") is None:
        return False
    is_too_long = job is not None and job.error_code == "too_long_for_renditions"
    return not is_too_long and not LectureRendition.objects.filter(lecture=lecture).exists()


def may_act_for(person: User, student: Student) -> bool:
    """Whether the student is this person, or still a child of theirs."""
    return student.user_id == person.pk or children_of(person.pk).filter(pk=student.pk).exists()


@dataclass(frozen=True, slots=True)
class OwnLecture:
    """A lecture with what its student has watched, ``None``: nothing yet."""

    lecture: Lecture
    progress: LectureProgress | None


def own_lectures(student: Student) -> list[OwnLecture]:
    """By course, in their order."""
    rows = lectures_of_student(student).select_related("course").order_by("course__name", "course", "position", "pk")
    return _with_progress(student, list(rows[:MAX_ROWS]))


def own_lecture(student: Student, lecture_id: int) -> OwnLecture | None:
    rows = lectures_of_student(student).select_related("course").filter(pk=lecture_id)
    return next(iter(_with_progress(student, list(rows))), None)


def _with_progress(student: Student, lectures: list[Lecture]) -> list[OwnLecture]:
    rows = LectureProgress.objects.filter(student=student, lecture_id__in=[lecture.pk for lecture in lectures])
    watched = {row.lecture_id: row for row in rows}
    return [OwnLecture(lecture, watched.get(lecture.pk)) for lecture in lectures]


@dataclass(frozen=True, slots=True)
class Watcher:
    """A student of the course, or one who has watched and left it."""

    student: Student
    progress: LectureProgress | None


def watchers_of(lecture: Lecture) -> list[Watcher]:
    """Everybody who is in the course, and who else has watched, by number."""
    enrolled = Enrolment.objects.filter(course_id=lecture.course_id, left_at=None)
    watched = {row.student_id: row for row in LectureProgress.objects.filter(lecture=lecture)}
    students = Student.objects.filter(Q(pk__in=enrolled.values("student_id")) | Q(pk__in=list(watched)))
    return [Watcher(student, watched.get(student.pk)) for student in students.order_by("number")[:MAX_ROWS]]


def running_sessions() -> QuerySet[VideoPlaybackSession]:
    """Who is watching now: not ended, and heard of lately."""
    return VideoPlaybackSession.objects.filter(ended_at=None, expires_at__gt=timezone.now())


def running_sessions_visible_to(person: User) -> QuerySet[VideoPlaybackSession]:
    return running_sessions().filter(lecture__in=lectures_visible_to(person)).select_related("user", "student")


def watched_counts(lecture_ids: Iterable[int]) -> dict[int, int]:
    """How many students have begun each of the lectures."""
    found = dict.fromkeys(lecture_ids, 0)
    begun = LectureProgress.objects.filter(lecture_id__in=list(found)).values_list("lecture_id")
    return found | dict(begun.annotate(n=Count("pk")))
