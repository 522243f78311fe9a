"""One release on ECS. Everything is asked of two clients, so that a test stands in for AWS."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
APP_CONTAINER: Final = "app"
RELEASE: Final = "RELEASE"
"""The variable by which crashes and traces say what ran."""
MIGRATION: Final = "migrate"
DAILY: Final = ("audit-isolation", "prune-trail")
# Workers last: a job of the new release may be queued by the new web before a new worker runs, and waits; a job of
# the old one is known to both. The dispatcher only sends ids.
SERVICES: Final = ("dispatcher", "api", "streams", "cpu", "video", "premium")
# What describe_task_definition tells and register_task_definition refuses.
_NOT_OURS: Final = frozenset(
    {
        *("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities"),
        *("registeredAt", "registeredBy", "deregisteredAt", "enableFaultInjection"),
    }
)
MIGRATION_SECONDS: Final = 3600.0
SERVICE_SECONDS: Final = 1800.0
POLL_SECONDS: Final = 10.0


class DeployFailed(RuntimeError):
    """The release is not what runs everywhere; the message says what was found and what was taken back."""


@dataclass
class Release:
    """One digest on its way into one cluster.

    ``say`` is told each step, ``wait`` sleeps. Raises ``DeployFailed`` from ``run``, after services that had taken
    the release were sent back to what they ran before; the migration stays, since code of the release before runs on
    either side of it.
    """

    ecs: Any
    events: Any
    prefix: str
    digest: str
    say: Callable[[str], None]
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    services: Sequence[str] = SERVICES
    is_dry: bool = False
    has_migration: bool = True
    _before: dict[str, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        if not DIGEST.fullmatch(self.digest):
            raise DeployFailed(f"{self.digest!r} is no digest: sha256: and 64 hexadecimal digits, never a tag")

    def run(self) -> None:
        """Migrate, then roll every service, then point the daily tasks at the release."""
        self._remember()
        if self.has_migration:
            self._migrate()
        try:
            for service in self.services:
                self._roll(service)
            self._point_daily_tasks()
        except DeployFailed:
            self._take_back()
            raise

    # --- steps

    def _remember(self) -> None:
        answer = self.ecs.describe_services(cluster=self.prefix, services=list(self.services))
        found = {service["serviceName"]: service for service in answer["services"]}
        missing = [name for name in self.services if found.get(name, {}).get("status") != "ACTIVE"]
        if missing:
            raise DeployFailed(f"{self.prefix} has no active service {', '.join(missing)}: nothing was changed")
        unsettled = [name for name, service in found.items() if len(service["deployments"]) != 1]
        if unsettled:
            raise DeployFailed(f"{', '.join(unsettled)}: a deployment is under way already: nothing was changed")
        self._before = {name: service["taskDefinition"] for name, service in found.items()}
        self._network = found[self.services[0]]["networkConfiguration"]

    def _migrate(self) -> None:
        revision = self._register(MIGRATION)
        self.say(f"migrate: run {revision}")
        if self.is_dry:
            return
        answer = self.ecs.run_task(
            cluster=self.prefix,
            taskDefinition=revision,
            capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
            networkConfiguration=self._network,
            startedBy=f"deploy {self.digest[7:19]}",
            count=1,
        )
        if answer.get("failures"):
            raise DeployFailed(f"the migration task did not start: {answer['failures'][0].get('reason')}")
        task = answer["tasks"][0]["taskArn"]
        deadline = self.clock() + MIGRATION_SECONDS
        while True:
            [found] = self.ecs.describe_tasks(cluster=self.prefix, tasks=[task])["tasks"]
            if found["lastStatus"] == "STOPPED":
                break
            if self.clock() > deadline:
                self.ecs.stop_task(cluster=self.prefix, task=task, reason="the deploy gave up waiting")
                raise DeployFailed("the migration took too long and was stopped: no service was changed")
            self.wait(POLL_SECONDS)
        codes = {container["name"]: container.get("exitCode") for container in found["containers"]}
        if codes.get(APP_CONTAINER) != 0:
            raise DeployFailed(
                f"the migration ended with {codes.get(APP_CONTAINER)} ({found.get('stoppedReason', '')}): "
                f"no service was changed. Its log: /{self.prefix}, stream {MIGRATION}/"
            )
        self.say("migrate: done")

    def _roll(self, service: str) -> None:
        revision = self._register(service)
        self.say(f"{service}: {_short(self._before[service])} -> {revision if self.is_dry else _short(revision)}")
        if self.is_dry:
            return
        self.ecs.update_service(cluster=self.prefix, service=service, taskDefinition=revision)
        self._await_stable(service, revision)
        self.say(f"{service}: runs the release")

    def _await_stable(self, service: str, revision: str) -> None:
        """Until the new tasks are the only ones. Old workers drain meanwhile: they finish or hand back their jobs."""
        deadline = self.clock() + SERVICE_SECONDS
        while True:
            [found] = self.ecs.describe_services(cluster=self.prefix, services=[service])["services"]
            primary = next(one for one in found["deployments"] if one["status"] == "PRIMARY")
            # The circuit breaker puts the release before in the first place when it rolls back.
            if primary["taskDefinition"] != revision:
                raise DeployFailed(f"{service}: ECS's circuit breaker rolled back {_short(revision)}")
            if primary.get("rolloutState") == "FAILED":
                raise DeployFailed(f"{service}: {primary.get('rolloutStateReason', 'the rollout failed')}")
            is_whole = primary["runningCount"] == primary["desiredCount"] and len(found["deployments"]) == 1
            if is_whole and primary.get("rolloutState", "COMPLETED") == "COMPLETED":
                return
            if self.clock() > deadline:
                raise DeployFailed(f"{service}: not stable after {SERVICE_SECONDS:.0f} s")
            self.wait(POLL_SECONDS)

    def _point_daily_tasks(self) -> None:
        """A schedule names a revision: without this the daily audit would stay with the release before."""
        for name in DAILY:
            rule = f"{self.prefix}-{name}"
            targets = self.events.list_targets_by_rule(Rule=rule)["Targets"]
            revision = self._register(name)
            self.say(f"{name}: daily from {revision if self.is_dry else _short(revision)}")
            if self.is_dry:
                continue
            for target in targets:
                target["EcsParameters"]["TaskDefinitionArn"] = revision
            answer = self.events.put_targets(Rule=rule, Targets=targets)
            if answer["FailedEntryCount"]:
                raise DeployFailed(f"{rule} could not be pointed at the release")

    def _take_back(self) -> None:
        """Send every service that was touched back to what it ran; the last one touched goes first."""
        for service in reversed(self.services):
            [found] = self.ecs.describe_services(cluster=self.prefix, services=[service])["services"]
            if found["taskDefinition"] != self._before[service]:
                self.say(f"{service}: back to {_short(self._before[service])}")
                self.ecs.update_service(cluster=self.prefix, service=service, taskDefinition=self._before[service])

    def _register(self, name: str) -> str:
        """A new revision of the family with the release's image; its ARN, or in a dry run what it would hold."""
        current = self.ecs.describe_task_definition(
            taskDefinition=self._before.get(name, f"{self.prefix}-{name}"), include=["TAGS"]
        )
        definition = {key: value for key, value in current["taskDefinition"].items() if key not in _NOT_OURS}
        apps = [one for one in definition["containerDefinitions"] if one["name"] == APP_CONTAINER]
        if len(apps) != 1:
            raise DeployFailed(f"{name}: its task has no container {APP_CONTAINER!r}")
        repository = re.split(r"[@]|:[^:/]*$", apps[0]["image"])[0]
        image = f"{repository}@{self.digest}"
        if apps[0]["image"] == image:
            arn: str = current["taskDefinition"]["taskDefinitionArn"]
            return arn
        apps[0]["image"] = image
        for entry in apps[0].get("environment", ()):
            if entry["name"] == RELEASE:
                entry["value"] = self.digest
        if self.is_dry:
            return image
        if current.get("tags"):
            definition["tags"] = current["tags"]
        registered: str = self.ecs.register_task_definition(**definition)["taskDefinition"]["taskDefinitionArn"]
        return registered


def _short(arn: str) -> str:
    return arn.rpartition("/")[2]
