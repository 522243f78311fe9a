"""Courses on the desk: made, given to teachers, filled with students, and who was there noted by taps."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.courses.models import Attendance, Course, CourseTeacher, Enrolment
from tests.api.test_desk_pages import MAX_QUERIES, text_after
from tests.api.test_trail import recorded
from tests.factories import LESSON_DAY, World, client_of, make_course, make_student, make_user

DAY = "2026-03-06"


@pytest.fixture
def manager(world: World) -> Client:
    return client_of(world.hana.users[Role.MANAGER])


def url(course: Course, page: str = "") -> str:
    return f"/admin/courses/course/{course.pk}/{page}"


def in_course(world: World, course: Course) -> set[str]:
    with world.hana.acting():
        rows = Enrolment.objects.filter(course=course, left_at=None)
        return set(rows.values_list("student__number", flat=True))


def test_a_course_is_made_renamed_and_archived(world: World, manager: Client) -> None:
    form = {"name": "중3 수학", "starts_on": "2026-03-02", "ends_on": "2026-01-01"}
    assert "종료일이 시작일보다 빠릅니다." in text_after(manager, "/admin/courses/course/add/", form)
    with world.hana.acting():
        assert not Course.objects.filter(name="중3 수학").exists()
    text_after(manager, "/admin/courses/course/add/", {**form, "ends_on": ""})
    with world.hana.acting():
        course = Course.objects.get(name="중3 수학")
    text_after(manager, url(course), {**form, "name": "중3 심화", "ends_on": "", "schedule": "월수 17:00"})
    text_after(manager, url(course, "archive/"), {})
    with world.hana.acting():
        course.refresh_from_db()
        assert (course.name, course.schedule, course.is_archived) == ("중3 심화", "월수 17:00", True)
    assert "보관된 강좌" in manager.get(url(course)).content.decode()
    assert "보관" in text_after(manager, url(course, "enrol/"), {"pasted": "240101"})
    assert in_course(world, course) == set()
    text_after(manager, url(course, "restore/"), {})
    text_after(manager, url(course, "enrol/"), {"pasted": "240101"})
    assert in_course(world, course) == {"240101"}


def test_the_boxes_say_who_teaches_and_who_is_suspended_stays(world: World, manager: Client) -> None:
    course = world.hana.course
    with world.hana.acting():
        new, away = make_user(Role.TEACHER), make_user(Role.TEACHER)
        CourseTeacher.objects.create(course=course, user=away)
        User.objects.filter(pk=away.pk).update(is_active=False)
    text_after(manager, url(course, "teachers/"), {"teachers": [new.pk]})
    with world.hana.acting():
        assert set(CourseTeacher.objects.filter(course=course).values_list("user_id", flat=True)) == {new.pk, away.pk}
    stranger = world.duri.teacher.pk
    assert "이 학원에서 가르치는 분들" in text_after(manager, url(course, "teachers/"), {"teachers": [stranger]})
    with world.hana.acting():
        assert not CourseTeacher.objects.filter(user_id=stranger).exists()


def test_students_are_taken_in_by_ticks_and_by_a_pasted_list(world: World, manager: Client) -> None:
    with world.hana.acting():
        course = make_course("새 반")
        ticked = make_student("300001", name="하나")
        make_student("300002", name="두리")
        make_student("AB3", name="세나")
    pasted = "두리\n세나\tab3\n\n 240101, 이학생\n"
    assert "학생 4명을 강좌에" in text_after(
        manager, url(course, "enrol/"), {"students": [ticked.pk], "pasted": pasted}
    )
    assert in_course(world, course) == {"300001", "300002", "AB3", "240101"}
    assert "학생 0명" in text_after(manager, url(course, "enrol/"), {"pasted": pasted})


def test_a_name_that_nobody_or_two_have_takes_nobody_in(world: World, manager: Client) -> None:
    with world.hana.acting():
        course = make_course("새 반")
        for number in ("300001", "300002"):
            make_student(number, name="김동명")
    page = text_after(manager, url(course, "enrol/"), {"pasted": "240101\n김동명\n없는 사람"})
    assert "찾을 수 없는 학생입니다: 없는 사람." in page
    assert "김동명" in page
    assert in_course(world, course) == set()
    text_after(manager, url(course, "enrol/"), {"pasted": "김동명 300002"})
    assert in_course(world, course) == {"300002"}


def test_another_academys_student_is_nobody_here(world: World, manager: Client) -> None:
    with world.duri.acting():
        theirs = make_student("777777", name="두리네")
    page = manager.get(url(world.hana.course, "enrol/?q=두리네")).content.decode()
    assert "777777" not in page
    assert manager.post(url(world.hana.course, "enrol/"), {"students": [theirs.pk]}).status_code == 404
    assert "찾을 수 없는" in text_after(manager, url(world.hana.course, "enrol/"), {"pasted": "777777"})


def test_whoever_is_ticked_leaves_and_their_attendance_stays(world: World, manager: Client) -> None:
    course, student = world.hana.course, world.hana.student
    assert "학생 1명의 수강을" in text_after(manager, url(course, "withdraw/"), {"students": [student.pk]})
    assert in_course(world, course) == set()
    with world.hana.acting():
        assert Attendance.objects.filter(student=student).exists()
    assert "한 명 이상" in text_after(manager, url(course, "withdraw/"), {})


def test_attendance_is_noted_by_taps_and_shown_in_the_month(world: World) -> None:
    hana, teacher = world.hana, client_of(world.hana.teacher)
    with hana.acting():
        other = make_student("300001", name="하나둘")
        Enrolment.objects.create(course=hana.course, student=other)
    taps = {f"status-{hana.student.pk}": "late", f"note-{hana.student.pk}": "10분", f"status-{other.pk}": "nonsense"}
    assert "학생 1명의 출석을" in text_after(teacher, url(hana.course, "attendance/"), {"date": DAY, **taps})
    with hana.acting():
        [noted] = Attendance.objects.filter(lesson__course=hana.course, lesson__date=DAY)
        assert (noted.student_id, noted.status, noted.note) == (hana.student.pk, "late", "10분")
    shown = teacher.get(url(hana.course, f"attendance/?date={DAY}")).content.decode()
    assert shown.count(" checked") == 1
    month = teacher.get(url(hana.course, "attendance/month/?month=2026-03")).content.decode()
    assert [month.count(f">{mark}</span>") for mark in "○△×◇"] == [2, 2, 1, 1], "a legend, and two lessons"


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
def test_a_day_on_which_the_course_does_not_meet_is_refused_and_the_taps_stay(world: World, day: str) -> None:
    teacher, student = client_of(world.hana.teacher), world.hana.student
    page = teacher.post(url(world.hana.course, "attendance/"), {"date": day, f"status-{student.pk}": "absent"})
    assert page.status_code == 200
    assert " checked" in page.content.decode()
    with world.hana.acting():
        assert not Attendance.objects.filter(lesson__date=day).exists()


@pytest.mark.parametrize("query", ["date=nonsense", "date=0001-01-01", "date=9999-12-31", "date=%00"])
def test_a_day_that_is_none_is_today(world: World, query: str) -> None:
    teacher = client_of(world.hana.teacher)
    assert teacher.get(url(world.hana.course, f"attendance/?{query}")).status_code == 200
    month = query.replace("date", "month")
    assert teacher.get(url(world.hana.course, f"attendance/month/?{month}")).status_code == 200


def test_the_list_is_filtered_and_searched(world: World, manager: Client) -> None:
    with world.hana.acting():
        old = make_course("옛 반")
        Course.objects.filter(pk=old.pk).update(is_archived=True)
    shown = {
        state: manager.get(f"/admin/courses/course/?state={state}").content.decode()
        for state in ("running", "archived")
    }
    assert ("옛 반" in shown["running"], "옛 반" in shown["archived"]) == (False, True)
    assert world.hana.course.name in manager.get(f"/admin/courses/course/?q={world.hana.teacher.name}").content.decode()


def test_a_teacher_sees_the_courses_they_teach_and_changes_none(world: World) -> None:
    with world.hana.acting():
        others = make_course("남의 반", teachers=[make_user(Role.TEACHER)], students=[world.hana.student])
    teacher = client_of(world.hana.teacher)
    assert "남의 반" not in teacher.get("/admin/courses/course/").content.decode()
    for page in ("", "attendance/", "attendance/month/"):
        assert teacher.get(url(others, page)).status_code == 404
    assert teacher.post(url(others, "attendance/"), {"date": DAY}).status_code == 404
    page = teacher.get(url(world.hana.course)).content.decode()
    assert "수강 종료" not in page
    for path in ("enrol/", "withdraw/", "teachers/", "archive/", ""):
        assert teacher.post(url(world.hana.course, path), {}).status_code == 403


def test_who_was_shown_is_recorded(world: World) -> None:
    hana, teacher = world.hana, client_of(world.hana.teacher)
    for page in ("", "attendance/", "attendance/month/?month=2026-03"):
        with recorded(hana) as found:
            assert teacher.get(url(hana.course, page)).status_code == 200
        assert [entry.subjects for entry in found] == [[f"student:{hana.student.pk}"]], page


@pytest.mark.parametrize(
    "path",
    [
        "/admin/courses/course/",
        "/admin/courses/course/?q=심화&state=running",
        "/admin/courses/course/{course}/",
        "/admin/courses/course/{course}/enrol/?q=이",
        f"/admin/courses/course/{{course}}/attendance/?date={LESSON_DAY}",
        f"/admin/courses/course/{{course}}/attendance/month/?month={LESSON_DAY:%Y-%m}",
    ],
)
def test_ten_rows_cost_what_one_costs(world: World, path: str) -> None:
    hana, client = world.hana, client_of(world.hana.owner)
    client.get("/api/v1/session")
    with hana.acting():
        make_student("500001", name="이밖")

    def queries() -> list[str]:
        with CaptureQueriesContext(connection) as sent:
            assert client.get(path.format(course=hana.course.pk)).status_code == 200
        return [row["sql"] for row in sent if "SAVEPOINT" not in row["sql"]]

    one = queries()
    with hana.acting():
        students = [make_student(f"30000{index}", name=f"이학생{index}") for index in range(9)]
        for student in students:
            Enrolment.objects.create(course=hana.course, student=student)
            make_student(f"4{student.number}", name="이남은")
        for index in range(9):
            make_course(f"심화 {index}", teachers=[hana.teacher, hana.owner], students=students)
    ten = queries()
    assert len(ten) <= len(one) <= MAX_QUERIES, "\n".join(ten)
