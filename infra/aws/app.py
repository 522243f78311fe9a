"""cdk synth -c size=s|m|l: the stacks of one deployment. `python -m infra.aws.app` writes them to build/aws/."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk

from infra.aws.data import DataStack
from infra.aws.delivery import DeliveryStack
from infra.aws.deployment import OPTIONAL_SETTINGS, BadContext, Deployment
from infra.aws.edge import EdgeStack, FirewallStack
from infra.aws.network import NetworkStack
from infra.aws.reviewed import review
from infra.aws.service import ServiceStack
from infra.aws.sizes import SIZES
from infra.aws.watch import WatchStack

EDGE_REGION: Final = "us-east-1"
# Leads nowhere: what `make check-infra` synthesises. A deployment names its own by -c or in cdk.context.json.
EXAMPLE: Final = {
    "account": "111122223333",
    "region": "ap-northeast-2",
    "base_domain": "academy.example",
    "platform_host": "platform.academy.example",
    "image_digest": "sha256:" + "0" * 64,
    "pooler_digest": "sha256:" + "1" * 64,
    "edge_certificate_arn": "arn:aws:acm:us-east-1:111122223333:certificate/00000000-0000-0000-0000-000000000000",
    "certificate_arn": "arn:aws:acm:ap-northeast-2:111122223333:certificate/00000000-0000-0000-0000-000000000000",
    "cloudfront_prefix_list": "pl-22a6434b",
    "alarm_mail": "operators@academy.example",
    "github_repository": "example/academy",
}


def deployment_of(context: dict[str, Any]) -> Deployment:
    """The deployment that the context describes. Raises ``BadContext`` naming what is missing."""
    missing = sorted({*EXAMPLE, "size"} - context.keys())
    if missing:
        raise BadContext(f"the context lacks {', '.join(missing)}: cdk -c NAME=VALUE")
    if context["size"] not in SIZES:
        raise BadContext(f"size is {context['size']!r}: one of {', '.join(SIZES)}")
    region = context["region"]
    return Deployment(
        size=SIZES[context["size"]],
        zones=(f"{region}a", f"{region}b", f"{region}c"),
        **{name: context[name] for name in EXAMPLE},
        **{name: context[name] for name in OPTIONAL_SETTINGS if name in context},
    )


def build(deployment: Deployment, outdir: Path, *, is_reviewed: bool = True) -> cdk.App:
    """The app with all stacks of the deployment, not yet synthesised; its synthesis fails at what is not excepted."""
    zones_key = f"availability-zones:account={deployment.account}:region={deployment.region}"
    app = cdk.App(
        outdir=str(outdir),
        analytics_reporting=False,
        context={zones_key: list(deployment.zones), "aws:cdk:enable-asset-metadata": False},
    )
    here = cdk.Environment(account=deployment.account, region=deployment.region)
    edge = cdk.Environment(account=deployment.account, region=EDGE_REGION)
    prefix = deployment.prefix

    def options(environment: cdk.Environment) -> dict[str, Any]:
        return {
            "deployment": deployment,
            "env": environment,
            "termination_protection": True,
            "cross_region_references": True,
            "tags": {"deployment": prefix},
        }

    DeliveryStack(app, f"{prefix}-delivery", **options(here))
    network = NetworkStack(app, f"{prefix}-network", **options(here))
    data = DataStack(app, f"{prefix}-data", network=network, **options(here))
    service = ServiceStack(app, f"{prefix}-service", network=network, data=data, **options(here))
    firewall = FirewallStack(app, f"{prefix}-firewall", **options(edge))
    EdgeStack(app, f"{prefix}-edge", data=data, service=service, firewall=firewall, **options(here))
    WatchStack(app, f"{prefix}-watch", data=data, service=service, **options(here))
    if is_reviewed:
        review(app, deployment)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the templates of example deployments.")
    parser.add_argument("--size", choices=[*SIZES], action="append", help="default: all")
    parser.add_argument("--output", type=Path, default=Path("build/aws/templates"))
    options = parser.parse_args()
    for size in options.size or SIZES:
        build(deployment_of({**EXAMPLE, "size": size}), (options.output / size).resolve()).synth()


if __name__ == "__main__":
    main()
