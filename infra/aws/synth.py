"""What the cdk command line runs: the deployment is its context, `cdk -c size=m -c image_digest=sha256:...`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from infra.aws.app import build, deployment_of


def main() -> None:
    context = json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    build(deployment_of(context), Path(os.environ["CDK_OUTDIR"])).synth()


if __name__ == "__main__":
    main()
