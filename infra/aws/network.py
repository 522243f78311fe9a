"""Three zones, three kinds of subnets: who can be reached, who can reach out, and who can do neither."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.aws.deployment import Deployment

# What the tasks need of AWS without leaving the network. S3 by a gateway, which costs nothing.
ENDPOINTS: Final = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Secrets": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
    "Kms": ec2.InterfaceVpcEndpointAwsService.KMS,
}


class NetworkStack(cdk.Stack):
    """``public``: NAT only. ``app``: load balancer and tasks, outward by NAT. ``data``: no way out at all."""

    def __init__(self, scope: Construct, name: str, *, deployment: Deployment, **options: Any) -> None:
        super().__init__(scope, name, **options)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.20.0.0/16"),
            availability_zones=list(deployment.zones),
            nat_gateways=deployment.size.nat_gateways,
            restrict_default_security_group=False,  # by a function of CDK's with wide rights; nothing uses that group
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(name="app", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20),
                ec2.SubnetConfiguration(name="data", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24),
            ],
        )
        self.vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(self, "FlowLog", retention=logs.RetentionDays.ONE_MONTH)
            ),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        in_app = ec2.SubnetSelection(subnet_group_name="app")
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[in_app])
        self.endpoints_group = ec2.SecurityGroup(
            self, "Endpoints", vpc=self.vpc, description="Services of AWS, by tasks", allow_all_outbound=False
        )
        self.tasks_group = ec2.SecurityGroup(
            self, "Tasks", vpc=self.vpc, description="Every task of the product", allow_all_outbound=True
        )
        self.balancer_group = ec2.SecurityGroup(
            self, "Balancer", vpc=self.vpc, description="The load balancer, by CloudFront", allow_all_outbound=False
        )
        self.database_group = ec2.SecurityGroup(
            self, "Database", vpc=self.vpc, description="PostgreSQL, by tasks", allow_all_outbound=False
        )
        self.endpoints_group.add_ingress_rule(self.tasks_group, ec2.Port.tcp(443), "tasks")
        self.database_group.add_ingress_rule(self.tasks_group, ec2.Port.tcp(5432), "tasks")
        self.balancer_group.add_ingress_rule(
            ec2.Peer.prefix_list(deployment.cloudfront_prefix_list), ec2.Port.tcp(443), "CloudFront"
        )
        for port in (8000, 8001):
            self.balancer_group.add_egress_rule(self.tasks_group, ec2.Port.tcp(port), "web and streams")
            self.tasks_group.add_ingress_rule(self.balancer_group, ec2.Port.tcp(port), "load balancer")
        self.tasks_group.add_ingress_rule(self.tasks_group, ec2.Port.tcp(9464), "Prometheus")
        for endpoint, service in ENDPOINTS.items():
            self.vpc.add_interface_endpoint(
                endpoint, service=service, subnets=in_app, security_groups=[self.endpoints_group], open=False
            )
