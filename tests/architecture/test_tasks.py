"""Every kind of job: a stated time limit, a queue that is there, a plan's word on it, ids for arguments."""

from __future__ import annotations

import ast
import importlib
import inspect
import typing
from pathlib import Path

import pytest
from django.apps import apps

from academy.jobs.backend import JobTask, job_kinds
from academy.jobs.queues import Tier
from academy.tenancy.plans import STARTING_PLANS

KINDS = sorted(job_kinds().items())
by_kind = pytest.mark.parametrize(("kind", "task"), KINDS, ids=[kind for kind, _ in KINDS])
LONGEST_SECONDS = 3600.0  # no kind of job may hold a worker longer
# Kinds that no plan sells yet: refused at the API with a clear error.
REFUSED_BY_EVERY_PLAN: frozenset[str] = frozenset()


def test_there_are_kinds() -> None:
    assert len(KINDS) >= 2


def test_every_module_of_tasks_belongs_to_an_installed_app() -> None:
    """A ``tasks.py`` elsewhere would never be found, and its jobs would fail as unknown."""
    root = Path(__file__).resolve().parents[2]
    found = {path for folder in ("academy", "apps") for path in (root / folder).rglob("tasks.py")}
    installed = {Path(config.path) / "tasks.py" for config in apps.get_app_configs()}
    assert found <= installed


@by_kind
def test_a_kind_states_its_time_limit(kind: str, task: JobTask) -> None:
    """In its decorator: a limit nobody thought about is no limit."""
    assert 0 < task.time_limit_seconds <= LONGEST_SECONDS
    assert "time_limit_seconds" in _decorator_arguments(task), f"{kind} does not say how long it may take"
    assert 1 <= task.max_attempts <= 10


def _decorator_arguments(task: JobTask) -> set[str | None]:
    module = ast.parse(Path(inspect.getfile(task.func)).read_text())
    function = next(
        node for node in ast.walk(module) if isinstance(node, ast.FunctionDef) and node.name == task.func.__name__
    )
    calls = [node for node in function.decorator_list if isinstance(node, ast.Call)]
    return {keyword.arg for call in calls for keyword in call.keywords}


@by_kind
def test_a_kind_has_one_of_the_four_queues(kind: str, task: JobTask) -> None:
    assert task.queue_name in {tier.value for tier in Tier}


@by_kind
def test_a_plan_says_which_tier_runs_it_and_that_tier_can(kind: str, task: JobTask) -> None:
    tiers = [kinds[kind] for _, kinds in STARTING_PLANS.values() if kind in kinds]
    sold = {"in a plan": bool(tiers), "refused by all": kind in REFUSED_BY_EVERY_PLAN, "owed": task.is_in_every_plan}
    assert list(sold.values()).count(True) == 1, f"{kind}: {sold}"
    assert all(Tier(tier).may_run(Tier(task.queue_name)) for tier in tiers)


def test_plans_name_only_kinds_that_are_there() -> None:
    named = {kind for _, kinds in STARTING_PLANS.values() for kind in kinds}
    assert named <= {kind for kind, _ in KINDS}


@by_kind
def test_a_kind_takes_ids_only(kind: str, task: JobTask) -> None:
    """Bytes and texts travel through S3 and the database; a queue carries no personal data."""
    hints = typing.get_type_hints(task.func)
    assert hints.pop("return") is type(None), "a task records its result, it returns nothing"
    parameters = inspect.signature(task.func).parameters
    assert set(hints) == set(parameters), f"{kind} has an argument without a type"
    for name, hint in hints.items():
        assert hint is int, f"{kind}: {name} is {hint}"
        assert name.endswith("_id"), f"{kind}: {name} is no id by its name"


@by_kind
def test_a_kind_imports_where_nothing_heavy_is(kind: str, task: JobTask) -> None:
    module = importlib.import_module(task.func.__module__)
    assert getattr(module, task.func.__name__) is task


@by_kind
def test_what_it_computes_is_there_for_the_worker(kind: str, task: JobTask) -> None:
    """Each "workers.compute:name" that its module names resolves in the image that runs it."""
    text = Path(inspect.getfile(task.func)).read_text()
    named = {
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("workers.compute:")
    }
    assert bool(named) == (".compute(" in text)
    for reference in named:
        module, _, name = reference.partition(":")
        assert callable(getattr(importlib.import_module(module), name))
