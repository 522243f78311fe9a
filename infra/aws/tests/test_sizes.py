"""Each of the three sizes can be synthesised, judged and added up."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from infra.aws.app import EXAMPLE, build, deployment_of
from infra.aws.deployment import BadContext
from infra.aws.reviewed import exceptions, findings
from infra.aws.sizes import SIZES, Size

KEPT: Final = Path(__file__).resolve().parents[3] / "build" / "aws" / "templates"


def test_every_size_is_synthesised_and_nothing_is_objected_to(size_name: str) -> None:
    output = KEPT / size_name  # what `make check-infra` gives to cfn-lint
    build(deployment_of({**EXAMPLE, "size": size_name}), output).synth()
    names = {path.name.removesuffix(".template.json") for path in output.glob("*.template.json")}
    parts = ("delivery", "network", "data", "service", "firewall", "edge", "watch")
    assert names == {f"academy-{size_name}-{part}" for part in parts}


def test_every_exception_from_the_rules_is_still_needed_and_reasoned(output: Path) -> None:
    deployment = deployment_of({**EXAMPLE, "size": "s"})
    kept = exceptions(deployment)
    assert {finding for of_stack in kept.values() for finding in of_stack} == findings(
        build(deployment, output, is_reviewed=False)
    )
    assert all(len(reason) > 10 for of_stack in kept.values() for reason in of_stack.values())


@pytest.mark.parametrize("size", SIZES.values(), ids=lambda size: size.name)
def test_connections_of_the_largest_rolling_deploy_fit_the_database(size: Size) -> None:
    reserved = 20  # of RDS, of an operator's psql
    assert size.most_connections + reserved <= size.database_connections


def test_sizes_grow() -> None:
    small, middle, large = SIZES.values()
    assert (small.users, middle.users, large.users) == (500, 10_000, 100_000)
    for less, more in ((small, middle), (middle, large)):
        assert less.api.at_most < more.api.at_most
        assert less.cpu.at_most < more.cpu.at_most
        assert less.database_gib < more.database_gib


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("image_digest", "latest"),
        ("image_digest", "sha256:abc"),
        ("pooler_digest", ""),
        ("account", "production"),
        ("github_repository", "academy"),
        ("ocr_model_name", "reader"),
        ("ocr_onnx_detector", "/models/text.onnx#sha256=0"),
        ("otlp_endpoint", "collector:4318"),
        ("otlp_share", "2"),
        ("telemetry_secrets", "SENTRY_DSN,SECRET_KEY"),
        ("size", "xl"),
    ],
)
def test_a_malformed_value_stops_the_synthesis(name: str, value: str) -> None:
    with pytest.raises(BadContext):
        deployment_of({**EXAMPLE, "size": "s", name: value})


def test_a_missing_value_is_named() -> None:
    with pytest.raises(BadContext, match="alarm_mail"):
        deployment_of({name: value for name, value in {**EXAMPLE, "size": "s"}.items() if name != "alarm_mail"})
