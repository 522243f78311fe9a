"""The judge of statements in production: what names a tenant table and not its tenant is logged and counted.

Nothing is refused here: row-level security holds, and a request that worked must not fail because of a log. Judging
parses SQL, 4.6 ms for a text of 1,300 characters and 0.7 us once it is known (measured), hence the modes:

* ``sample``: each distinct text is judged once per process, by a thread of its own, so that no request waits;
* ``all``: each statement is judged before it is sent. For a staging system, or a hunt;
* ``off``: nothing is watched.

Only texts are kept and logged, never parameters: they hold no personal data.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from academy.metrics.statements import UNGUARDED
from academy.tenancy.statements import CACHED_STATEMENTS, problems_of

OFF: Final = "off"
SAMPLE: Final = "sample"
ALL: Final = "all"
MAX_WAITING: Final = 1_000
"""New texts that may wait to be judged; further ones get their turn when they come again."""

_Execute: TypeAlias = Callable[[str, Any, bool, dict[str, Any]], Any]
_log = logging.getLogger("academy.statements")


class StatementLog:
    """An execute wrapper that logs and counts statements without their tenant, and sends every statement on.

    ``unguarded`` counts how often such a statement was sent; the line in the log carries it as ``times``.
    """

    def __init__(self, tenant_tables: frozenset[str], *, mode: str) -> None:
        self.unguarded = 0
        self._tables, self._mode = tenant_tables, mode
        self._seen: set[int] = set()
        self._bad: dict[int, int] = {}  # hash of the text -> times sent
        self._waiting: queue.Queue[str | None] = queue.Queue(MAX_WAITING)
        self._judge: threading.Thread | None = None
        self._process = 0
        self._lock = threading.Lock()

    def __call__(self, execute: _Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = sql if isinstance(sql, str) else str(sql)
        if self._mode == ALL:
            self._judge_now(text)
        else:
            self._sample(text)
        return execute(sql, params, many, context)

    def wait(self) -> None:
        """Until every text that was taken so far is judged."""
        if self._judge is not None:
            self._waiting.join()

    def stop(self) -> None:
        """End the judging thread, if there is one, once it is through."""
        if self._judge is not None and self._process == os.getpid():
            self._waiting.put(None)
            self._judge.join()
            self._judge = None

    def _sample(self, text: str) -> None:
        name = hash(text)
        if name in self._bad:
            self._count(name)
        elif name not in self._seen:
            self._start()
            if len(self._seen) >= CACHED_STATEMENTS:
                self._seen.clear()  # texts with endless variants must not grow the process
            try:
                self._waiting.put_nowait(text)
            except queue.Full:
                return
            self._seen.add(name)

    def _start(self) -> None:
        """The thread belongs to the process that forked off, not to its parent."""
        if self._process == os.getpid():
            return
        with self._lock:
            if self._process != os.getpid():
                self._waiting = queue.Queue(MAX_WAITING)
                self._judge = threading.Thread(target=self._judge_waiting, name="statement-log", daemon=True)
                self._process = os.getpid()
                self._judge.start()

    def _judge_waiting(self) -> None:
        waiting = self._waiting
        while True:
            text = waiting.get()
            try:
                if text is None:
                    return
                self._judge_now(text)
            finally:
                waiting.task_done()

    def _judge_now(self, text: str) -> None:
        problems = problems_of(text, self._tables)
        if problems:
            name = hash(text)
            is_new = name not in self._bad
            self._count(name)
            if is_new or self._mode == ALL:
                _log.error(
                    "statement without its tenant: %s (times %d): %s", "; ".join(problems), self._bad[name], text
                )

    def _count(self, name: int) -> None:
        with self._lock:
            self.unguarded += 1
            UNGUARDED.inc()
            self._bad[name] = self._bad.get(name, 0) + 1


def watch_statements(tenant_tables: frozenset[str], *, mode: str, role: str) -> StatementLog:
    """Watch every connection that this process opens as ``role`` from now on; the owner's migrations are no matter."""
    watching = StatementLog(tenant_tables, mode=mode)

    def watch(connection: BaseDatabaseWrapper, **_: object) -> None:
        if connection.settings_dict["USER"] == role and watching not in connection.execute_wrappers:
            connection.execute_wrappers.append(watching)

    connection_created.connect(watch, weak=False, dispatch_uid="academy.tenancy.statement_log")
    atexit.register(watching.stop)
    return watching
