"""Synthesised once: without a network, an account or a credential."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Template

from infra.aws.app import EXAMPLE, build, deployment_of
from infra.aws.sizes import SIZES


@pytest.fixture(scope="session", autouse=True)
def _no_credentials() -> None:
    """What needs an account fails here rather than at somebody's desk."""
    patch = pytest.MonkeyPatch()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "CDK_DEFAULT_ACCOUNT"):
        patch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    """The templates of the middle size, by the last part of the stack's name."""
    app = build(deployment_of({**EXAMPLE, "size": "m"}), tmp_path_factory.mktemp("templates"))
    stacks = [child for child in app.node.children if isinstance(child, Stack)]
    return {stack.stack_name.rpartition("-")[2]: Template.from_stack(stack) for stack in stacks}


@pytest.fixture(scope="session")
def resources(templates: dict[str, Template]) -> Callable[[str, str], dict[str, dict[str, Any]]]:
    """The properties of a stack's resources of one type, by logical name."""

    def find(stack: str, kind: str) -> dict[str, dict[str, Any]]:
        found = templates[stack].find_resources(kind)
        return {name: resource.get("Properties", {}) for name, resource in found.items()}

    return find


@pytest.fixture(params=[*SIZES])
def size_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "templates"
