"""The services of the product on ECS, and what each of them may do."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.aws.data import BALANCER_LOGS, OCR_MODEL_KEY, VAPID_PRIVATE_KEY, DataStack
from infra.aws.deployment import Deployment
from infra.aws.network import NetworkStack
from infra.aws.queue_names import Tier
from infra.aws.sizes import Processes
from infra.aws.tasks import STOP_SECONDS, Kind, TaskFactory

# A worker's queues: workers/__main__.py, QUEUES_OF_WORKER (a test compares).
TIERS_OF_WORKER: Final = {
    "cpu": (Tier.BASIC, Tier.LITE),
    "video": (Tier.VIDEO,),
    "premium": (Tier.PREMIUM,),
}
# Backlog per task at which a worker service grows: about a minute's work, by `make bench` (cpu) and by film (video).
BACKLOG_PER_TASK: Final = {"cpu": 60, "video": 2, "premium": 8}
OLDEST_SECONDS: Final = {"cpu": 60, "video": 600, "premium": 120}
STREAMS_PATH: Final = "/api/v1/events"
ONCE: Final = Processes(512, 1024, 0, 1)
# UTC; at night in Seoul.
DAILY: Final = {"audit-isolation": (19, 10), "prune-trail": (19, 40)}


def _web_health(port: int, path: str, below: int) -> list[str]:
    """Whether the web server of this container answers; the image has Python and no curl."""
    script = (
        "import http.client,sys;"
        f"c=http.client.HTTPConnection('127.0.0.1',{port},timeout=4);c.request('GET','{path}');"
        f"sys.exit(c.getresponse().status>={below})"
    )
    return ["python", "-c", script]


PUSHING_WORKERS: Final = ("cpu", "premium")
"""They read sheets, after which there may be something to tell; the first also tells it."""


class ServiceStack(cdk.Stack):
    """The cluster, its services behind one load balancer, and the tasks that run once."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        deployment: Deployment,
        network: NetworkStack,
        data: DataStack,
        **options: Any,
    ) -> None:
        super().__init__(scope, name, **options)
        self._deployment = deployment
        self._network = network
        self._data = data
        self.cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=deployment.prefix,
            vpc=network.vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
        )
        self._tasks = TaskFactory(self, deployment, data)
        self.services: dict[str, ecs.BaseService] = {}
        self.balancer = self._balancer()
        self._add_web()
        self._add_workers()
        self._add_dispatcher()
        self._add_once()

    # --- web

    def _balancer(self) -> elb.ApplicationLoadBalancer:
        """Internal: CloudFront reaches it through a VPC origin, and nobody else does."""
        balancer = elb.ApplicationLoadBalancer(
            self,
            "Balancer",
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="app"),
            internet_facing=False,
            security_group=self._network.balancer_group,
            idle_timeout=cdk.Duration.seconds(75),  # a silent stream says ": keep-alive" every 15 s
            drop_invalid_header_fields=True,
            deletion_protection=True,
            desync_mitigation_mode=elb.DesyncMitigationMode.STRICTEST,
        )
        # By its name: the bucket's policy, which lets the balancer write, is the data stack's.
        for name, value in (
            ("access_logs.s3.enabled", "true"),
            ("access_logs.s3.bucket", self._data.log_bucket.bucket_name),
            ("access_logs.s3.prefix", BALANCER_LOGS),
        ):
            balancer.set_attribute(name, value)
        return balancer

    def _add_web(self) -> None:
        size = self._deployment.size
        api = self._service(
            Kind(
                name="api",
                command=["gunicorn", "--config", "infra/gunicorn_conf.py", "academy.wsgi"],
                processes=size.api,
                port=8000,
                secrets=self._push_secrets,
                environment={"WEB_CONCURRENCY": str(size.web_concurrency), **self._deployment.push_environment},
                health=_web_health(8000, "/health", 300),
            )
        )
        streams = self._service(
            Kind(
                name="streams",
                command=["python", "-m", "academy.asgi"],
                processes=size.streams,
                port=8001,
                secrets=["LISTEN_DATABASE_URL"],
                health=_web_health(8001, "/health", 300),
            )
        )
        listener = self.balancer.add_listener(
            "Https",
            port=443,
            protocol=elb.ApplicationProtocol.HTTPS,
            certificates=[acm.Certificate.from_certificate_arn(self, "Certificate", self._deployment.certificate_arn)],
            ssl_policy=elb.SslPolicy.TLS13_RES,
            open=False,
        )
        api_group = listener.add_targets(
            "Api",
            port=8000,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[api],
            deregistration_delay=cdk.Duration.seconds(30),  # a request may last as long
            # Not /ready: a database that is away would have ECS replace every task, which helps nobody.
            health_check=elb.HealthCheck(path="/health", interval=cdk.Duration.seconds(10), healthy_threshold_count=2),
        )
        listener.add_targets(
            "Streams",
            priority=10,
            conditions=[elb.ListenerCondition.path_patterns([STREAMS_PATH])],
            port=8001,
            protocol=elb.ApplicationProtocol.HTTP,
            targets=[streams],
            deregistration_delay=cdk.Duration.seconds(10),  # streams never end by themselves
            health_check=elb.HealthCheck(path="/health", interval=cdk.Duration.seconds(10), healthy_threshold_count=2),
        )
        self.api_targets = api_group
        for service in (api, streams):
            self._allow_media(service.task_definition.task_role)
        by_load = api.auto_scale_task_count(min_capacity=size.api.at_least, max_capacity=size.api.at_most)
        by_load.scale_on_cpu_utilization("Cpu", target_utilization_percent=80)
        by_load.scale_on_request_count(
            "Requests", requests_per_target=1500 * size.web_concurrency, target_group=api_group
        )
        streams.auto_scale_task_count(
            min_capacity=size.streams.at_least, max_capacity=size.streams.at_most
        ).scale_on_cpu_utilization("Cpu", target_utilization_percent=60)

    # --- workers

    def _add_workers(self) -> None:
        size = self._deployment.size
        self.gpu = self._gpu_capacity()
        strategies = {
            "cpu": [ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1)],
            # One that stays, so that no Spot shortage stops all films; the rest on Spot.
            "video": [
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE", base=1, weight=0),
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=1),
            ],
            "premium": [ecs.CapacityProviderStrategy(capacity_provider=self.gpu.capacity_provider_name, weight=1)],
        }
        for worker, processes in (("cpu", size.cpu), ("video", size.video), ("premium", size.premium)):
            service = self._service(
                Kind(
                    name=worker,
                    command=[
                        *("python", "-m", "workers", worker),
                        *("--slots", str(max(processes.cpu // 1024, 1))),
                        *("--stop-timeout", str(STOP_SECONDS - 10), "--without-dispatcher"),
                    ],
                    processes=processes,
                    secrets=self._secrets_of(worker),
                    environment=self._environment_of(worker),
                    is_gpu=worker == "premium",
                ),
                strategies[worker],
            )
            role = service.task_definition.task_role
            self._allow_media(role)
            for tier in TIERS_OF_WORKER[worker]:
                self._data.queues[tier].grant_consume_messages(role)
            self._scale_worker(worker, service, processes)

    @property
    def _push_secrets(self) -> list[str]:
        return [VAPID_PRIVATE_KEY] if self._deployment.vapid_subject else []

    def _secrets_of(self, worker: str) -> list[str]:
        model = [OCR_MODEL_KEY] if worker == "premium" and self._deployment.ocr_model_url else []
        return [*model, *(self._push_secrets if worker in PUSHING_WORKERS else ())]

    def _environment_of(self, worker: str) -> dict[str, str]:
        models = self._deployment.ocr_environment if worker == "premium" else {}
        return {**models, **(self._deployment.push_environment if worker in PUSHING_WORKERS else {})}

    def _gpu_capacity(self) -> ecs.AsgCapacityProvider:
        size = self._deployment.size
        template = ec2.LaunchTemplate(
            self,
            "GpuMachine",
            instance_type=ec2.InstanceType(size.premium_machine),
            machine_image=ecs.EcsOptimizedImage.amazon_linux2023(ecs.AmiHardwareType.GPU),
            require_imdsv2=True,
            http_put_response_hop_limit=1,  # a task reaches no metadata of its machine
            detailed_monitoring=True,
            security_group=ec2.SecurityGroup(
                self, "GpuGroup", vpc=self._network.vpc, description="GPU machines: reached by nobody"
            ),
            role=self._machine_role(),
            user_data=ec2.UserData.for_linux(),
            block_devices=[
                ec2.BlockDevice(
                    device_name="/dev/xvda",
                    volume=ec2.BlockDeviceVolume.ebs(80, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3),
                )
            ],
        )
        group = autoscaling.AutoScalingGroup(
            self,
            "GpuMachines",
            vpc=self._network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="app"),
            launch_template=template,
            min_capacity=size.premium.at_least,
            # One more than tasks, so that a rolling deploy finds a place for the new one.
            max_capacity=size.premium.at_most + 1,
            new_instances_protected_from_scale_in=True,
            group_metrics=[autoscaling.GroupMetrics.all()],
        )
        provider = ecs.AsgCapacityProvider(
            self,
            "Gpu",
            auto_scaling_group=group,
            enable_managed_scaling=True,
            enable_managed_termination_protection=True,
            enable_managed_draining=True,
            target_capacity_percent=100,
        )
        self.cluster.add_asg_capacity_provider(provider)
        return provider

    def _machine_role(self) -> iam.Role:
        return iam.Role(self, "GpuMachineRole", assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"))

    def _scale_worker(self, worker: str, service: ecs.BaseService, processes: Processes) -> None:
        """By messages per task, and by the oldest message's age, which also sees the one academy that waits."""
        scalable = service.auto_scale_task_count(min_capacity=processes.at_least, max_capacity=processes.at_most)
        minute = cdk.Duration.minutes(1)
        queues = [self._data.queues[tier] for tier in TIERS_OF_WORKER[worker]]
        waiting = {
            f"w{number}": queue.metric_approximate_number_of_messages_visible(period=minute, statistic="Maximum")
            for number, queue in enumerate(queues)
        }
        oldest = {
            f"o{number}": queue.metric_approximate_age_of_oldest_message(period=minute, statistic="Maximum")
            for number, queue in enumerate(queues)
        }
        tasks = running_tasks(self.cluster.cluster_name, service.service_name, period=minute)
        limit = BACKLOG_PER_TASK[worker]
        scalable.scale_on_metric(
            "Backlog",
            metric=cloudwatch.MathExpression(
                expression=f"({' + '.join(waiting)}) / IF(t > 0, t, 1)",
                using_metrics={**waiting, "t": tasks},
                period=minute,
                label="messages per task",
            ),
            scaling_steps=[
                scaling.ScalingInterval(upper=limit / 4, change=-10),
                scaling.ScalingInterval(lower=limit, change=25),
                scaling.ScalingInterval(lower=limit * 3, change=100),
            ],
            adjustment_type=scaling.AdjustmentType.PERCENT_CHANGE_IN_CAPACITY,
            min_adjustment_magnitude=1,
            cooldown=cdk.Duration.minutes(2),
            evaluation_periods=3,
            datapoints_to_alarm=2,
        )
        scalable.scale_on_metric(
            "Oldest",
            metric=cloudwatch.MathExpression(
                expression=f"MAX([{', '.join(oldest)}])",
                using_metrics=oldest,
                period=minute,
                label="age of the oldest message",
            ),
            scaling_steps=[
                scaling.ScalingInterval(upper=0, change=0),
                scaling.ScalingInterval(lower=OLDEST_SECONDS[worker], change=25),
                scaling.ScalingInterval(lower=OLDEST_SECONDS[worker] * 5, change=100),
            ],
            adjustment_type=scaling.AdjustmentType.PERCENT_CHANGE_IN_CAPACITY,
            min_adjustment_magnitude=1,
            cooldown=cdk.Duration.minutes(2),
        )

    def _add_dispatcher(self) -> None:
        service = self._service(
            Kind(
                name="dispatcher",
                command=["python", "-m", "workers", "dispatcher"],
                processes=self._deployment.size.dispatcher,
                # It listens, and holds locks over a transaction of its own: past the pooler.
                database="LISTEN_DATABASE_URL",
            )
        )
        role = service.task_definition.task_role
        for queue in self._data.queues.values():
            queue.grant_send_messages(role)
            queue.grant(role, "sqs:GetQueueAttributes")
        for queue in self._data.dead_letters.values():
            queue.grant(role, "sqs:GetQueueAttributes", "sqs:GetQueueUrl")

    # --- once and daily

    def _add_once(self) -> None:
        self.migration = self._tasks.make(
            Kind(
                name="migrate",
                command=["python", "manage.py", "migrate_academies"],
                processes=Processes(1024, 2048, 0, 1),
                database="MIGRATION_DATABASE_URL",
                environment={"METRICS_BIND": ""},
            )
        )
        daily = {
            "audit-isolation": Kind(
                name="audit-isolation",
                command=["python", "manage.py", "audit_isolation", "--base-url", "https://{host}"],
                processes=ONCE,
                secrets=["CANARY_PHONE", "CANARY_PASSWORD"],
                environment={"METRICS_BIND": ""},
            ),
            "prune-trail": Kind(
                name="prune-trail",
                command=["python", "manage.py", "prune_trail"],
                processes=ONCE,
                database="MIGRATION_DATABASE_URL",
                environment={"METRICS_BIND": ""},
            ),
        }
        self.daily: dict[str, ecs.TaskDefinition] = {}
        for name, kind in daily.items():
            definition = self.daily[name] = self._tasks.make(kind)
            hour, minute = DAILY[name]
            events.Rule(
                self,
                f"Daily{name.title()}",
                rule_name=f"{self._deployment.prefix}-{name}",
                schedule=events.Schedule.cron(hour=str(hour), minute=str(minute)),
                targets=[
                    targets.EcsTask(
                        cluster=self.cluster,
                        task_definition=definition,
                        subnet_selection=ec2.SubnetSelection(subnet_group_name="app"),
                        security_groups=[self._network.tasks_group],
                    )
                ],
            )
        self._allow_media(self.daily["audit-isolation"].task_role, is_reading=True)

    # --- rights

    def _allow_media(self, role: iam.IRole, *, is_reading: bool = False) -> None:
        """Objects of the media bucket and the key they are encrypted with; of the bucket itself its list only."""
        bucket = f"arn:aws:s3:::{self._deployment.media_bucket}"
        actions = ["s3:GetObject"]
        listing = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
        if not is_reading:
            actions += ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
            actions += ["s3:DeleteObject", "s3:DeleteObjectVersion"]
            listing.append("s3:ListBucketVersions")  # an erasure removes every version
        statements = [
            iam.PolicyStatement(actions=actions, resources=[f"{bucket}/*"]),
            iam.PolicyStatement(actions=listing, resources=[bucket]),
            iam.PolicyStatement(
                actions=["kms:Decrypt"] if is_reading else ["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self._data.key.key_arn],
            ),
        ]
        for statement in statements:
            role.add_to_principal_policy(statement)

    # --- a service

    def _service(
        self, kind: Kind, strategies: list[ecs.CapacityProviderStrategy] | None = None
    ) -> ecs.FargateService | ecs.Ec2Service:
        """Rolling, back to the release before when the new tasks do not stay up."""
        common: dict[str, Any] = {
            "cluster": self.cluster,
            "service_name": kind.name,
            "desired_count": kind.processes.at_least,
            "min_healthy_percent": 100,
            "max_healthy_percent": 200,
            "circuit_breaker": ecs.DeploymentCircuitBreaker(rollback=True),
            "vpc_subnets": ec2.SubnetSelection(subnet_group_name="app"),
            "security_groups": [self._network.tasks_group],
            "capacity_provider_strategies": strategies
            or [ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1)],
            "enable_ecs_managed_tags": True,
            "propagate_tags": ecs.PropagatedTagSource.SERVICE,
            "enable_execute_command": False,
        }
        if kind.port:
            common["health_check_grace_period"] = cdk.Duration.seconds(60)
        definition = self._tasks.make(kind)
        service: ecs.FargateService | ecs.Ec2Service
        identity = f"{kind.name.title()}Service"
        if isinstance(definition, ecs.Ec2TaskDefinition):
            service = ecs.Ec2Service(self, identity, task_definition=definition, **common)
        else:
            service = ecs.FargateService(self, identity, task_definition=definition, **common)
        self.services[kind.name] = service
        return service


def running_tasks(cluster: str, service: str, *, period: cdk.Duration) -> cloudwatch.Metric:
    """How many tasks of the service run, by Container Insights."""
    return cloudwatch.Metric(
        namespace="ECS/ContainerInsights",
        metric_name="RunningTaskCount",
        dimensions_map={"ClusterName": cluster, "ServiceName": service},
        statistic="Minimum",
        period=period,
    )
