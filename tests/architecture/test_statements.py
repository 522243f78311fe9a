"""Every statement of the test run that names a tenant table names its tenant: the judge, and that it judges.

The guard itself is a fixture of every test (tests/conftest.py).
"""

from __future__ import annotations

import pytest
from django.db import connection, connections
from django.db.models import QuerySet

from academy.tenancy.errors import NoActingTenant
from academy.tenancy.statements import StatementGuard, UnguardedStatement, problems_of
from apps.exams.models import Exam, Scan
from tests.factories import World

TABLES = frozenset({"a", "b", "c"})

GUARDED = [
    "SELECT 1",
    "SELECT x FROM shared",
    "SELECT x FROM a WHERE tenant_id = %s",
    "SELECT x FROM a WHERE a.tenant_id = %(tenant)s AND (x = 1 OR y = 2)",
    "SELECT x FROM a WHERE ((a.tenant_id) = 7) ORDER BY x LIMIT 1 FOR UPDATE OF a SKIP LOCKED",
    "SELECT x FROM a WHERE tenant_id = nullif(current_setting('app.tenant_id', true), '')::bigint",
    "SELECT 1 FROM a INNER JOIN b ON (a.b_id = b.id AND (b.tenant_id = (a.tenant_id))) WHERE a.tenant_id = %s",
    "SELECT 1 FROM a JOIN b ON b.tenant_id = a.tenant_id JOIN c ON c.tenant_id = b.tenant_id WHERE c.tenant_id = %s",
    "SELECT 1 FROM a LEFT JOIN b ON (b.id = a.b_id AND b.tenant_id = a.tenant_id) WHERE a.tenant_id = %s",
    "SELECT 1 FROM a, b WHERE a.tenant_id = %s AND b.tenant_id = a.tenant_id",
    "SELECT 1 FROM a WHERE a.tenant_id = %s AND EXISTS (SELECT 1 FROM b WHERE b.tenant_id = a.tenant_id)",
    "SELECT 1 FROM (SELECT x FROM a WHERE a.tenant_id = %s) AS a2 WHERE a2.x = 1",
    "WITH q AS (SELECT x FROM a WHERE tenant_id = %s) SELECT x FROM q",
    "SELECT x FROM a WHERE tenant_id = %s UNION ALL SELECT x FROM b WHERE tenant_id = %s",
    "INSERT INTO a (tenant_id, x) VALUES (%s, %s), (%s, DEFAULT) RETURNING a.id",
    "INSERT INTO a (x, tenant_id) SELECT * FROM UNNEST((%s)::text[], (%s)::bigint[]) ON CONFLICT DO NOTHING",
    "UPDATE a SET x = 1 WHERE a.tenant_id = %s",
    "UPDATE a SET x = b.x FROM b WHERE a.tenant_id = %s AND b.tenant_id = a.tenant_id",
    "DELETE FROM a WHERE a.id IN (SELECT id FROM b WHERE tenant_id = %s) AND tenant_id = %s",
    'SELECT "a"."x" FROM "a" WHERE "a"."tenant_id" = %s',
]
UNGUARDED = [
    "SELECT x FROM a",
    "SELECT x FROM pool.a WHERE id = %s",
    "SELECT x FROM A",
    'SELECT x FROM "a" WHERE NOT (tenant_id = %s)',
    "SELECT x FROM a WHERE tenant_id = %s OR x = 1",
    "SELECT x FROM a WHERE tenant_id > %s",
    "SELECT x FROM a WHERE tenant_id = tenant_id",
    "SELECT x FROM a WHERE tenant_id = x",
    "SELECT x FROM a WHERE tenant_id = (SELECT max(id) FROM shared)",
    "SELECT x FROM a JOIN b ON a.b_id = b.id WHERE a.tenant_id = %s",
    "SELECT x FROM a JOIN b ON b.tenant_id = a.tenant_id",
    "SELECT x FROM a LEFT JOIN b ON (a.tenant_id = %s AND b.tenant_id = a.tenant_id)",
    "SELECT x FROM a RIGHT JOIN b ON b.tenant_id = a.tenant_id WHERE a.x = 1 AND a.tenant_id = %s",
    "SELECT x FROM a, b WHERE a.tenant_id = %s",
    "SELECT x FROM a WHERE tenant_id = %s AND id IN (SELECT a_id FROM b)",
    "SELECT (SELECT max(x) FROM b) FROM a WHERE tenant_id = %s",
    "SELECT x FROM a WHERE tenant_id = %s UNION SELECT x FROM b",
    "WITH q AS (SELECT x FROM a) SELECT x FROM q WHERE x = 1",
    "SELECT x FROM shared WHERE id IN (SELECT id FROM a)",
    "INSERT INTO a (x) VALUES (1)",
    "INSERT INTO a VALUES (1, 2)",
    "INSERT INTO a (tenant_id, x) SELECT tenant_id, x FROM b",
    "UPDATE a SET tenant_id = %s",
    "UPDATE a SET x = b.x FROM b WHERE a.tenant_id = %s",
    "DELETE FROM a WHERE id IN (%s, %s)",
    "DELETE FROM a USING b WHERE a.b_id = b.id AND b.tenant_id = %s",
    "SELECT 1; DELETE FROM a",
    "TRUNCATE a",
    "LOCK TABLE a",
    "COPY a TO STDOUT",
    "ALTER TABLE a DISABLE ROW LEVEL SECURITY",
    "MERGE INTO a USING shared ON a.id = shared.id WHEN MATCHED THEN DELETE",
    "SELECT FROM WHERE a ((",
]


@pytest.mark.parametrize("statement", GUARDED)
def test_a_statement_that_names_its_tenant_passes(statement: str) -> None:
    assert problems_of(statement, TABLES) == ()


@pytest.mark.parametrize("statement", UNGUARDED)
def test_a_statement_that_does_not_is_found(statement: str) -> None:
    assert problems_of(statement, TABLES) != ()


def test_the_guard_refuses_on_the_real_connection(world: World, statement_guard: StatementGuard) -> None:
    with world.hana.acting(), connection.cursor() as cursor:
        with pytest.raises(UnguardedStatement, match="exams_exam"):
            cursor.execute("SELECT count(*) FROM exams_exam")
        assert len(statement_guard.found) == 1
        statement_guard.found.clear()
        with statement_guard.suspended():
            cursor.execute("SELECT count(*) FROM exams_exam")
        assert cursor.fetchone() == (1,), "row-level security holds where the predicate is missing"


def test_the_guard_stands_on_every_connection(statement_guard: StatementGuard) -> None:
    assert all(statement_guard in opened.execute_wrappers for opened in connections.all(initialized_only=True))


def test_what_django_compiles_by_itself_names_the_tenant(world: World, statement_guard: StatementGuard) -> None:
    """Deletes and updates by id of the collector, the subqueries behind exclude(), joins in both directions."""
    before = statement_guard.checked
    with world.hana.acting():
        assert list(Exam.objects.exclude(scans__match="matched")) == []
        assert list(Exam.objects.exclude(scans__student__name="nobody")) == [world.hana.exam]
        assert list(Exam.objects.exclude(scans__isnull=True)) == [world.hana.exam]
        assert list(Exam.objects.filter(scans__student__number=world.hana.student.number)) == [world.hana.exam]
        assert Scan.objects.filter(exam__title=world.hana.exam.title).update(page=1) == 1
        assert list(Exam.objects.prefetch_related("scans__batch__upload")) == [world.hana.exam]
        world.hana.student.delete()
        assert Scan.objects.get().student is None
        deleted = Scan.objects.filter(exam__title=world.hana.exam.title).delete()
        assert deleted == (2, {"exams.Scan": 1, "exams.Correction": 1})
        world.hana.batch.delete()
        Exam.objects.all().delete()
    assert statement_guard.checked > before
    with world.duri.acting():
        assert Scan.objects.get().student == world.duri.student


def test_a_bare_query_names_the_tenant_or_raises(world: World) -> None:
    with world.hana.acting():
        assert list(QuerySet[Exam](Exam)) == [world.hana.exam]
        assert QuerySet[Exam](Exam).count() == 1
    with pytest.raises(NoActingTenant):
        QuerySet[Exam](Exam).count()
