"""What the design promises, looked for in the templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Stack
from aws_cdk.assertions import Match, Template

from infra.aws import queue_names
from infra.aws.app import EXAMPLE, build, deployment_of
from infra.aws.data import BACKUP_DAYS
from infra.aws.queue_names import Tier
from infra.aws.service import TIERS_OF_WORKER
from infra.aws.tasks import STOP_SECONDS, TRUSTED_PROXY_COUNT

Templates = dict[str, Template]
Resources = Callable[[str, str], dict[str, dict[str, Any]]]
ROOT = Path(__file__).resolve().parents[3]
SERVICES = {"api", "streams", "cpu", "video", "premium", "dispatcher"}


def definitions(resources: Resources) -> dict[str, dict[str, Any]]:
    """Task definitions by their family's last words."""
    found = resources("service", "AWS::ECS::TaskDefinition").values()
    return {properties["Family"].removeprefix("academy-m-"): properties for properties in found}


def containers(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {container["Name"]: container for container in definition["ContainerDefinitions"]}


def test_three_zones_hold_each_kind_of_subnet(resources: Resources) -> None:
    zones: dict[str, set[str]] = {}
    for subnet in resources("network", "AWS::EC2::Subnet").values():
        tags = {tag["Key"]: tag["Value"] for tag in subnet["Tags"]}
        zones.setdefault(tags["aws-cdk:subnet-name"], set()).add(subnet["AvailabilityZone"])
        assert not subnet.get("MapPublicIpOnLaunch")
    assert {name: len(found) for name, found in zones.items()} == {"public": 3, "app": 3, "data": 3}


def test_only_cloudfront_reaches_the_load_balancer_and_only_tasks_the_database(resources: Resources) -> None:
    groups = resources("network", "AWS::EC2::SecurityGroup")
    open_to_all = [
        rule for group in groups.values() for rule in group.get("SecurityGroupIngress", []) if "CidrIp" in rule
    ]
    assert open_to_all == []
    rules = resources("network", "AWS::EC2::SecurityGroupIngress").values()
    assert [rule["SourcePrefixListId"] for rule in rules if "SourcePrefixListId" in rule] == ["pl-22a6434b"]
    assert not any("CidrIp" in rule or "CidrIpv6" in rule for rule in rules)
    assert {rule["FromPort"] for rule in rules} == {443, 5432, 8000, 8001, 9464}
    [scheme] = [b["Scheme"] for b in resources("service", "AWS::ElasticLoadBalancingV2::LoadBalancer").values()]
    assert scheme == "internal"


def test_the_database_survives_a_zone_a_mistake_and_its_stack(templates: Templates) -> None:
    templates["data"].has_resource(
        "AWS::RDS::DBInstance",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "Engine": "postgres",
                "EngineVersion": Match.string_like_regexp(r"^(1[6-9]|2\d)\."),
                "MultiAZ": True,
                "BackupRetentionPeriod": BACKUP_DAYS,
                "DeletionProtection": True,
                "DeleteAutomatedBackups": False,
                "StorageEncrypted": True,
                "PubliclyAccessible": False,
            },
        },
    )
    assert BACKUP_DAYS == 35
    templates["data"].has_resource_properties(
        "AWS::RDS::DBParameterGroup",
        {"Parameters": Match.object_like({"rds.force_ssl": "1", "log_parameter_max_length": "0"})},
    )


def test_media_grow_cold_keep_versions_and_are_nobodys_to_see(templates: Templates) -> None:
    templates["data"].has_resource(
        "AWS::S3::Bucket",
        {
            "DeletionPolicy": "Retain",
            "Properties": {
                "BucketName": "academy-m-media-111122223333",
                "VersioningConfiguration": {"Status": "Enabled"},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
                    ]
                },
                "CorsConfiguration": {
                    "CorsRules": [
                        Match.object_like({"AllowedMethods": ["POST", "PUT", "GET"], "AllowedHeaders": ["*"]})
                    ]
                },
                "LifecycleConfiguration": {
                    "Rules": Match.array_with(
                        [
                            Match.object_like(
                                {
                                    "Transitions": [
                                        {"StorageClass": "STANDARD_IA", "TransitionInDays": 30},
                                        {"StorageClass": "GLACIER_IR", "TransitionInDays": 90},
                                    ]
                                }
                            ),
                            Match.object_like({"NoncurrentVersionExpiration": {"NoncurrentDays": 30}}),
                            Match.object_like({"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2}}),
                        ]
                    )
                },
            },
        },
    )


def test_queues_are_those_of_the_code(resources: Resources) -> None:
    queues = {queue["QueueName"]: queue for queue in resources("data", "AWS::SQS::Queue").values()}
    assert set(queues) == {
        name(tier) for tier in Tier for name in (queue_names.queue_name, queue_names.dead_letter_name)
    }
    for tier in Tier:
        queue, dead = queues[queue_names.queue_name(tier)], queues[queue_names.dead_letter_name(tier)]
        assert queue["MessageRetentionPeriod"] == queue_names.SOURCE_RETENTION_SECONDS
        assert queue["VisibilityTimeout"] == queue_names.VISIBILITY_SECONDS
        assert queue["ReceiveMessageWaitTimeSeconds"] == queue_names.LONG_POLL_SECONDS
        assert queue["RedrivePolicy"]["maxReceiveCount"] == queue_names.MAX_RECEIVE_COUNT
        assert dead["MessageRetentionPeriod"] == queue_names.DEAD_LETTER_RETENTION_SECONDS
        assert "RedrivePolicy" not in dead


def test_workers_read_the_queues_that_the_code_gives_them() -> None:
    source = (ROOT / "workers" / "__main__.py").read_text()
    namespace: dict[str, Any] = {}
    begin = source.index("QUEUES_OF_WORKER = ")
    exec(source[begin : source.index("\n}", begin) + 2], namespace)
    of_code = {worker: set(queues) for worker, queues in namespace["QUEUES_OF_WORKER"].items() if queues}
    assert of_code == {worker: {tier.value for tier in tiers} for worker, tiers in TIERS_OF_WORKER.items()}


def test_all_services_run_one_image_by_its_digest(resources: Resources) -> None:
    found = definitions(resources)
    assert set(found) == SERVICES | {"migrate", "audit-isolation", "prune-trail"}
    images = {json.dumps(containers(definition)["app"]["Image"]) for definition in found.values()}
    assert len(images) == 1
    assert "@sha256:" in images.pop()


def test_every_container_is_nobody_with_nothing_to_write_but_tmp_and_time_to_drain(resources: Resources) -> None:
    for definition in definitions(resources).values():
        app = containers(definition)["app"]
        assert app["User"] == "10001:10001"
        assert app["ReadonlyRootFilesystem"] is True
        assert [point["ContainerPath"] for point in app["MountPoints"]] == ["/tmp"]
        assert app["StopTimeout"] == STOP_SECONDS
        assert app.get("Privileged") is not True


def test_no_secret_stands_in_an_environment(resources: Resources) -> None:
    for definition in definitions(resources).values():
        for container in definition["ContainerDefinitions"]:
            names = {pair["Name"] for pair in container.get("Environment", [])}
            assert not {n for n in names if any(w in n for w in ("SECRET", "PASSWORD", "KEY", "_URL", "CANARY"))}
        secrets = {pair["Name"] for pair in containers(definition)["app"]["Secrets"]}
        assert {"SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "DISPATCHER_DATABASE_URL"} <= secrets


def test_only_who_migrates_and_prunes_gets_the_owners_password(resources: Resources) -> None:
    owners = {
        name
        for name, definition in definitions(resources).items()
        if "MIGRATION_DATABASE_URL" in json.dumps(containers(definition)["app"]["Secrets"])
    }
    assert owners == {"migrate", "prune-trail"}


def test_a_pooler_stands_beside_everything_but_who_listens_or_migrates(resources: Resources) -> None:
    with_pooler = {name for name, one in definitions(resources).items() if "pooler" in containers(one)}
    assert with_pooler == {"api", "streams", "cpu", "video", "premium", "audit-isolation"}
    streams = containers(definitions(resources)["streams"])["app"]["Secrets"]
    assert "LISTEN_DATABASE_URL" in {pair["Name"] for pair in streams}


def test_proxies_are_counted_as_they_stand(resources: Resources) -> None:
    assert TRUSTED_PROXY_COUNT == 2
    for definition in definitions(resources).values():
        environment = {p["Name"]: p["Value"] for p in containers(definition)["app"]["Environment"]}
        assert environment["TRUSTED_PROXY_COUNT"] == "2"


def test_deploys_roll_and_roll_back_by_themselves(resources: Resources) -> None:
    services = {s["ServiceName"]: s for s in resources("service", "AWS::ECS::Service").values()}
    assert set(services) == SERVICES
    for service in services.values():
        configuration = service["DeploymentConfiguration"]
        assert configuration["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert configuration["MinimumHealthyPercent"] == 100
        assert service["DesiredCount"] >= 1
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network.get("AssignPublicIp", "DISABLED") == "DISABLED"


def test_films_run_on_spot_over_one_that_stays(resources: Resources) -> None:
    [video] = [s for s in resources("service", "AWS::ECS::Service").values() if s["ServiceName"] == "video"]
    strategy = {one["CapacityProvider"]: one for one in video["CapacityProviderStrategy"]}
    assert strategy["FARGATE"]["Base"] == 1
    assert strategy["FARGATE_SPOT"]["Weight"] > 0


def test_premium_has_a_gpu_on_machines_without_the_old_metadata(resources: Resources) -> None:
    app = containers(definitions(resources)["premium"])["app"]
    assert app["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
    [template] = resources("service", "AWS::EC2::LaunchTemplate").values()
    assert template["LaunchTemplateData"]["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def test_what_tells_people_is_told_how_and_nothing_else_holds_the_key(tmp_path: Path, resources: Resources) -> None:
    app = build(deployment_of({**EXAMPLE, "vapid_subject": "mailto:ops@example.com", "size": "m"}), tmp_path)
    [service] = [child for child in app.node.children if isinstance(child, Stack) and "service" in child.stack_name]
    given = Template.from_stack(service).find_resources("AWS::ECS::TaskDefinition").values()
    for definition in (one["Properties"] for one in given):
        name, container = definition["Family"].removeprefix("academy-m-"), containers(definition)["app"]
        found = {entry["Name"] for entry in container["Environment"] + container["Secrets"] if "VAPID" in entry["Name"]}
        pushes = name in {"api", "cpu", "premium"}
        assert found == ({"VAPID_SUBJECT", "VAPID_PRIVATE_KEY"} if pushes else set()), name
    for definition in definitions(resources).values():
        without = containers(definition)["app"]
        assert not any("VAPID" in entry["Name"] for entry in without["Environment"] + without["Secrets"])


OCR = {
    "ocr_model_url": "https://models.example/v1",
    "ocr_model_name": "reader",
    "ocr_onnx_recogniser": "/models/korean.onnx#sha256=" + "2" * 64,
    "ocr_onnx_alphabet": "/models/korean.txt#sha256=" + "3" * 64,
}


def test_models_reach_the_premium_workers_alone_and_their_key_as_a_secret(tmp_path: Path, resources: Resources) -> None:
    app = build(deployment_of({**EXAMPLE, **OCR, "size": "m"}), tmp_path)
    [service] = [child for child in app.node.children if isinstance(child, Stack) and "service" in child.stack_name]
    given = Template.from_stack(service).find_resources("AWS::ECS::TaskDefinition").values()
    with_models = {one["Properties"]["Family"].removeprefix("academy-m-"): one["Properties"] for one in given}
    for name, definition in with_models.items():
        app_container = containers(definition)["app"]
        environment = {entry["Name"]: entry["Value"] for entry in app_container["Environment"]}
        secrets = {entry["Name"] for entry in app_container["Secrets"]}
        found = {key: value for key, value in environment.items() if key.startswith("OCR_")}
        assert found == ({key.upper(): value for key, value in OCR.items()} if name == "premium" else {})
        assert ("OCR_MODEL_KEY" in secrets) == (name == "premium")
    without = containers(definitions(resources)["premium"])["app"]
    assert not any(entry["Name"].startswith("OCR_") for entry in without["Environment"] + without["Secrets"])


TELEMETRY = {
    "otlp_endpoint": "https://collector.example:4318",
    "otlp_share": "0.2",
    "telemetry_secrets": "SENTRY_DSN, OTEL_EXPORTER_OTLP_HEADERS",
}


def test_every_process_is_told_where_crashes_and_traces_go_if_anywhere(tmp_path: Path, resources: Resources) -> None:
    app = build(deployment_of({**EXAMPLE, **TELEMETRY, "size": "m"}), tmp_path)
    [service] = [child for child in app.node.children if isinstance(child, Stack) and "service" in child.stack_name]
    given = Template.from_stack(service).find_resources("AWS::ECS::TaskDefinition").values()
    for definition in (one["Properties"] for one in given):
        app_container = containers(definition)["app"]
        environment = {entry["Name"]: entry["Value"] for entry in app_container["Environment"]}
        assert environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == TELEMETRY["otlp_endpoint"]
        assert environment["OTEL_TRACES_SAMPLER_ARG"] == TELEMETRY["otlp_share"]
        assert environment["OTEL_SERVICE_NAME"] == definition["Family"].removeprefix("academy-m-")
        assert (environment["DEPLOYMENT"], environment["RELEASE"]) == ("academy-m", EXAMPLE["image_digest"])
        assert {"SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS"} <= {entry["Name"] for entry in app_container["Secrets"]}
    for definition in definitions(resources).values():
        app_container = containers(definition)["app"]
        named = {entry["Name"] for entry in app_container["Environment"] + app_container["Secrets"]}
        assert not named & {"SENTRY_DSN", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_ENDPOINT"}


def test_events_go_to_the_streams_and_all_else_to_the_api(resources: Resources) -> None:
    [rule] = resources("service", "AWS::ElasticLoadBalancingV2::ListenerRule").values()
    assert rule["Conditions"][0]["PathPatternConfig"]["Values"] == ["/api/v1/events"]
    [listener] = resources("service", "AWS::ElasticLoadBalancingV2::Listener").values()
    assert listener["Protocol"] == "HTTPS"


def test_every_service_that_scales_keeps_one_warm(resources: Resources) -> None:
    targets = resources("service", "AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert len(targets) == 5
    assert all(target["MinCapacity"] >= 1 and target["MaxCapacity"] > target["MinCapacity"] for target in targets)
    policies = resources("service", "AWS::ApplicationAutoScaling::ScalingPolicy")
    assert any(
        policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue") == 80
        for policy in policies.values()
    )
    for worker in TIERS_OF_WORKER:
        of_worker = [name for name in policies if name.startswith(f"{worker.title()}Service")]
        assert any("Backlog" in name for name in of_worker)
        assert any("Oldest" in name for name in of_worker)


def test_audits_and_pruning_run_daily(resources: Resources) -> None:
    rules = {rule["Name"]: rule for rule in resources("service", "AWS::Events::Rule").values()}
    assert set(rules) == {"academy-m-audit-isolation", "academy-m-prune-trail"}
    assert rules["academy-m-audit-isolation"]["ScheduleExpression"] == "cron(10 19 * * ? *)"


def test_a_role_may_do_what_its_work_needs_and_nothing_with_a_star(resources: Resources) -> None:
    may: dict[str, set[str]] = {}
    for name, policy in resources("service", "AWS::IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            may.setdefault(name.partition("Role")[0], set()).update(actions)
    assert not any(action.startswith("sqs:Send") for action in may["Cpu"] | may["Api"] | may["Video"])
    assert "sqs:ReceiveMessage" in may["Cpu"]
    assert "sqs:SendMessage" in may["Dispatcher"]
    assert not any(action.startswith("s3:") for action in may["Dispatcher"])
    assert not any(action.startswith("sqs:") for action in may["Api"] | may["Streams"])
    tasks = {"Api", "Streams", "Cpu", "Video", "Premium", "Dispatcher", "AuditIsolation"}
    assert not {action for name in tasks for action in may[name] if action.endswith("*")}


def test_cloudfront_sends_every_path_home_with_headers_and_a_firewall(templates: Templates) -> None:
    templates["edge"].has_resource_properties(
        "AWS::CloudFront::Distribution",
        {
            "DistributionConfig": {
                "Aliases": ["academy.example", "*.academy.example"],
                "WebACLId": Match.any_value(),
                "ViewerCertificate": Match.object_like({"MinimumProtocolVersion": "TLSv1.2_2021"}),
                "CacheBehaviors": Match.array_with(
                    [Match.object_like({"PathPattern": "/api/v1/events", "Compress": False})]
                ),
            }
        },
    )
    templates["edge"].resource_count_is("AWS::CloudFront::VpcOrigin", 1)
    templates["edge"].has_resource_properties(
        "AWS::CloudFront::ResponseHeadersPolicy",
        {
            "ResponseHeadersPolicyConfig": {
                "SecurityHeadersConfig": Match.object_like(
                    {"StrictTransportSecurity": Match.object_like({"AccessControlMaxAgeSec": 31_536_000})}
                )
            }
        },
    )


def test_rate_rules_spare_a_class_behind_one_address(resources: Resources) -> None:
    [acl] = resources("firewall", "AWS::WAFv2::WebACL").values()
    assert acl["Scope"] == "CLOUDFRONT"
    limits = {
        rule["Name"]: rule["Statement"]["RateBasedStatement"]["Limit"]
        for rule in acl["Rules"]
        if "RateBasedStatement" in rule["Statement"]
    }
    # 60 pupils who each ask for a code, mistype it and log in; who each load 40 files and poll every two seconds.
    assert limits["log-in"] >= 60 * 5
    assert limits["everything"] >= 60 * (40 + 150)


ALARMED = {
    "server-errors", "slow-requests", "web-down", "database-connections", "database-busy", "database-space",
    "queue-age", "dead-letters", "no-warm-worker", "dispatcher-down",
}  # fmt: skip


def test_every_alarm_rings_somebody_and_names_its_page(resources: Resources) -> None:
    alarms = resources("watch", "AWS::CloudWatch::Alarm").values()
    pages = {alarm["AlarmDescription"] for alarm in alarms}
    assert pages == {f"docs/runbook/{name}.md" for name in ALARMED}
    assert all((ROOT / page).is_file() for page in pages)
    assert all(alarm["AlarmActions"] for alarm in alarms)
    warm = [alarm for alarm in alarms if alarm["AlarmDescription"].endswith("no-warm-worker.md")]
    assert {alarm["TreatMissingData"] for alarm in warm} == {"breaching"}
    [subscription] = resources("watch", "AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == "operators@academy.example"


def test_a_budget_warns_before_it_is_spent(resources: Resources) -> None:
    [budget] = resources("watch", "AWS::Budgets::Budget").values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 7_500, "Unit": "USD"}
    kinds = {one["Notification"]["NotificationType"] for one in budget["NotificationsWithSubscribers"]}
    assert kinds == {"ACTUAL", "FORECASTED"}


def test_github_deploys_by_a_token_of_an_environment_and_by_no_key(templates: Templates, resources: Resources) -> None:
    templates["delivery"].has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    Match.object_like(
                        {
                            "Action": "sts:AssumeRoleWithWebIdentity",
                            "Condition": {
                                "StringEquals": {
                                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                                    "token.actions.githubusercontent.com:sub": [
                                        "repo:example/academy:environment:staging",
                                        "repo:example/academy:environment:production",
                                    ],
                                }
                            },
                        }
                    )
                ]
            }
        },
    )
    for stack in templates:
        assert resources(stack, "AWS::IAM::User") == {}
        assert resources(stack, "AWS::IAM::AccessKey") == {}


@pytest.mark.parametrize("stack", ["delivery", "network", "data", "service", "firewall", "edge", "watch"])
def test_what_holds_data_outlives_its_stack(templates: Templates, stack: str) -> None:
    kinds = ("AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::SQS::Queue", "AWS::ECR::Repository")
    for kind in (*kinds, "AWS::SecretsManager::Secret"):
        for name, resource in templates[stack].find_resources(kind).items():
            if "DatabaseSecret" in name:
                continue  # RDS's own, made again with the instance
            assert resource["DeletionPolicy"] == "Retain", name
