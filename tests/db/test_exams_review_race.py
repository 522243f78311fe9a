"""People correct and publish while pages are read: nothing of either is lost, whichever comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from django.db import connection, transaction

from academy.storage import s3
from academy.tenancy.context import acting_for
from academy.tenancy.models import Tenant
from apps.accounts.models import User
from apps.exams.models import Correction, CorrectionKind, Exam, Publication, Scan
from apps.exams.publishing import InboxNotEmpty, publish_results
from apps.exams.reviewing import Said, correct_scan
from tests.db.kernel import FakeSandbox, deliver, in_threads
from tests.db.test_exams_key_race import wait_for_lock_or_end
from tests.factories import (
    make_academy,
    make_batch,
    make_exam,
    make_job,
    make_reading,
    make_scan,
    make_user,
    record_scan,
)

pytestmark = pytest.mark.usefixtures("aws", "committed")


@dataclass
class Sitting:
    tenant: Tenant
    author: User
    exam: Exam
    scan: Scan

    def read(self, job_id: int | None, **marked: str) -> None:
        with acting_for(self.tenant), transaction.atomic():
            answer = {"reading": make_reading(self.exam, answers=marked).to_json(), "overlay_jpeg": b"x"}
        deliver(self.tenant, job_id, FakeSandbox(lambda *_: answer))


@pytest.fixture
def sitting() -> Sitting:
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        author = make_user()
        exam = make_exam(key={"q1": "1"}, created_by=author)
        scan = make_scan(make_batch(exam, created_by=author))
        s3.write_object(scan.source_key, b"picture", content_type="image/jpeg")
        return Sitting(tenant, author, exam, scan)


def beside(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def answer(value: str) -> list[Said]:
    return [Said(CorrectionKind.ANSWER, (value,), "q1")]


def test_of_two_who_correct_at_once_one_stands_and_both_are_kept(sitting: Sitting) -> None:
    with acting_for(sitting.tenant), transaction.atomic():
        record_scan(sitting.scan)

    def one(number: int) -> None:
        with acting_for(sitting.tenant), transaction.atomic():
            correct_scan(scan_id=sitting.scan.pk, said=answer(str(number + 1)), by=sitting.author)

    in_threads(2, one)
    with acting_for(sitting.tenant), transaction.atomic():
        (stands,) = Correction.objects.filter(undone_at=None)
        assert Correction.objects.count() == 2
        assert Scan.objects.get(pk=sitting.scan.pk).points == Decimal(stands.values == ["1"])


def test_a_correction_made_while_the_page_is_read_again_holds_for_the_new_reading(sitting: Sitting) -> None:
    with acting_for(sitting.tenant), transaction.atomic():
        record_scan(sitting.scan)
        again = make_job(sitting.scan.pk)
    with acting_for(sitting.tenant), transaction.atomic():
        correct_scan(scan_id=sitting.scan.pk, said=answer("1"), by=sitting.author)
        reader = beside(lambda: sitting.read(again.pk, q1="4"))
        wait_for_lock_or_end(reader)
    reader.join(timeout=30)
    with acting_for(sitting.tenant), transaction.atomic():
        after = Scan.objects.get(pk=sitting.scan.pk)
        assert after.reading is not None
        assert after.reading["fields"][0]["values"] == ["4"]
        assert after.points == Decimal(1)


def test_a_page_that_arrives_while_its_exam_is_published_is_seen_by_the_one_or_waits_for_the_other(
    sitting: Sitting,
) -> None:
    refused: list[object] = []

    def publish() -> None:
        with acting_for(sitting.tenant), transaction.atomic():
            try:
                publish_results(exam_id=sitting.exam.pk, by=sitting.author)
            except InboxNotEmpty as error:
                refused.append(error)

    with acting_for(sitting.tenant), transaction.atomic():
        Exam.objects.select_for_update(no_key=True).get(pk=sitting.exam.pk)
        record_scan(Scan.objects.select_related("exam__layout").get(pk=sitting.scan.pk))  # whose number is unreadable
        publisher = beside(publish)
        wait_for_lock_or_end(publisher)
    publisher.join(timeout=30)
    with acting_for(sitting.tenant), transaction.atomic():
        assert len(refused) == 1
        assert not Publication.objects.exists()
