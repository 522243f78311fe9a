"""The Dockerfiles, the compose file and the workflow: what can be judged without running them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILES: Final = (ROOT / "Dockerfile", ROOT / "infra" / "pgbouncer" / "Dockerfile")
# A release to its last number, or the day a distribution's image was made: never "latest", "22" or "3.11".
PINNED: Final = re.compile(
    r"[\w./-]+(:v?\d+\.\d+\.\d+(-[\w.-]+)?|:[\w.-]*\b\d{8}\b[\w.-]*|(:[\w.-]+)?@sha256:[0-9a-f]{64})"
)


def instructions(file: Path) -> list[tuple[str, str]]:
    """Each instruction and its arguments, on one line."""
    text = re.sub(r"\\\n", " ", "\n".join(line for line in file.read_text().splitlines() if not line.startswith("#")))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_a_base_has_a_version_and_the_last_stage_is_nobody(file: Path) -> None:
    found = instructions(file)
    stages = {arguments.split(" AS ")[1] for name, arguments in found if name == "FROM" and " AS " in arguments}
    for name, arguments in found:
        if name == "FROM":
            image = arguments.split()[0]
            assert image in stages or PINNED.fullmatch(image), image
    last = [arguments for name, arguments in found if name == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_lists_of_apt_do_not_stay_and_commands_get_their_signals(file: Path) -> None:
    for name, arguments in instructions(file):
        if name == "RUN" and "apt-get install" in arguments:
            assert "--no-install-recommends" in arguments
            assert "rm -rf /var/lib/apt/lists/*" in arguments
        if name in {"CMD", "ENTRYPOINT"}:
            assert arguments.startswith("[")
        assert name != "ADD"


def test_the_packages_layer_comes_before_the_code() -> None:
    found = instructions(ROOT / "Dockerfile")
    sync = next(i for i, (name, arguments) in enumerate(found) if name == "RUN" and "uv sync" in arguments)
    code = next(i for i, (name, arguments) in enumerate(found) if name == "COPY" and arguments.startswith("academy/"))
    assert sync < code
    assert "--locked" in found[sync][1]


def test_the_one_image_leaves_health_to_its_orchestrator_and_each_states_it() -> None:
    names = {name for name, _ in instructions(ROOT / "Dockerfile")}
    assert "HEALTHCHECK" not in names  # the command decides what runs: compose.yaml and the task definitions say
    assert "HEALTHCHECK" in {name for name, _ in instructions(DOCKERFILES[1])}
    assert "healthcheck" in compose()["services"]["api"]
    assert "health=_web_health(8000" in (ROOT / "infra" / "aws" / "service.py").read_text()


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "infra" / "compose" / "compose.yaml").read_text())
    return found


def test_all_processes_of_the_product_are_there_from_one_image_without_rights() -> None:
    services = compose()["services"]
    ours = {name: one for name, one in services.items() if "ACADEMY_IMAGE" in one.get("image", "")}
    assert set(ours) == {
        *("migrate", "api", "streams", "dispatcher"),
        *("worker-cpu", "worker-video", "worker-premium"),
    }
    for one in ours.values():
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["user"] == "10001:10001"
        assert one["environment"]["TRUSTED_PROXY_COUNT"] == "1"  # nginx


def test_only_nginx_is_reached_from_outside_and_no_image_is_the_latest() -> None:
    for name, one in compose()["services"].items():
        for port in one.get("ports", []):
            assert name == "nginx" or port.startswith("127.0.0.1:"), (name, port)
        if "image" in one and "ACADEMY_IMAGE" not in one["image"]:
            assert PINNED.fullmatch(one["image"]), one["image"]
        assert "image" in one or "build" in one, name


@pytest.mark.parametrize(
    "image",
    [
        *("nginx", "nginx:latest", "nginx:stable-alpine", "nginx:1", "nginx:1.28", "nginx:1.28-alpine", "node:22-slim"),
        *("python:3.11-slim-bookworm", "debian:bookworm-slim", "x/y:latest@sha256:12", "${IMAGE:-nginx}"),
    ],
)
def test_what_changes_under_its_name_is_no_pinned_image(image: str) -> None:
    assert not PINNED.fullmatch(image)


@pytest.mark.parametrize(
    "image",
    [
        *(
            "nginx:1.28.0-alpine",
            "prom/prometheus:v3.5.0",
            "pgvector/pgvector:0.8.1-pg17",
            "debian:bookworm-20251020-slim",
        ),
        *("x/y@sha256:" + "0" * 64, "x/y:1@sha256:" + "0" * 64),
    ],
)
def test_what_stays_what_it_was_is_one(image: str) -> None:
    assert PINNED.fullmatch(image)


def test_each_process_says_by_its_own_name_what_ran() -> None:
    services = compose()["services"]
    ours = {name: one for name, one in services.items() if "ACADEMY_IMAGE" in one.get("image", "")}
    for name, one in ours.items():
        assert one["environment"]["OTEL_SERVICE_NAME"] == name
        assert one["environment"]["RELEASE"] == "${ACADEMY_IMAGE}"


def test_traces_are_kept_where_somebody_asks_for_it_and_are_found_from_the_log() -> None:
    monitoring = ROOT / "infra" / "monitoring"
    tempo = compose()["services"]["tempo"]
    assert tempo["profiles"] == ["traces"]
    assert "ports" not in tempo
    config = yaml.safe_load((monitoring / "tempo.yaml").read_text())
    assert config["distributor"]["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "0.0.0.0:4318"
    sources = {
        one["uid"]: one for one in yaml.safe_load((monitoring / "grafana-sources.yaml").read_text())["datasources"]
    }
    assert sources["tempo"]["url"].endswith(f":{config['server']['http_listen_port']}")
    [field] = sources["loki"]["jsonData"]["derivedFields"]
    assert field["datasourceUid"] == "tempo"
    line = '{"level":"ERROR","trace_id":"' + "a" * 32 + '","span_id":"bb"}'
    for written in (line, line.replace('"', '\\"')):  # as it is, and within Docker's own JSON
        found = re.search(field["matcherRegex"], written)
        assert found is not None
        assert found[1] == "a" * 32
    assert sources["tempo"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] == "loki"


def test_what_every_container_prints_reaches_loki_under_its_name() -> None:
    services = compose()["services"]
    for name, one in services.items():
        assert one["logging"]["driver"] == "json-file", name
        assert one["logging"]["options"]["tag"] == "{{.Name}}", name
    config = (ROOT / "infra" / "monitoring" / "logs.alloy").read_text()
    # Docker's line: {"log": "...", "attrs": {"tag": "academy-api-1"}, "time": "..."}
    read = dict(re.findall(r'(\w+) = "(\w+)"', " ".join(re.findall(r"expressions = (.*)", config))))
    assert read == {"line": "log", "time": "time", "attributes": "attrs", "container": "tag"}
    assert "container" in re.findall(r'values = {(\w+) = ""}', config)
    loki = yaml.safe_load((ROOT / "infra" / "monitoring" / "loki.yaml").read_text())
    assert f'http://loki:{loki["server"]["http_listen_port"]}/loki/api/v1/push"' in config


def test_nothing_serves_before_the_migration_has_ended() -> None:
    services = compose()["services"]
    for name in ("api", "streams", "worker-cpu", "worker-video", "worker-premium", "dispatcher"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_what_is_mounted_and_scraped_exists() -> None:
    folder = ROOT / "infra" / "compose"
    services = compose()["services"]
    for one in services.values():
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("../"):
                assert (folder / source).exists(), source
    scraped = yaml.safe_load((ROOT / "infra" / "monitoring" / "prometheus.yaml").read_text())["scrape_configs"]
    assert {job["job_name"] for job in scraped} <= set(services)


def workflow() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yaml").read_text())
    return found


def test_production_comes_after_staging_after_the_build_after_the_tests() -> None:
    jobs = workflow()["jobs"]
    assert jobs["build"]["needs"] == "test"
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [".ci/run"]
    everything = (ROOT / ".ci" / "run").read_text()
    assert all(f"\nmake {target}\n" in everything for target in ("check", "test", "check-infra"))
    assert jobs["staging"]["needs"] == "build"
    assert "staging" in jobs["production"]["needs"]
    assert jobs["production"]["environment"] == "production"
    for job in jobs.values():
        assert job["timeout-minutes"] <= 120
        needs = job.get("needs", [])
        assert set([needs] if isinstance(needs, str) else needs) <= set(jobs)


def test_no_key_lasts_and_rights_are_given_job_by_job() -> None:
    text = (ROOT / ".github" / "workflows" / "deploy.yaml").read_text()
    assert "secrets." not in text
    assert "AWS_ACCESS_KEY" not in text
    assert workflow()["permissions"] == {"contents": "read"}
    for name, job in workflow()["jobs"].items():
        may = job.get("permissions", {})
        assert set(may) <= {"contents", "id-token"}, name
        assert ("id-token" in may) == ("environment" in job), name  # the role trusts environments only


def test_steps_are_of_named_versions_and_put_no_foreign_text_into_a_shell() -> None:
    for job in workflow()["jobs"].values():
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            if "uses" in step:
                assert re.fullmatch(r"[\w-]+/[\w-]+@v?\d[\w.]*", step["uses"])
            else:
                assert "${{" not in step["run"]
