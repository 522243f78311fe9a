"""Where images are kept, and the one role by which GitHub deploys: no key that lasts longer than a run."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.aws.deployment import Deployment

ISSUER: Final = "token.actions.githubusercontent.com"
REPOSITORIES: Final = ("academy", "academy-pgbouncer")


class DeliveryStack(cdk.Stack):
    """Deployed before all others: a task definition names an image."""

    def __init__(self, scope: Construct, name: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, name, **options)
        repositories = [
            ecr.Repository(
                self,
                repository.title(),
                repository_name=repository,
                image_scan_on_push=True,
                image_tag_mutability=ecr.TagMutability.IMMUTABLE,
                encryption=ecr.RepositoryEncryption.AES_256,
                removal_policy=cdk.RemovalPolicy.RETAIN,
                lifecycle_rules=[ecr.LifecycleRule(max_image_count=100)],
            )
            for repository in REPOSITORIES
        ]
        provider = iam.OidcProviderNative(self, "GitHub", url=f"https://{ISSUER}", client_ids=["sts.amazonaws.com"])
        role = iam.Role(
            self,
            "Deployer",
            role_name=f"{deployment.prefix}-deployer",
            max_session_duration=cdk.Duration.hours(1),
            assumed_by=iam.WebIdentityPrincipal(
                provider.oidc_provider_arn,
                {
                    "StringEquals": {
                        f"{ISSUER}:aud": "sts.amazonaws.com",
                        # Of an environment: GitHub asks for its reviewers before it gives such a token.
                        f"{ISSUER}:sub": [
                            f"repo:{deployment.github_repository}:environment:{environment}"
                            for environment in ("staging", "production")
                        ],
                    }
                },
            ),
        )
        for repository in repositories:
            repository.grant_pull_push(role)
        self._allow_deploying(role, deployment)

    def _allow_deploying(self, role: iam.Role, deployment: Deployment) -> None:
        """What infra/deploy asks for, and nothing beside."""
        where = f"{deployment.region}:{deployment.account}"
        cluster = f"arn:aws:ecs:{where}:cluster/{deployment.prefix}"
        in_cluster = {"ArnEquals": {"ecs:cluster": cluster}}
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Services",
                actions=["ecs:DescribeServices", "ecs:UpdateService"],
                resources=[f"arn:aws:ecs:{where}:service/{deployment.prefix}/*"],
                conditions=in_cluster,
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="MigrationTask",
                actions=["ecs:RunTask"],
                resources=[f"arn:aws:ecs:{where}:task-definition/{deployment.prefix}-migrate:*"],
                conditions=in_cluster,
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Tasks",
                actions=["ecs:DescribeTasks", "ecs:StopTask"],
                resources=[f"arn:aws:ecs:{where}:task/{deployment.prefix}/*"],
                conditions=in_cluster,
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Definitions",  # these two know no resource
                actions=["ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition"],
                resources=["*"],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Daily",
                actions=["events:ListTargetsByRule", "events:PutTargets"],
                resources=[f"arn:aws:events:{where}:rule/{deployment.prefix}-*"],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                sid="Roles",
                actions=["iam:PassRole"],
                resources=[f"arn:aws:iam::{deployment.account}:role/{deployment.prefix}-task-*"],
                conditions={
                    "StringEquals": {"iam:PassedToService": ["ecs-tasks.amazonaws.com", "events.amazonaws.com"]}
                },
            )
        )
