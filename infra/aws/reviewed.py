"""What cdk-nag's AWS Solutions rules object to and we keep: each with its reason."""

from __future__ import annotations

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.aws.deployment import Deployment


def exceptions(deployment: Deployment) -> dict[str, dict[str, str]]:
    """By the last part of a stack's name: the finding, and why it stays."""
    where = f"{deployment.region}:{deployment.account}"
    prefix, aws = deployment.prefix, "<AWS::Partition>"
    only_ours = "Within one cluster or one prefix of names, which are this deployment's."
    no_resource = "These actions know no resource: ecr:GetAuthorizationToken, ecs:DescribeTaskDefinition and the like."
    return {
        "delivery": {
            "AwsSolutions-IAM5[Resource::*]": no_resource,
            f"AwsSolutions-IAM5[Resource::arn:aws:ecs:{where}:service/{prefix}/*]": only_ours,
            f"AwsSolutions-IAM5[Resource::arn:aws:ecs:{where}:task/{prefix}/*]": only_ours,
            f"AwsSolutions-IAM5[Resource::arn:aws:ecs:{where}:task-definition/{prefix}-migrate:*]": "Its revisions.",
            f"AwsSolutions-IAM5[Resource::arn:aws:events:{where}:rule/{prefix}-*]": only_ours,
            f"AwsSolutions-IAM5[Resource::arn:aws:iam::{deployment.account}:role/{prefix}-task-*]": only_ours,
        },
        "data": {
            "AwsSolutions-SMG4": "Keys and passwords change in two steps, by a person: docs/runbook/key-rotation.md.",
            "AwsSolutions-RDS11": "The subnets have no way in or out; another port would hide nothing.",
            f"AwsSolutions-IAM4[Policy::arn:{aws}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]": (
                "CDK's own function that sets the retention of the database's log groups."
            ),
            "AwsSolutions-IAM5[Resource::*]": "The same function: log groups that RDS makes, whose names it chooses.",
        },
        "service": {
            "AwsSolutions-IAM5[Resource::*]": no_resource,
            f"AwsSolutions-IAM5[Resource::arn:aws:s3:::{deployment.media_bucket}/*]": "Objects of one bucket.",
            "AwsSolutions-IAM5[Action::ecs:Submit*]": "What the ECS agent of a GPU machine reports its tasks with.",
            f"AwsSolutions-IAM5[Resource::arn:{aws}:ecs:{deployment.region}:*:task/<ClusterEB0386A7>/*]": only_ours,
            "AwsSolutions-ECS2": "What stands there in clear is no secret; secrets come from Secrets Manager.",
            "AwsSolutions-AS3": "The alarm for no warm worker tells of what matters about these machines.",
        },
        "edge": {
            "AwsSolutions-CFR1": "Parents travel; where somebody is says nothing about who they are.",
        },
    }


def review(app: cdk.App, deployment: Deployment) -> None:
    """Have every synthesis of the app judged, with the exceptions."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for stack, kept in exceptions(deployment).items():
        construct = app.node.find_child(f"{deployment.prefix}-{stack}")
        for finding, reason in kept.items():
            cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def findings(app: cdk.App) -> set[str]:
    """What the rules object to in this app, acknowledged or not."""
    report = AwsSolutionsChecks(app).validate_scope(app)
    return {violation.rule_name for violation in report.violations}
