"""Which lists somebody sees, and what the academy has of all that one names."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.accounts.roles import Permission
from apps.courses.models import Course, Enrolment
from apps.rosters.fields import Field
from apps.rosters.models import Roster
from apps.rosters.planning import Known, Now, RowPlan, cells_of, plan_rows
from apps.students.models import GuardianConsent, Guardianship, Student


def rosters_visible_to(person: User) -> QuerySet[Roster]:
    """Those of the academy for who manages its students."""
    return Roster.objects.all() if person.may(Permission.MANAGE_STUDENTS) else Roster.objects.none()


def listed_rosters(person: User) -> QuerySet[Roster]:
    """As the list shows them: with their job and how many rows they have, without the rows."""
    length = Func(F("rows"), function="jsonb_array_length", output_field=IntegerField())
    return rosters_visible_to(person).select_related("job").defer("rows", "named").annotate(length=length)


def plan_of(rows: Sequence[tuple[int, Sequence[str]]], columns: Sequence[str], named: Sequence[str]) -> list[RowPlan]:
    """What these rows would do now. At most five queries, however many they are."""
    return plan_rows(rows, columns, known_of(rows, columns, named))


def known_of(rows: Sequence[tuple[int, Sequence[str]]], columns: Sequence[str], named: Sequence[str]) -> Known:
    phones = [text for text in named if text.startswith("+")]
    numbers = [text for text in named if not text.startswith("+")]
    people = User.objects.filter(phone__in=phones).values_list("pk", "phone", "role")
    users = {pk: (str(phone), role) for pk, phone, role in people}
    consents = GuardianConsent.objects.filter(student=OuterRef("pk"), withdrawn_at=None)
    students = list(
        Student.objects.filter(Q(number__in=numbers) | Q(user__in=list(users)))
        .select_related("user")
        .annotate(consented=Exists(consents))
    )
    ids = [student.pk for student in students]
    guardianships = Guardianship.objects.filter(student_id__in=ids, user_id__in=list(users))
    courses: dict[str, list[int]] = {}
    enrolments: frozenset[tuple[int, int]] = frozenset()
    if any(cells_of(columns, cells).get(Field.COURSE) for _line, cells in rows):
        for pk, name in Course.objects.filter(is_archived=False).values_list("pk", "name"):
            courses.setdefault(" ".join(name.split()), []).append(pk)
        current = Enrolment.objects.filter(student_id__in=ids, left_at=None)
        enrolments = frozenset(current.values_list("student_id", "course_id"))
    return Known(
        students=[
            Now(
                student.pk,
                student.number,
                student.name,
                student.birth_year,
                str(student.user.phone) if student.user is not None else "",
                student.consented,
            )
            for student in students
        ],
        roles=dict(users.values()),
        guardianships=frozenset(
            (student_id, users[user_id][0])
            for student_id, user_id in guardianships.values_list("student_id", "user_id")
        ),
        courses=courses,
        enrolments=enrolments,
    )
