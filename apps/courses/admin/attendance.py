"""Who was there: the list of a day, noted by one tap a student, and a month at a glance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from academy.desk.pages import Page, note_error
from academy.desk.site import academy_desk
from academy.http.disclosures import about, note_subjects
from academy.http.errors import DomainError, Missing
from apps.accounts.requests import person_of
from apps.accounts.roles import Permission
from apps.courses import queries, services
from apps.courses.admin.frame import MAX_SHOWN, course_of, course_url, render_below
from apps.courses.models import AttendanceStatus, Course
from apps.courses.services import FIRST_DAY, LAST_DAY, Noted

MAX_NOTE_CHARACTERS: Final = 200
# Status -> its word, what stands for it in the month's table, and its colour.
_WORDS: Final[Mapping[AttendanceStatus, tuple[str | Promise, str, str]]] = {
    AttendanceStatus.PRESENT: (_("Present"), "○", "success"),
    AttendanceStatus.LATE: (_("Late"), "△", "warning"),
    AttendanceStatus.ABSENT: (_("Absent"), "×", "danger"),
    AttendanceStatus.EXCUSED: (_("Excused"), "◇", "info"),
}
_CHOICES: Final = tuple((status.value, word, kind) for status, (word, _mark, kind) in _WORDS.items())


@dataclass(frozen=True, slots=True)
class DayRow:
    """A student in the list of a day; ``status`` is "" while nothing is noted."""

    student_id: int
    number: str
    name: str
    status: str
    note: str


@dataclass(frozen=True, slots=True)
class MonthRow:
    """A student's month: a mark for each lesson, and how many of each status there were."""

    number: str
    name: str
    marks: tuple[tuple[str, str, str | Promise], ...]
    counts: tuple[int, ...]


def _day_in(text: str) -> date:
    """The day that ``text`` names, today for one that there is not."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return timezone.localdate()
    return day if FIRST_DAY <= day <= LAST_DAY else timezone.localdate()


def take(request: HttpRequest, object_id: int) -> HttpResponse:
    """The list of one day: looked at by GET, noted by POST."""
    course = course_of(request, object_id)
    day = _day_in(request.POST.get("date", "") if request.method == "POST" else request.GET.get("date", ""))
    students = list(queries.students_of_day(course.pk, day).order_by("name", "number")[: MAX_SHOWN + 1])
    note_subjects(request, "student", [student.pk for student in students[:MAX_SHOWN]])
    before = queries.attendance_of_day(course.pk, day)
    rows = [
        DayRow(
            student.pk,
            student.number,
            student.name,
            before[student.pk].status if student.pk in before else "",
            before[student.pk].note if student.pk in before else "",
        )
        for student in students[:MAX_SHOWN]
    ]
    if request.method == "POST":
        rows = [_as_sent(request, row) for row in rows]
        if _note(request, course, day, rows):
            return HttpResponseRedirect(f"{course_url('attendance', course.pk)}?date={day.isoformat()}")
    shown = {
        "title": _("Attendance"),
        "day": day,
        "previous": day - timedelta(days=1),
        "next": day + timedelta(days=1),
        "is_today": day == timezone.localdate(),
        "is_noted": bool(before),
        "rows": rows,
        "choices": _CHOICES,
        "can_take": person_of(request).may(Permission.TAKE_ATTENDANCE) and not course.is_archived,
        "take_url": course_url("attendance", course.pk),
        "month_url": f"{course_url('month', course.pk)}?month={day:%Y-%m}",
        "has_more": len(students) > MAX_SHOWN,
    }
    return render_below(request, course, "courses/attendance.html", shown)


def _as_sent(request: HttpRequest, row: DayRow) -> DayRow:
    status = request.POST.get(f"status-{row.student_id}", "")
    note = request.POST.get(f"note-{row.student_id}", "").replace("\x00", "").strip()[:MAX_NOTE_CHARACTERS]
    known = status if status in AttendanceStatus.values else ""
    return DayRow(row.student_id, row.number, row.name, known, note)


def _note(request: HttpRequest, course: Course, day: date, rows: list[DayRow]) -> bool:
    noted = [Noted(row.student_id, AttendanceStatus(row.status), row.note) for row in rows if row.status]
    try:
        services.take_attendance(by=person_of(request), course_id=course.pk, day=day, noted=noted)
    except Missing:
        raise
    except DomainError as error:
        note_error(request, error)
        messages.error(request, error.message)
        return False
    done = ngettext("Noted for %(count)d student.", "Noted for %(count)d students.", len(noted))
    messages.success(request, done % {"count": len(noted)})
    return True


def _month_in(text: str) -> date:
    """The first day of the month that ``text`` (2026-11) names, of this month for one that there is not."""
    return _day_in(f"{text}-01").replace(day=1)


def month(request: HttpRequest, object_id: int) -> HttpResponse:
    """The lessons of a month: a row for each student, a column for each day."""
    course = course_of(request, object_id)
    first = _month_in(request.GET.get("month", ""))
    following = (first + timedelta(days=32)).replace(day=1)
    last = following - timedelta(days=1)
    days = queries.lesson_days(course.pk, first, last)
    rows = _month_rows(request, course, days, first, last)
    shown = {
        "title": _("Attendance of the month"),
        "first": first,
        "previous": first - timedelta(days=1),
        "next": following,
        "days": [(day, f"{course_url('attendance', course.pk)}?date={day.isoformat()}") for day in days],
        "rows": rows,
        "words": [(mark, word, kind) for word, mark, kind in _WORDS.values()],
        "month_url": course_url("month", course.pk),
    }
    return render_below(request, course, "courses/month.html", shown)


def _month_rows(request: HttpRequest, course: Course, days: list[date], first: date, last: date) -> list[MonthRow]:
    """Whoever is in the course or was noted in these days, by name."""
    noted: dict[int, dict[date, AttendanceStatus]] = {}
    people: dict[int, tuple[str, str]] = {}
    visible = queries.attendances_visible_to(person_of(request)).filter(lesson__course=course.pk)
    for row in queries.attendance_rows(visible, first=first, last=last):
        noted.setdefault(row["student"], {})[row["date"]] = AttendanceStatus(row["status"])
        people[row["student"]] = (row["name"], row["number"])
    for enrolled in queries.enrolment_rows(course.pk)[:MAX_SHOWN]:
        people[enrolled["student"]] = (enrolled["name"], enrolled["number"])
    note_subjects(request, "student", people)
    return [
        MonthRow(number, name, *_marks(noted.get(student_id, {}), days))
        for student_id, (name, number) in sorted(people.items(), key=lambda item: item[1])
    ]


def _marks(
    noted: Mapping[date, AttendanceStatus], days: list[date]
) -> tuple[tuple[tuple[str, str, str | Promise], ...], tuple[int, ...]]:
    counts = Counter(noted.values())
    marks: list[tuple[str, str, str | Promise]] = []
    for day in days:
        if day in noted:
            word, mark, kind = _WORDS[noted[day]]
            marks.append((mark, kind, word))
        else:
            marks.append(("", "", gettext("Not noted")))
    return tuple(marks), tuple(counts[status] for status in _WORDS)


_VIEW: Final = Permission.VIEW_ATTENDANCE
_PAGES: Final[tuple[tuple[str, str, Any, Mapping[str, str]], ...]] = (
    ("attendance", "courses_course_attendance", take, {"GET": _VIEW, "POST": Permission.TAKE_ATTENDANCE}),
    ("attendance/month", "courses_course_month", month, {"GET": _VIEW}),
)
for _path, _name, _view, _permissions in _PAGES:
    academy_desk.add_page(
        Page(
            f"courses/course/<int:object_id>/{_path}/",
            _name,
            _view,
            _permissions,
            dict.fromkeys(_permissions, about()),  # notes the students by itself
        )
    )
