"""What every task definition has in common: the image, its environment, its secrets, a pooler, a place for its logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.aws.data import APPLICATION_SECRETS, OPTIONAL_SECRETS, DataStack
from infra.aws.deployment import Deployment
from infra.aws.queue_names import PREFIX, VISIBILITY_SECONDS
from infra.aws.sizes import Processes

APP_CONTAINER: Final = "app"
POOLER_CONTAINER: Final = "pooler"
METRICS_PORT: Final = 9464
STOP_SECONDS: Final = 120
"""From SIGTERM to SIGKILL: the most that Fargate allows, and what workers drain in (--stop-timeout)."""
# CloudFront appends whom it was called by, then the load balancer appends CloudFront.
TRUSTED_PROXY_COUNT: Final = 2


@dataclass(frozen=True)
class Kind:
    """One kind of task. ``database`` names the secret's key that becomes DATABASE_URL; None: through the pooler."""

    name: str
    command: Sequence[str]
    processes: Processes
    port: int | None = None
    database: str | None = None
    secrets: Sequence[str] = ()
    environment: Mapping[str, str] | None = None
    is_gpu: bool = False
    health: Sequence[str] | None = None


class TaskFactory:
    """Makes task definitions of one deployment."""

    def __init__(self, scope: Construct, deployment: Deployment, data: DataStack) -> None:
        self._scope = scope
        self._deployment = deployment
        self._data = data
        self.log_group = logs.LogGroup(
            scope,
            "Logs",
            log_group_name=f"/{deployment.prefix}",
            retention=logs.RetentionDays.THREE_MONTHS,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        # By their names: a grant through the objects would be written into the key's policy, in the data stack, which
        # would then depend on this one.
        self._database_urls, self._application_secrets, self._pooler_users = (
            secretsmanager.Secret.from_secret_complete_arn(scope, identity, secret.secret_arn)
            for identity, secret in (
                ("DatabaseUrls", data.database_urls),
                ("Application", data.application_secrets),
                ("PoolerUsers", data.pooler_users),
            )
        )
        self._images = ecr.Repository.from_repository_name(scope, "Images", "academy")
        self._pooler_images = ecr.Repository.from_repository_name(scope, "PoolerImages", "academy-pgbouncer")

    def make(self, kind: Kind) -> ecs.TaskDefinition:
        """A task definition of the family PREFIX-NAME. Its role may do nothing yet."""
        identity = "".join(part.title() for part in kind.name.split("-"))
        role = iam.Role(
            self._scope,
            f"{identity}Role",
            role_name=f"{self._deployment.prefix}-task-{kind.name}",
            assumed_by=iam.ServicePrincipal(
                "ecs-tasks.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self._deployment.account}}
            ),
        )
        execution_role = iam.Role(
            self._scope,
            f"{identity}ExecutionRole",
            role_name=f"{self._deployment.prefix}-task-{kind.name}-start",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
        )
        execution_role.add_to_policy(iam.PolicyStatement(actions=["kms:Decrypt"], resources=[self._data.key.key_arn]))
        family = f"{self._deployment.prefix}-{kind.name}"
        common = {"family": family, "task_role": role, "execution_role": execution_role}
        definition: ecs.TaskDefinition
        if kind.is_gpu:
            definition = ecs.Ec2TaskDefinition(
                self._scope, f"{identity}Task", network_mode=ecs.NetworkMode.AWS_VPC, **common
            )
        else:
            definition = ecs.FargateTaskDefinition(
                self._scope,
                f"{identity}Task",
                cpu=kind.processes.cpu,
                memory_limit_mib=kind.processes.memory_mib,
                ephemeral_storage_gib=50 if kind.name == "video" else 21,
                runtime_platform=ecs.RuntimePlatform(
                    cpu_architecture=ecs.CpuArchitecture.X86_64, operating_system_family=ecs.OperatingSystemFamily.LINUX
                ),
                **common,
            )
        definition.add_volume(name="tmp")
        app = self._add_app(definition, kind)
        if kind.database is None:
            pooler = self._add_pooler(definition)
            app.add_container_dependencies(
                ecs.ContainerDependency(container=pooler, condition=ecs.ContainerDependencyCondition.HEALTHY)
            )
        return definition

    def _add_app(self, definition: ecs.TaskDefinition, kind: Kind) -> ecs.ContainerDefinition:
        database = kind.database or "DATABASE_URL"
        urls = {name: name for name in ("DISPATCHER_DATABASE_URL", *kind.secrets) if name.endswith("_URL")}
        secrets = {name: ecs.Secret.from_secrets_manager(self._database_urls, key) for name, key in urls.items()}
        secrets["DATABASE_URL"] = ecs.Secret.from_secrets_manager(self._database_urls, database)
        wanted = [name for name in APPLICATION_SECRETS if not name.startswith("CANARY") or name in kind.secrets]
        wanted += [name for name in kind.secrets if name in OPTIONAL_SECRETS]
        wanted += self._deployment.named_telemetry_secrets
        secrets |= {name: ecs.Secret.from_secrets_manager(self._application_secrets, name) for name in wanted}
        container = definition.add_container(
            APP_CONTAINER,
            image=ecs.ContainerImage.from_ecr_repository(self._images, self._deployment.image_digest),
            command=list(kind.command),
            essential=True,
            user="10001:10001",
            readonly_root_filesystem=True,
            gpu_count=1 if kind.is_gpu else None,
            cpu=kind.processes.cpu if kind.is_gpu else None,
            memory_limit_mib=kind.processes.memory_mib if kind.is_gpu else None,
            stop_timeout=cdk.Duration.seconds(STOP_SECONDS),
            environment={**self._environment(), "OTEL_SERVICE_NAME": kind.name, **(kind.environment or {})},
            secrets=secrets,
            logging=ecs.LogDriver.aws_logs(log_group=self.log_group, stream_prefix=kind.name),
            linux_parameters=ecs.LinuxParameters(self._scope, f"{kind.name.title()}Linux", init_process_enabled=False),
            health_check=ecs.HealthCheck(
                command=["CMD", *kind.health],
                interval=cdk.Duration.seconds(15),
                timeout=cdk.Duration.seconds(5),
                retries=3,
                start_period=cdk.Duration.seconds(60),
            )
            if kind.health
            else None,
            port_mappings=[ecs.PortMapping(container_port=kind.port)] if kind.port else None,
        )
        container.add_mount_points(ecs.MountPoint(container_path="/tmp", source_volume="tmp", read_only=False))  # noqa: S108
        return container

    def _add_pooler(self, definition: ecs.TaskDefinition) -> ecs.ContainerDefinition:
        """PgBouncer in transaction mode beside each task, on its loopback: no hop more, and no single one to lose."""
        return definition.add_container(
            POOLER_CONTAINER,
            image=ecs.ContainerImage.from_ecr_repository(self._pooler_images, self._deployment.pooler_digest),
            essential=True,
            user="10002:10002",
            readonly_root_filesystem=False,  # it writes its own configuration at start
            memory_reservation_mib=32,
            memory_limit_mib=128,
            stop_timeout=cdk.Duration.seconds(STOP_SECONDS),
            environment={
                "PGBOUNCER_HOST": self._data.database.db_instance_endpoint_address,
                "PGBOUNCER_LISTEN": "127.0.0.1",
                "PGBOUNCER_POOL_SIZE": str(self._deployment.size.pool_size),
            },
            secrets={"PGBOUNCER_USERS": ecs.Secret.from_secrets_manager(self._pooler_users)},
            logging=ecs.LogDriver.aws_logs(log_group=self.log_group, stream_prefix="pooler"),
            health_check=ecs.HealthCheck(
                command=["CMD", "/usr/local/bin/pooler-is-up"],
                interval=cdk.Duration.seconds(10),
                timeout=cdk.Duration.seconds(3),
                retries=3,
                start_period=cdk.Duration.seconds(5),
            ),
        )

    def _environment(self) -> dict[str, str]:
        deployment = self._deployment
        return {
            "ACADEMY_ENV": "production",
            "AWS_REGION": deployment.region,
            "AWS_DEFAULT_REGION": deployment.region,
            "MEDIA_BUCKET": self._data.media.bucket_name,
            "QUEUE_PREFIX": PREFIX,
            "JOB_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS),
            "BASE_DOMAIN": deployment.base_domain,
            "PLATFORM_HOST": deployment.platform_host,
            "PUBLIC_PORT": "443",
            "TRUSTED_PROXY_COUNT": str(TRUSTED_PROXY_COUNT),
            "METRICS_BIND": f"0.0.0.0:{METRICS_PORT}",
            "LOG_FORMAT": "json",
            **deployment.telemetry_environment,
        }
