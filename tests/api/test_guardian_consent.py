"""Who may be under 14 signs in once a guardian has consented, and no longer when that is withdrawn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client

from apps.accounts.models import User
from apps.accounts.queries import has_access
from apps.accounts.roles import Role
from apps.students import consent_texts
from apps.students.models import GuardianConsent, Student
from tests.api.answers import error_of, post, put
from tests.api.conftest import Telephones
from tests.authenticator import SoftAuthenticator
from tests.factories import PASSWORD, Cast, World, client_of, make_guardianship, make_student, make_user, stranger_on

SESSION = "/api/v1/session"
AGREED = {"version": 1, "language": "ko"}
ON_PAPER = {**AGREED, "signed_by": "최엄마", "signed_on": "2026-03-02"}
PHONE = "010-1234-5678"
SEOUL = ZoneInfo("Asia/Seoul")


@pytest.fixture(autouse=True)
def _today() -> Iterator[None]:
    """21 November 2026: who was born in 2011 is 14 or 15, who was born in 2012 may still be 13."""
    with time_machine.travel(datetime(2026, 11, 21, 12, tzinfo=SEOUL)):
        yield


def of_child(student: Student) -> str:
    return f"/api/v1/me/children/{student.pk}/consent"


def of_student(student: Student, what: str = "consent") -> str:
    return f"/api/v1/students/{student.pk}/{what}"


def a_child(cast: Cast, *, birth_year: int | None = 2015) -> Student:
    with cast.acting():
        child = make_student(name="어린이", birth_year=birth_year)
        make_guardianship(cast.users[Role.GUARDIAN], child)
    return child


def a_child_with_account(cast: Cast, telephones: Telephones) -> tuple[Student, User]:
    child = a_child(cast)
    assert post(client_of(cast.users[Role.GUARDIAN]), of_child(child), AGREED).status_code == 201
    given = telephones.post(client_of(cast.owner), of_student(child, "account"), {"phone": PHONE})
    assert given.status_code == 201, given.content
    with cast.acting():
        user = User.objects.get(pk=given.json()["id"])
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    return child, user


def who(client: Client) -> Any:
    return client.get(SESSION).json()["person"]


def test_a_young_student_gets_no_account_before_a_guardian_consents(world: World, telephones: Telephones) -> None:
    child, manager = a_child(world.hana), client_of(world.hana.users[Role.MANAGER])
    refused = telephones.post(manager, of_student(child, "account"), {"phone": PHONE})
    assert error_of(refused, 409)["code"] == "consent_due"
    assert telephones.texts == []
    guardian = client_of(world.hana.users[Role.GUARDIAN])
    state = guardian.get(of_child(child)).json()
    assert (state["needs_consent"], state["has_consent"], state["text"]["version"]) == (True, False, 1)
    assert post(guardian, of_child(child), AGREED).status_code == 201
    assert telephones.post(manager, of_student(child, "account"), {"phone": PHONE}).status_code == 201
    assert len(telephones.texts) == 1
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, PHONE)
    assert post(client, "/api/v1/session/code/verify", {"code": code}).json()["person"]["role"] == "student"


@pytest.mark.parametrize(("birth_year", "is_let_in"), [(2011, True), (2012, False), (2013, False), (None, False)])
def test_the_year_that_somebody_turns_14_in_still_counts_as_young(
    world: World, telephones: Telephones, birth_year: int | None, is_let_in: bool
) -> None:
    student = a_child(world.hana, birth_year=birth_year)
    answer = telephones.post(client_of(world.hana.owner), of_student(student, "account"), {"phone": PHONE})
    assert answer.status_code == (201 if is_let_in else 409)


def test_withdrawal_ends_what_the_child_has_open_and_every_way_in(world: World, telephones: Telephones) -> None:
    child, user = a_child_with_account(world.hana, telephones)
    client = stranger_on(world.hana.tenant)
    assert post(client, SESSION, {"phone": PHONE, "password": PASSWORD}).status_code == 201
    key = SoftAuthenticator(rp_id=world.hana.host, origin=f"http://{world.hana.host}")
    made = key.create(post(client, "/api/v1/me/passkeys/options", {}).json())
    assert post(client, "/api/v1/me/passkeys", {"name": "x", "credential": made}).status_code == 201
    with world.hana.acting():
        epoch = User.objects.get(pk=user.pk).session_epoch
        assert has_access(user.pk, epoch)
    guardian = client_of(world.hana.users[Role.GUARDIAN])
    assert guardian.delete(of_child(child)).status_code == 204
    assert who(client) is None
    with world.hana.acting():
        assert not has_access(user.pk, epoch)  # what streams ask
    stranger, nobody = stranger_on(world.hana.tenant), {"phone": "010-9999-9999", "password": PASSWORD}
    refused = post(stranger, SESSION, {"phone": PHONE, "password": PASSWORD})
    assert (refused.status_code, refused.content) == (401, post(stranger, SESSION, nobody).content)
    error_of(post(stranger, "/api/v1/session/passkey", key.get(passkey_options(stranger))), 401)
    texts = len(telephones.texts)
    assert telephones.post(stranger, "/api/v1/session/code", {"phone": PHONE}).status_code == 202
    assert telephones.post(stranger, "/api/v1/password/reset/code", {"phone": PHONE}).status_code == 202
    assert len(telephones.texts) == texts
    assert post(guardian, of_child(child), AGREED).status_code == 201
    assert post(stranger, SESSION, {"phone": PHONE, "password": PASSWORD}).status_code == 201


def passkey_options(client: Client) -> Any:
    return post(client, "/api/v1/session/passkey/options", {}).json()


def test_a_code_that_was_sent_before_the_withdrawal_opens_nothing(world: World, telephones: Telephones) -> None:
    child, _ = a_child_with_account(world.hana, telephones)
    client = stranger_on(world.hana.tenant)
    code = telephones.ask(client, PHONE)
    client_of(world.hana.users[Role.GUARDIAN]).delete(of_child(child))
    error_of(post(client, "/api/v1/session/code/verify", {"code": code}), 401)


def test_who_has_turned_14_meanwhile_signs_in_by_themselves(world: World, telephones: Telephones) -> None:
    child, _ = a_child_with_account(world.hana, telephones)
    client_of(world.hana.users[Role.GUARDIAN]).delete(of_child(child))
    stranger = stranger_on(world.hana.tenant)
    for year, month, day, status in [(2029, 12, 31, 401), (2030, 1, 1, 201)]:
        with time_machine.travel(datetime(year, month, day, 0, 30, tzinfo=SEOUL)):
            assert post(stranger, SESSION, {"phone": PHONE, "password": PASSWORD}).status_code == status


def test_a_year_that_is_noted_later_counts_at_once(world: World) -> None:
    student, owner = world.hana.student, client_of(world.hana.owner)
    client = client_of(world.hana.users[Role.STUDENT])
    with world.hana.acting():
        GuardianConsent.objects.all().delete()
    assert put(owner, of_student(student, "birth-year"), {"birth_year": 2010}).json()["needs_consent"] is False
    assert who(client) is not None
    assert put(owner, of_student(student, "birth-year"), {"birth_year": 2014}).json()["needs_consent"] is True
    assert who(client) is None
    put(owner, of_student(student, "birth-year"), {"birth_year": 2010})
    login = {"phone": str(world.hana.users[Role.STUDENT].phone), "password": PASSWORD}
    assert post(stranger_on(world.hana.tenant), SESSION, login).status_code == 201
    for wrong in (1899, 2027, 99999, "x", 2014.5, [2014]):
        error_of(put(owner, of_student(student, "birth-year"), {"birth_year": wrong}), 400)


def test_staff_note_what_was_signed_on_paper(world: World, telephones: Telephones) -> None:
    child, manager = a_child(world.hana), client_of(world.hana.users[Role.MANAGER])
    noted = post(manager, of_student(child), {**ON_PAPER, "guardian": world.hana.users[Role.GUARDIAN].pk})
    assert noted.status_code == 201
    assert (noted.json()["how"], noted.json()["signed_by"]) == ("on_paper", "최엄마")
    with world.hana.acting():
        consent = GuardianConsent.objects.get(student=child)
        assert consent.noted_by == world.hana.users[Role.MANAGER]
        assert consent.consented_at.astimezone(SEOUL).date().isoformat() == "2026-03-02"
    assert telephones.post(manager, of_student(child, "account"), {"phone": PHONE}).status_code == 201
    shown = client_of(world.hana.users[Role.GUARDIAN]).get(of_child(child)).json()
    assert shown["has_consent"] is True
    assert [one["how"] for one in shown["consents"]] == ["on_paper"]
    assert manager.delete(of_student(child)).status_code == 204
    with world.hana.acting():
        assert GuardianConsent.objects.get(student=child).withdrawn_by == world.hana.users[Role.MANAGER]


def test_a_note_of_paper_is_looked_at(world: World) -> None:
    child, manager = a_child(world.hana), client_of(world.hana.users[Role.MANAGER])
    for change in (
        {"signed_on": "2026-11-22"},
        {"signed_on": "0001-01-01"},
        {"signed_on": "yesterday"},
        {"signed_by": ""},
        {"signed_by": "a" * 81},
        {"version": 0},
        {"language": "de"},
    ):
        error_of(post(manager, of_student(child), {**ON_PAPER, **change}), 400)
    assert error_of(post(manager, of_student(child), {**ON_PAPER, "version": 2}), 409)["code"] == "consent_text_changed"
    with world.hana.acting():
        stranger = make_user(Role.GUARDIAN)
    answers = [
        post(manager, of_student(child), {**ON_PAPER, "guardian": pk})
        for pk in (stranger.pk, world.duri.users[Role.GUARDIAN].pk, 2**40)
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_consent_is_given_once_to_the_text_that_was_shown(world: World) -> None:
    child, guardian = a_child(world.hana), client_of(world.hana.users[Role.GUARDIAN])
    assert error_of(post(guardian, of_child(child), {**AGREED, "version": 2}), 409)["code"] == "consent_text_changed"
    first, again = post(guardian, of_child(child), AGREED), post(guardian, of_child(child), AGREED)
    assert first.json() == again.json()
    for _ in range(2):
        assert guardian.delete(of_child(child)).status_code == 204
    assert post(guardian, of_child(child), AGREED).status_code == 201
    history = guardian.get(of_child(child)).json()["consents"]
    assert [one["withdrawn_at"] is None for one in history] == [True, False]


def test_a_new_text_is_agreed_to_beside_the_old_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    child, guardian = a_child(world.hana), client_of(world.hana.users[Role.GUARDIAN])
    post(guardian, of_child(child), AGREED)
    monkeypatch.setattr("apps.students.services.CURRENT_VERSION", 2)
    error_of(post(guardian, of_child(child), AGREED), 409)
    assert guardian.get(of_child(child)).json()["has_consent"] is True
    assert post(guardian, of_child(child), {**AGREED, "version": 2}).status_code == 201
    guardian.delete(of_child(child))
    assert guardian.get(of_child(child)).json()["has_consent"] is False


def test_the_text_is_in_the_language_of_who_reads_it(world: World) -> None:
    child, guardian = a_child(world.hana), client_of(world.hana.users[Role.GUARDIAN])
    korean = guardian.get(of_child(child), HTTP_ACCEPT_LANGUAGE="ko").json()["text"]
    english = guardian.get(of_child(child), HTTP_ACCEPT_LANGUAGE="en-GB").json()["text"]
    assert (korean["language"], english["language"]) == ("ko", "en")
    assert "법정대리인" in korean["body"]
    assert "legal guardian" in english["body"]


def test_a_child_of_somebody_else_is_missing(world: World) -> None:
    own, foreign = a_child(world.hana), a_child(world.duri)
    with world.hana.acting():
        others = make_student(name="다른 아이")
    guardian = client_of(world.hana.users[Role.GUARDIAN])
    for ask in (
        lambda student: guardian.get(of_child(student)),
        lambda student: post(guardian, of_child(student), AGREED),
        lambda student: guardian.delete(of_child(student)),
    ):
        answers = [ask(student) for student in (others, foreign, Student(pk=2**40))]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    assert post(guardian, of_child(own), AGREED).status_code == 201
    with world.duri.acting():
        assert not GuardianConsent.objects.filter(student=foreign).exists()


def test_a_phone_of_somebody_else_becomes_no_students(world: World, telephones: Telephones) -> None:
    student, owner = a_child(world.hana, birth_year=2005), client_of(world.hana.owner)
    for role in (Role.TEACHER, Role.GUARDIAN, Role.STUDENT):
        phone = str(world.hana.users[role].phone)
        refused = telephones.post(owner, of_student(student, "account"), {"phone": phone})
        assert error_of(refused, 409)["code"] == "not_a_student"
    error_of(telephones.post(owner, of_student(student, "account"), {"phone": "12"}), 400)
    assert telephones.post(owner, of_student(student, "account"), {"phone": PHONE}).status_code == 201
    again = telephones.post(owner, of_student(student, "account"), {"phone": "010-1234-5679"})
    assert error_of(again, 409)["code"] == "has_account"


def test_the_students_of_a_paper_exam_need_no_consent(world: World) -> None:
    created = post(client_of(world.hana.owner), "/api/v1/students", {"number": "1", "name": "김", "birth_year": 2016})
    assert created.status_code == 201
    assert set(created.json()) == {"id", "number", "name", "created_at"}
    results = client_of(world.hana.teacher).get(f"/api/v1/exams/{world.hana.exam.pk}/results")
    assert results.status_code == 200


# A text that somebody has agreed to is never edited: add a version, and its digests here.
DIGESTS = {
    (1, "ko"): "6c3d9835221b7ade156954b45ffd38341534a005e517d41dbaf172ab0390bdd5",
    (1, "en"): "131268b827ab8bf4459d62c6280ec094ad4fbf86a6380ef0b8a1bbbff0088e0f",
}


def test_texts_that_were_agreed_to_are_what_they_were() -> None:
    found = {
        (version, language): hashlib.sha256(consent_texts.consent_text(version, language).encode()).hexdigest()
        for version in range(1, consent_texts.CURRENT_VERSION + 1)
        for language in consent_texts.LANGUAGES
    }
    assert found == DIGESTS
    folder = Path(consent_texts.__file__).parent / "texts"
    assert len(list(folder.iterdir())) == len(DIGESTS)
    for wrong in ((0, "ko"), (consent_texts.CURRENT_VERSION + 1, "ko"), (1, "de"), (1, "../x")):
        with pytest.raises(LookupError):
            consent_texts.consent_text(*wrong)
