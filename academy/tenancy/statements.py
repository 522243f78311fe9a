"""Whether a statement that names a tenant table also names its tenant: judged by parsing the SQL that was sent.

A tenant table is guarded where ``tenant_id = <constant>`` must hold for every row taken from it, directly or
through a chain of equalities to a guarded table. Row-level security would hold without; this is how a forgotten
predicate is found before only one wall is left.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

TENANT_COLUMN: Final = "tenant_id"
CACHED_STATEMENTS: Final = 10_000

_Block: TypeAlias = exp.Select | exp.Update | exp.Delete | exp.Insert
_BLOCKS: Final = (exp.Select, exp.Update, exp.Delete, exp.Insert)
_Execute: TypeAlias = Callable[[str, Any, bool, dict[str, Any]], Any]


class UnguardedStatement(RuntimeError):
    """A statement names a tenant table and not the tenant, or cannot be judged."""


@lru_cache(maxsize=CACHED_STATEMENTS)
def problems_of(statement: str, tenant_tables: frozenset[str]) -> tuple[str, ...]:
    """What is wrong with ``statement``: one line per table that is not guarded; empty when all is well."""
    words = {word.lower() for word in re.findall(r"\w+", statement)}
    if not words & tenant_tables:
        return ()
    try:
        trees = sqlglot.parse(statement, dialect="postgres")
    except (SqlglotError, RecursionError) as error:
        return (f"cannot be parsed: {str(error).splitlines()[0]}",)
    return tuple(problem for tree in trees if tree is not None for problem in _problems_of_tree(tree, tenant_tables))


def _problems_of_tree(tree: exp.Expr, tenant_tables: frozenset[str]) -> Iterator[str]:
    known: dict[int, set[str]] = {}
    is_seen = False
    for table in tree.find_all(exp.Table):
        if table.name.lower() not in tenant_tables:
            continue
        is_seen = True
        block = table.find_ancestor(*_BLOCKS)
        if not isinstance(block, _BLOCKS):
            yield f"{table.name}: a {tree.key} may not name a tenant table"
        elif _is_target(table, block, exp.Insert):
            if TENANT_COLUMN not in {column.name for column in block.this.expressions}:
                yield f"{table.name}: the INSERT does not name {TENANT_COLUMN}"
        elif table.alias_or_name not in _guarded(block, known):
            yield f"{table.name} AS {table.alias_or_name}: no predicate on {TENANT_COLUMN}"
    if not is_seen and not isinstance(tree, _BLOCKS) and not isinstance(tree, exp.SetOperation):
        yield f"a {tree.key} that names a tenant table cannot be judged"


def _is_target(table: exp.Table, block: _Block, kind: type[exp.Expr]) -> bool:
    """Whether ``table`` is what the block writes to, not what it reads from."""
    target = block.this.this if isinstance(block.this, exp.Schema) else block.this
    return isinstance(block, kind) and target is table


def _guarded(block: _Block, known: dict[int, set[str]]) -> set[str]:
    """The aliases of ``block``, and of the blocks round it, whose tenant is fixed."""
    if id(block) in known:
        return known[id(block)]
    outer = block.find_ancestor(*_BLOCKS)
    guarded = set(_guarded(outer, known)) if isinstance(outer, _BLOCKS) else set()
    tables = [table for table in block.find_all(exp.Table) if table.find_ancestor(*_BLOCKS) is block]
    own = {table.alias_or_name for table in tables}
    guarded -= own  # an inner alias hides the outer one of that name
    known[id(block)] = guarded
    if isinstance(block, exp.Insert):
        return guarded
    sole = next(iter(own)) if len(own) == 1 else None
    # (condition, the aliases that it may guard): an outer join's condition restricts the joined table only.
    conditions: list[tuple[exp.Expr, set[str]]] = []
    where = block.args.get("where")
    if where is not None:
        conditions.append((where.this, own))
    for join in block.find_all(exp.Join):
        condition = join.args.get("on")
        if condition is None or join.find_ancestor(*_BLOCKS) is not block:
            continue
        joined = {table.alias_or_name for table in join.this.find_all(exp.Table)} & own
        side = join.side.upper()
        conditions.append((condition, own if not side else joined if side == "LEFT" else set()))
    equalities = [(equality, reach) for condition, reach in conditions for equality in _conjuncts(condition)]
    is_growing = True
    while is_growing:
        before = len(guarded)
        for equality, reach in equalities:
            for this, that in ((equality.left, equality.right), (equality.right, equality.left)):
                alias = _tenant_of(this, sole)
                if alias in reach and (_is_constant(that) or _tenant_of(that, None) in guarded):
                    guarded.add(alias)
        is_growing = len(guarded) > before
    return guarded


def _conjuncts(condition: exp.Expr) -> Iterator[exp.EQ]:
    """The equalities that must all hold for ``condition`` to hold."""
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif isinstance(condition, exp.EQ):
        yield condition


def _tenant_of(side: exp.Expr, sole: str | None) -> str | None:
    """The alias whose tenant column ``side`` is; ``sole`` is what a bare column belongs to."""
    side = side.unnest()
    if isinstance(side, exp.Column) and side.name == TENANT_COLUMN:
        return side.table or sole
    return None


def _is_constant(side: exp.Expr) -> bool:
    """A parameter, a literal, or an expression of such: nothing that a row decides."""
    return side.find(exp.Column, exp.Query) is None and not isinstance(side.unnest(), exp.Null)


@dataclass
class StatementGuard:
    """An execute wrapper (``connection.execute_wrappers``) that refuses statements without their tenant.

    ``found`` keeps what was refused, for whoever must know even though the error was swallowed on its way.
    """

    tenant_tables: frozenset[str]
    found: list[str] = field(default_factory=list)
    checked: int = 0
    is_suspended: bool = False

    def __call__(self, execute: _Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statement = sql if isinstance(sql, str) else str(sql)
        if not self.is_suspended:
            self.checked += 1
            problems = problems_of(statement, self.tenant_tables)
            if problems:
                message = f"{'; '.join(problems)}\n{statement}"
                self.found.append(message)
                raise UnguardedStatement(message)
        return execute(sql, params, many, context)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let statements pass unjudged, to see whether the walls behind hold."""
        self.is_suspended = True
        try:
            yield
        finally:
            self.is_suspended = False
