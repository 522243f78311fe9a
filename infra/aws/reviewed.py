"""What cdk-nag's AWS Solutions rules object to and we keep: each with its reason."""

from __future__ import annotations

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks


def review(app: cdk.App) -> None:
    """Have every synthesis of the app judged."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
