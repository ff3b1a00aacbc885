"""What is deployed together: files that their schemas know, options that the commands have, figures that are told."""

import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml

from lcagent.server.metrics import Metrics
from lcagent.settings import Settings
from tests.helpers import ROOT, in_this_process

DEPLOY = ROOT / "examples" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text())
OBJECTS: list[dict[str, Any]] = [*yaml.safe_load_all((DEPLOY / "kubernetes.yml").read_text())]


@pytest.mark.parametrize("made", OBJECTS, ids=lambda made: f"{made['kind']} {made['metadata']['name']}")
def test_kubernetes_knows_each_object(made: dict[str, Any]) -> None:
    kubernetes_validate.validate(made, "1.30", strict=True)


def containers() -> list[dict[str, Any]]:
    found = [one["spec"]["template"]["spec"]["containers"] for one in OBJECTS if "template" in one["spec"]]
    return [container for some in found for container in some]


def test_what_is_named_is_there() -> None:
    services = {one["metadata"]["name"] for one in OBJECTS if one["kind"] == "Service"}
    told = json.dumps([OBJECTS, COMPOSE])
    assert {"postgres", "router", "vllm", "lcagent"} == services
    hosts = {host.split(".")[-1] for host in re.findall(r"(?:http://|@)([a-z0-9.-]+)[:/]", told)}
    assert hosts - {"org"} <= services | set(COMPOSE["services"]) | {"1"}, hosts
    volumes = {
        name.partition(":")[0] for one in COMPOSE["services"].values() for name in one.get("volumes", [])
    }
    assert volumes == set(COMPOSE["volumes"])


def commands() -> list[list[str]]:
    composed = [one["command"] for name, one in COMPOSE["services"].items() if "lcagent" in one["image"]]
    return composed + [one["args"] for one in containers() if one["image"].startswith("lcagent:")]


def test_our_commands_have_the_options_that_are_given() -> None:
    assert len(commands()) == 5
    for command, *given in commands():
        told = in_this_process(command, "--help").stdout
        for option in filter(re.compile("--").match, given):
            assert option in told, (command, option)


def test_our_environment_is_settings() -> None:
    environments = [one["environment"] for one in COMPOSE["services"].values() if "environment" in one]
    environments += [{held["name"]: "" for held in one.get("env", [])} for one in containers()]
    names = {name for one in environments for name in one if name.startswith("LCAGENT_")}
    assert {"LCAGENT_STORE", "LCAGENT_API_BASE"} <= names
    assert {name.removeprefix("LCAGENT_").lower() for name in names} <= set(Settings.model_fields)


def test_the_dashboard_shows_what_the_server_tells() -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"lcagent_\w+", target["expr"])
    }
    metrics = Metrics(lambda: [])
    metrics.request("/v1/files", "GET", 200, 0.1, 0.2)
    metrics.ended("finished", None)
    told = metrics.text(0, 0).decode()
    assert len(asked) >= 6 and all(re.search(rf"^(# TYPE )?{name}\b", told, re.M) for name in asked), asked
