"""A page that is read while the key changes is scored by the new key, whichever comes first."""

from __future__ import annotations

import os
import threading
from decimal import Decimal

import psycopg
import pytest
from django.db import connection, transaction

from academy.storage import s3
from academy.tenancy.context import acting_for
from apps.exams.models import Scan
from apps.exams.services import set_answer_key
from tests.db.kernel import FakeSandbox, deliver
from tests.factories import make_academy, make_batch, make_exam, make_reading, make_scan, make_user


def wait_for_lock_or_end(thread: threading.Thread) -> None:
    """Until ``thread`` has ended, or waits in the database for a lock that another transaction holds."""
    question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as watcher:
        for _ in range(2000):
            row = watcher.execute(question).fetchone()
            if not thread.is_alive() or (row and row[0]):
                return
            thread.join(timeout=0.01)
    raise AssertionError("neither ended nor waiting")


@pytest.mark.usefixtures("aws", "committed")
def test_a_page_recorded_while_the_key_changes_has_the_new_keys_points() -> None:
    tenant = make_academy()
    with acting_for(tenant), transaction.atomic():
        author = make_user()
        exam = make_exam(key={"q1": "1"}, created_by=author)
        scan = make_scan(make_batch(exam, created_by=author))
        s3.write_object(scan.source_key, b"picture", content_type="image/jpeg")
        answer = {"reading": make_reading(exam, answers={"q1": "2"}).to_json(), "overlay_jpeg": b"x"}

    def read() -> None:
        deliver(tenant, scan.job_id, FakeSandbox(lambda *_: answer))
        connection.close()

    reader = threading.Thread(target=read)
    with acting_for(tenant), transaction.atomic():
        assert set_answer_key(by=author, exam_id=exam.pk, answers={"q1": ["2"]}, points={}) == 0
        reader.start()
        wait_for_lock_or_end(reader)
    reader.join(timeout=30)
    with acting_for(tenant), transaction.atomic():
        assert Scan.objects.get(pk=scan.pk).points == Decimal(1)
