"""The Helm chart around its pods: who reaches them, who scales them, who watches them."""

from __future__ import annotations

import re
from copy import deepcopy

import pytest

from tests.support.helm import (
    CHART,
    LEAST,
    OWN_SECRET,
    RULES,
    Objects,
    Values,
    documents,
    everything,
    least,
    pods,
    rendered,
)
from tests.support.processes import ROOT


def test_nothing_gets_in_but_to_the_api() -> None:
    whole = least()["NetworkPolicy", "tasks-tasksystem"]["spec"]
    assert set(whole["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in whole
    ports = [port["port"] for rule in whole["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 5432, 6379]
    for pod_labels in _labels_of_pods(least()):
        assert whole["podSelector"]["matchLabels"].items() <= pod_labels.items()
    api = least()["NetworkPolicy", "tasks-tasksystem-api"]["spec"]
    assert api["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "api"
    assert [len(rule["from"]) for rule in api["ingress"]] == [2]


def test_what_is_named_can_be_reached_and_only_by_whom_it_is_for() -> None:
    def ports(name: str) -> list[int]:
        rules = everything()["NetworkPolicy", name]["spec"]["egress"]
        return [port["port"] for rule in rules for port in rule["ports"]]

    assert ports("tasks-tasksystem") == [53, 53, 5432, 6379, 4318]
    assert ports("tasks-tasksystem-api") == [443]
    assert ports("tasks-tasksystem-worker") == [443, 25]
    assert "egress" not in least()["NetworkPolicy", "tasks-tasksystem-api"]["spec"]


def _labels_of_pods(objects: Objects) -> list[dict[str, str]]:
    return [
        each["spec"]["template"]["metadata"]["labels"]
        for (kind, _), each in objects.items()
        if kind in ("Deployment", "Job")
    ]


@pytest.mark.parametrize("kind", ["Service", "PodDisruptionBudget", "Deployment"])
def test_selectors_find_pods_of_one_deployment(kind: str) -> None:
    for key, each in everything().items():
        if key[0] == kind:
            selector = each["spec"]["selector"]
            wanted = selector if kind == "Service" else selector["matchLabels"]
            found = [one for one in _labels_of_pods(everything()) if wanted.items() <= one.items()]
            assert len(found) == 1, key


def test_proxies_are_trusted_only_where_nobody_else_gets_in() -> None:
    def trusted(values: Values) -> str:
        env = pods(rendered({**LEAST, **values}))["tasks-tasksystem-api"]["containers"][0]["env"]
        return str(next(each["value"] for each in env if each["name"] == "FORWARDED_ALLOW_IPS"))

    assert trusted({}) == "127.0.0.1"
    assert trusted({"ingress": {"enabled": True}}) == "*"
    open_to_all = {"ingress": {"enabled": True}, "networkPolicy": {"enabled": False}}
    assert trusted(open_to_all) == "127.0.0.1"
    assert trusted({"api": {"forwardedAllowIps": "10.0.0.1"}}) == "10.0.0.1"


# Scaling and watching


def test_keda_asks_for_metrics_that_the_api_has() -> None:
    scaled = everything()["ScaledObject", "tasks-tasksystem-worker-reports"]["spec"]
    assert scaled["scaleTargetRef"]["name"] == "tasks-tasksystem-worker-reports"
    assert scaled["fallback"]["replicas"] == 3
    asked = scaled["triggers"][0]["metadata"]
    assert asked["threshold"] == "8"
    source = "".join(path.read_text() for path in (ROOT / "app" / "api").glob("*.py"))
    names = set(re.findall(r"tasksystem_\w+", asked["query"]))
    assert names == {f"tasksystem_queue_{what}" for what in ("waiting", "paused", "running")}
    assert all(f'"{name}"' in source for name in names)
    labels = 'namespace="jobs",service="tasks-tasksystem-api",queue=~"reports|mail\\\\.fast"'
    assert asked["query"] == (
        f"sum(max by (queue, priority) (tasksystem_queue_waiting{{{labels}}})"
        f" * on (queue) group_left () (1 - max by (queue) (tasksystem_queue_paused{{{labels}}})))"
        f" + sum(max by (queue) (tasksystem_queue_running{{{labels}}}))"
    )


def test_who_scales_is_not_told_a_number() -> None:
    replicas = {
        name: each["spec"].get("replicas")
        for (kind, name), each in everything().items()
        if kind == "Deployment"
    }
    full = "tasks-tasksystem"
    assert replicas == {
        f"{full}-api": None,
        f"{full}-worker-reports": None,
        f"{full}-worker-rest": 1,
        f"{full}-beat": 2,
        f"{full}-flower": 1,
    }


def test_probes_ask_what_is_there() -> None:
    from app.main import app

    container = pods(least())["tasks-tasksystem-api"]["containers"][0]
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert set(paths.values()) <= set(app.openapi()["paths"])
    assert paths["readinessProbe"] == "/health/ready"
    assert paths["livenessProbe"] == "/health/live"


def test_prometheus_gets_a_token_and_the_rules() -> None:
    monitor = everything()["ServiceMonitor", "tasks-tasksystem-api"]["spec"]["endpoints"][0]
    assert monitor["path"] == "/metrics"
    assert monitor["authorization"] == {"credentials": {"name": "token", "key": "METRICS_TOKEN"}}
    rule = everything()["PrometheusRule", "tasks-tasksystem-api"]["spec"]
    assert rule == documents(RULES)[0]


def test_prometheus_is_given_the_token_of_the_release() -> None:
    values = deepcopy(LEAST)
    values["secret"]["values"]["METRICS_TOKEN"] = "m" * 20
    objects = rendered({**values, "serviceMonitor": {"enabled": True}})
    endpoint = objects["ServiceMonitor", "tasks-tasksystem-api"]["spec"]["endpoints"][0]
    named = endpoint["authorization"]["credentials"]
    assert objects["Secret", named["name"]]["stringData"][named["key"]] == "m" * 20


def test_the_rules_that_the_chart_brings_are_those_of_the_repository() -> None:
    ours = ROOT / "deploy" / "prometheus" / "alerts.yml"
    own = CHART / "files" / "alerts.yml"
    assert own.read_text() == ours.read_text()
    wanted = {"prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}
    objects = rendered({**OWN_SECRET, **wanted})
    name = "tasks-tasksystem-api"
    assert objects["PrometheusRule", name]["spec"] == documents(ours.read_text())[0]
    # They know the API by its job.
    label = objects["ServiceMonitor", name]["spec"]["jobLabel"]
    jobs = set(re.findall(r"job='(\w+)'", ours.read_text()))
    assert jobs == {objects["Service", name]["metadata"]["labels"][label]}


def test_events_are_not_held_back_by_the_ingress() -> None:
    ingress = everything()["Ingress", "tasks-tasksystem-api"]
    notes = ingress["metadata"]["annotations"]
    assert notes["nginx.ingress.kubernetes.io/proxy-buffering"] == "off"
    assert ingress["spec"]["tls"][0]["secretName"] == "certificate"
