"""A release by infra/deploy, on an ECS that keeps its rules in memory."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

import pytest

from infra.deploy.release import DAILY, SERVICES, DeployFailed, Release

OLD: Final = "sha256:" + "a" * 64
NEW: Final = "sha256:" + "b" * 64
PREFIX: Final = "academy-m"
REPOSITORY: Final = "1.dkr.ecr.ap-northeast-2.amazonaws.com/academy"


class Cluster:
    """ECS and EventBridge as far as a release asks for them; each call that changes something is noted in ``calls``."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.definitions: dict[str, dict[str, Any]] = {}
        self.services: dict[str, dict[str, Any]] = {}
        self.migration_exit: int | None = 0
        self.breaks_at: str | None = None
        self.targets: dict[str, list[dict[str, Any]]] = {}
        for name in (*SERVICES, "migrate", *DAILY):
            arn = self._add(
                {
                    "family": f"{PREFIX}-{name}",
                    "containerDefinitions": [
                        {
                            "name": "app",
                            "image": f"{REPOSITORY}@{OLD}",
                            "command": [name],
                            "environment": [{"name": "RELEASE", "value": OLD}, {"name": "TLS", "value": "true"}],
                        },
                        {"name": "pooler", "image": f"{REPOSITORY}-pgbouncer@{OLD}"},
                    ],
                }
            )
            if name in SERVICES:
                self._run(name, arn)
            if name in DAILY:
                target = {"Id": "t", "Arn": "cluster", "RoleArn": "r", "EcsParameters": {"TaskDefinitionArn": arn}}
                self.targets[f"{PREFIX}-{name}"] = [target]

    def _add(self, definition: dict[str, Any]) -> str:
        family = definition["family"]
        revision = 1 + sum(one["family"] == family for one in self.definitions.values())
        arn = f"arn:aws:ecs:ap-northeast-2:1:task-definition/{family}:{revision}"
        kept = {**definition, "taskDefinitionArn": arn, "revision": revision, "status": "ACTIVE"}
        self.definitions[arn] = kept
        return arn

    def _run(self, name: str, arn: str) -> None:
        deployment = {
            "status": "PRIMARY",
            "taskDefinition": arn,
            "runningCount": 2,
            "desiredCount": 2,
            "rolloutState": "COMPLETED",
        }
        self.services[name] = {
            "serviceName": name,
            "status": "ACTIVE",
            "taskDefinition": arn,
            "deployments": [deployment],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        }

    def image(self, arn: str, container: str = "app") -> str:
        [image] = [
            str(one["image"]) for one in self.definitions[arn]["containerDefinitions"] if one["name"] == container
        ]
        return image

    def images(self) -> set[str]:
        return {self.image(service["taskDefinition"]) for service in self.services.values()}

    # --- what a release calls

    def describe_services(self, cluster: str, services: list[str]) -> dict[str, Any]:
        assert cluster == PREFIX
        return {"services": [self.services[name] for name in services if name in self.services]}

    def describe_task_definition(self, taskDefinition: str, include: list[str]) -> dict[str, Any]:
        if taskDefinition in self.definitions:
            return {"taskDefinition": deepcopy(self.definitions[taskDefinition])}
        return {"taskDefinition": deepcopy([d for d in self.definitions.values() if d["family"] == taskDefinition][-1])}

    def register_task_definition(self, **definition: Any) -> dict[str, Any]:
        assert not {"revision", "status", "taskDefinitionArn"} & definition.keys(), "AWS refuses these"
        arn = self._add(definition)
        return {"taskDefinition": self.definitions[arn]}

    def run_task(self, **options: Any) -> dict[str, Any]:
        self.calls.append(("migrate", self.image(options["taskDefinition"])))
        return {"tasks": [{"taskArn": "task-1"}], "failures": []}

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        stopped = {"name": "app", "exitCode": self.migration_exit}
        return {"tasks": [{"lastStatus": "STOPPED", "stoppedReason": "it ended", "containers": [stopped]}]}

    def update_service(self, cluster: str, service: str, taskDefinition: str) -> dict[str, Any]:
        self.calls.append((service, self.image(taskDefinition)))
        before = self.services[service]["taskDefinition"]
        breaks = service == self.breaks_at and self.image(taskDefinition).endswith(NEW)
        self._run(service, before if breaks else taskDefinition)
        return {}

    def list_targets_by_rule(self, Rule: str) -> dict[str, Any]:
        return {"Targets": self.targets[Rule]}

    def put_targets(self, Rule: str, Targets: list[dict[str, Any]]) -> dict[str, Any]:
        self.targets[Rule] = Targets
        return {"FailedEntryCount": 0}


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


Make = Callable[..., Release]


@pytest.fixture
def release(cluster: Cluster) -> Make:
    def make(digest: str = NEW, **options: Any) -> Release:
        return Release(
            ecs=cluster,
            events=cluster,
            prefix=PREFIX,
            digest=digest,
            say=lambda _: None,
            wait=lambda _: None,
            **options,
        )

    return make


def test_the_migration_runs_before_any_service_and_all_get_one_digest(cluster: Cluster, release: Make) -> None:
    release().run()
    assert [name for name, _ in cluster.calls] == ["migrate", *SERVICES]
    assert cluster.images() == {f"{REPOSITORY}@{NEW}"}
    assert {image for _, image in cluster.calls} == {f"{REPOSITORY}@{NEW}"}


def test_what_runs_says_by_which_digest_it_runs(cluster: Cluster, release: Make) -> None:
    release().run()
    for service in cluster.services.values():
        app = cluster.definitions[service["taskDefinition"]]["containerDefinitions"][0]
        assert app["environment"] == [{"name": "RELEASE", "value": NEW}, {"name": "TLS", "value": "true"}]


def test_the_pooler_beside_keeps_its_own_image(cluster: Cluster, release: Make) -> None:
    release().run()
    for service in cluster.services.values():
        assert cluster.image(service["taskDefinition"], "pooler") == f"{REPOSITORY}-pgbouncer@{OLD}"


def test_daily_tasks_follow(cluster: Cluster, release: Make) -> None:
    release().run()
    for targets in cluster.targets.values():
        assert cluster.image(targets[0]["EcsParameters"]["TaskDefinitionArn"]) == f"{REPOSITORY}@{NEW}"


@pytest.mark.parametrize("code", [1, None])
def test_a_failed_migration_changes_no_service(cluster: Cluster, release: Make, code: int | None) -> None:
    cluster.migration_exit = code
    with pytest.raises(DeployFailed, match="no service was changed"):
        release().run()
    assert cluster.images() == {f"{REPOSITORY}@{OLD}"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_rollout_that_breaks_takes_every_service_back(cluster: Cluster, release: Make, service: str) -> None:
    cluster.breaks_at = service
    with pytest.raises(DeployFailed, match=service):
        release().run()
    assert cluster.images() == {f"{REPOSITORY}@{OLD}"}


def test_a_dry_run_says_everything_and_changes_nothing(cluster: Cluster, release: Make) -> None:
    before = dict(cluster.definitions)
    said: list[str] = []
    dry = release(is_dry=True)
    dry.say = said.append
    dry.run()
    assert cluster.calls == []
    assert cluster.definitions == before
    assert {line.partition(":")[0] for line in said} == {"migrate", *SERVICES, *DAILY}
    assert all(NEW in line for line in said)


def test_going_back_is_a_release_without_migration(cluster: Cluster, release: Make) -> None:
    release().run()
    cluster.calls.clear()
    release(OLD, has_migration=False).run()
    assert "migrate" not in dict(cluster.calls)
    assert cluster.images() == {f"{REPOSITORY}@{OLD}"}


def test_a_second_run_of_the_same_release_makes_no_new_revision(cluster: Cluster, release: Make) -> None:
    release().run()
    count = len(cluster.definitions)
    release().run()
    assert len(cluster.definitions) == count


def test_nothing_begins_while_a_deployment_is_under_way(cluster: Cluster, release: Make) -> None:
    cluster.services["cpu"]["deployments"].append({"status": "ACTIVE"})
    with pytest.raises(DeployFailed, match="cpu: a deployment is under way"):
        release().run()
    assert cluster.calls == []


def test_a_service_that_never_settles_is_given_up(cluster: Cluster, release: Make) -> None:
    hours = iter(range(0, 10_000_000, 3600))
    unsettled = release(clock=lambda: float(next(hours)))
    run = cluster._run

    def starting(name: str, arn: str) -> None:
        run(name, arn)
        if cluster.image(arn).endswith(NEW):
            cluster.services[name]["deployments"][0]["runningCount"] = 0

    cluster._run = starting  # type: ignore[method-assign]
    with pytest.raises(DeployFailed, match="not stable"):
        unsettled.run()
    assert cluster.images() == {f"{REPOSITORY}@{OLD}"}


@pytest.mark.parametrize("digest", ["latest", "academy:1.2", "sha256:123", "", "sha256:" + "B" * 64])
def test_a_tag_is_refused(release: Make, digest: str) -> None:
    with pytest.raises(DeployFailed, match="never a tag"):
        release(digest)
