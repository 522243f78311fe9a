"""What must not be lost: the database, the objects, the keys that encrypt them, and the queues."""

from __future__ import annotations

from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.aws import queue_names
from infra.aws.deployment import Deployment
from infra.aws.network import NetworkStack
from infra.aws.queue_names import Tier

BALANCER_LOGS: Final = "balancer"
BACKUP_DAYS: Final = 35  # the most that RDS keeps
# Keys of the secrets that an operator fills in once: docs/runbook/first-deploy.md.
DATABASE_URLS: Final = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "DISPATCHER_DATABASE_URL", "LISTEN_DATABASE_URL")
APPLICATION_SECRETS: Final = (
    "SECRET_KEY",
    "ENCRYPTION_KEYS",
    "SOLAPI_API_KEY",
    "SOLAPI_API_SECRET",
    "SOLAPI_SENDER",
    "CANARY_PHONE",
    "CANARY_PASSWORD",
)
OCR_MODEL_KEY: Final = "OCR_MODEL_KEY"
"""A key of the same secret, where the deployment names a vision model: of the premium workers alone."""
VAPID_PRIVATE_KEY: Final = "VAPID_PRIVATE_KEY"
"""A key of the same secret, where the deployment pushes notices: of what publishes results, reads sheets and sends."""
OPTIONAL_SECRETS: Final = (OCR_MODEL_KEY, VAPID_PRIVATE_KEY)


class DataStack(cdk.Stack):
    """Everything here outlives its stack."""

    def __init__(
        self, scope: Construct, name: str, *, deployment: Deployment, network: NetworkStack, **options: Any
    ) -> None:
        super().__init__(scope, name, **options)
        self.key = kms.Key(
            self,
            "Key",
            description="Everything at rest",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.database = self._database(deployment, network)
        self.log_bucket = self._log_bucket()
        self.media = self._media_bucket(deployment)
        self.static = self._static_bucket(deployment)
        self.dead_letters: dict[Tier, sqs.Queue] = {}
        self.queues: dict[Tier, sqs.Queue] = {}
        for tier in Tier:
            self._add_queue(tier)
        self.database_urls = self._secret("DatabaseUrls", f"{deployment.prefix}/database-urls")
        self.application_secrets = self._secret("Application", f"{deployment.prefix}/application")
        self.pooler_users = self._secret("PoolerUsers", f"{deployment.prefix}/pooler-users")

    def _database(self, deployment: Deployment, network: NetworkStack) -> rds.DatabaseInstance:
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_6)
        parameters = rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            description="PostgreSQL with pgvector (an extension: infra/postgres/roles.sql creates it)",
            parameters={
                "rds.force_ssl": "1",
                "max_connections": str(deployment.size.database_connections),
                "max_locks_per_transaction": "512",  # one migration run touches every table of every silo schema
                "timezone": "UTC",
                "log_min_duration_statement": "1000",
                "log_lock_waits": "1",
                "log_parameter_max_length": "0",  # values of parameters are people's data
                "log_parameter_max_length_on_error": "0",
                "idle_in_transaction_session_timeout": "60000",
                "shared_preload_libraries": "pg_stat_statements",
                "autovacuum_naptime": "15",
            },
        )
        return rds.DatabaseInstance(
            self,
            "Database",
            engine=engine,
            parameter_group=parameters,
            instance_type=ec2.InstanceType(deployment.size.database_class),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="data"),
            security_groups=[network.database_group],
            port=5432,
            multi_az=True,
            storage_type=rds.StorageType.GP3,
            allocated_storage=deployment.size.database_gib,
            max_allocated_storage=deployment.size.database_gib * 4,
            storage_encrypted=True,
            storage_encryption_key=self.key,
            credentials=rds.Credentials.from_generated_secret("administrator", encryption_key=self.key),
            database_name="postgres",
            backup_retention=cdk.Duration.days(BACKUP_DAYS),
            preferred_backup_window="18:00-18:30",  # UTC: three at night in Seoul
            preferred_maintenance_window="sun:19:00-sun:19:30",
            copy_tags_to_snapshot=True,
            delete_automated_backups=False,
            deletion_protection=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            auto_minor_version_upgrade=True,
            iam_authentication=True,
            cloudwatch_logs_exports=["postgresql", "upgrade"],
            cloudwatch_logs_retention=logs.RetentionDays.THREE_MONTHS,
            enable_performance_insights=True,
            performance_insight_encryption_key=self.key,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
        )

    def _log_bucket(self) -> s3.Bucket:
        """Who asked for which object: of the buckets, of CloudFront and of the load balancer."""
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,  # the load balancer can write with no key of ours
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.OBJECT_WRITER,  # CloudFront writes as an account of its own
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[s3.LifecycleRule(expiration=cdk.Duration.days(90))],
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"{BALANCER_LOGS}/AWSLogs/{self.account}/*")],
            )
        )
        return bucket

    def _media_bucket(self, deployment: Deployment) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Media",
            bucket_name=deployment.media_bucket,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            server_access_logs_bucket=self.log_bucket,
            server_access_logs_prefix="s3-media/",
            cors=[
                s3.CorsRule(
                    allowed_methods=[s3.HttpMethods.POST, s3.HttpMethods.PUT, s3.HttpMethods.GET],
                    allowed_origins=[f"https://*.{deployment.base_domain}"],
                    allowed_headers=["*"],
                    max_age=3600,
                )
            ],
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="colder",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INFREQUENT_ACCESS, transition_after=cdk.Duration.days(30)
                        ),
                        # Instant retrieval: a scan of last term opens as one of today does.
                        s3.Transition(
                            storage_class=s3.StorageClass.GLACIER_INSTANT_RETRIEVAL,
                            transition_after=cdk.Duration.days(90),
                        ),
                    ],
                ),
                s3.LifecycleRule(
                    id="end of what was replaced or deleted",
                    noncurrent_version_expiration=cdk.Duration.days(30),
                    expired_object_delete_marker=True,
                ),
                s3.LifecycleRule(id="unfinished uploads", abort_incomplete_multipart_upload_after=cdk.Duration.days(2)),
            ],
        )

    def _static_bucket(self, deployment: Deployment) -> s3.Bucket:
        """Files of the front end by their hash, kept past their release: a page of yesterday still finds its own.

        Not by our key: CloudFront, in another region's stack, would need a right to it that names a circle of stacks.
        What is in here is what every visitor is sent.
        """
        bucket = s3.Bucket(
            self,
            "Static",
            bucket_name=f"{deployment.prefix}-static-{deployment.account}",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            versioned=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            server_access_logs_bucket=self.log_bucket,
            server_access_logs_prefix="s3-static/",
            lifecycle_rules=[s3.LifecycleRule(noncurrent_version_expiration=cdk.Duration.days(30))],
        )
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
                actions=["s3:GetObject"],
                resources=[bucket.arn_for_objects("*")],
                conditions={"StringEquals": {"aws:SourceAccount": deployment.account}},
            )
        )
        return bucket

    def _add_queue(self, tier: Tier) -> None:
        common: dict[str, Any] = {
            "encryption": sqs.QueueEncryption.SQS_MANAGED,
            "enforce_ssl": True,
            "removal_policy": cdk.RemovalPolicy.RETAIN,
        }
        dead = self.dead_letters[tier] = sqs.Queue(
            self,
            f"Dead{tier.name.title()}",
            queue_name=queue_names.dead_letter_name(tier),
            retention_period=cdk.Duration.seconds(queue_names.DEAD_LETTER_RETENTION_SECONDS),
            **common,
        )
        self.queues[tier] = sqs.Queue(
            self,
            f"Queue{tier.name.title()}",
            queue_name=queue_names.queue_name(tier),
            retention_period=cdk.Duration.seconds(queue_names.SOURCE_RETENTION_SECONDS),
            visibility_timeout=cdk.Duration.seconds(queue_names.VISIBILITY_SECONDS),
            receive_message_wait_time=cdk.Duration.seconds(queue_names.LONG_POLL_SECONDS),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=queue_names.MAX_RECEIVE_COUNT),
            **common,
        )

    def _secret(self, identity: str, name: str) -> secretsmanager.Secret:
        """Born with a random value that works nowhere: a task started before the operator filled it in stops."""
        return secretsmanager.Secret(
            self, identity, secret_name=name, encryption_key=self.key, removal_policy=cdk.RemovalPolicy.RETAIN
        )
