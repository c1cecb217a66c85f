"""The Helm chart as Helm's own engine renders it, and Kubernetes' own word on the result."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

from tests.support.processes import ROOT
from tests.support.rings import not_run

CHART = ROOT / "deploy" / "helm" / "tasksystem"
RELEASE, NAMESPACE = "tasks", "jobs"
Values = dict[str, Any]
Manifest = dict[str, Any]
# Kind and name -> object.
Objects = dict[tuple[str, str], Manifest]
# Kinds that an operator brings; Kubernetes has no schema of them.
FOREIGN = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}

# What has to be set.
LEAST: Values = {
    "secret": {
        "values": {
            "DATABASE_URL": "postgresql://tasks:word@postgres.db.svc:5432/tasks",
            "CELERY_BROKER_URL": "redis://:word@valkey.db.svc:6379/0",
            "SECRET_KEY": "k" * 40,
        }
    }
}
OWN_SECRET: Values = {"secret": {"existing": "mine"}}
RULES = "groups:\n  - name: tasks\n    rules:\n      - alert: A\n        expr: 'up == 0'\n"
# Everything that can be switched on, and every list with something in it.
ALL: Values = {
    **LEAST,
    "config": {
        "LEASE_SECONDS": "30",
        "TASK_MODULES": "shop.tasks",
        "OIDC_ISSUER": "https://login.example.com",
        "OIDC_AUDIENCE": "tasksystem",
    },
    "image": {"repository": "registry.example.com/tasks", "pullSecrets": [{"name": "registry"}]},
    "api": {"autoscaling": {"enabled": True}},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecret": "certificate"},
    "keda": {"enabled": True, "prometheus": {"authentication": "prometheus"}},
    "flower": {"enabled": True},
    "serviceMonitor": {"enabled": True, "tokenSecret": {"name": "token"}},
    "prometheusRule": {"enabled": True, "rules": RULES},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "tasks", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "extraEnv": [{"name": "TZ", "value": "UTC"}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    "networkPolicy": {
        "egress": [{"ports": [{"port": 4318}]}],
        "api": {"egress": [{"ports": [{"port": 443}]}]},
        "database": {"to": [{"ipBlock": {"cidr": "10.0.0.5/32"}}]},
        "workers": {"egress": [{"ports": [{"port": 25}]}]},
    },
    "workers": [
        {
            "name": "reports",
            "queues": ["reports", "mail.fast"],
            "concurrency": 8,
            "processes": "auto",
            "pool": "prefork",
            "replicas": 3,
            "keda": {"min": 1, "max": 20},
        },
        {"name": "rest", "concurrency": 2, "processes": 1, "pool": "threads", "replicas": 1},
    ],
}
SETS = {"least": LEAST, "all": ALL, "own secret": OWN_SECRET}


def require_helm() -> None:
    """End the test here where Helm's engine is not installed."""
    if find_spec("helm_python") is None:
        not_run(
            "the Helm chart",
            "make install ARGS=--dev, where there is a wheel of helm-python-sdk (Linux on x86-64, "
            "macOS on arm64)",
        )


def lint(values: Values) -> list[str]:
    """What `helm lint --strict` has to say, but for mere hints."""
    require_helm()
    import helm_python

    report = helm_python.lint(CHART, values, strict=True, namespace=NAMESPACE)
    said = [each for each in report["messages"] if each["severity"] > 1]
    return [f"{each['path']}: {each['error']}" for each in said] + list(report["errors"])


def texts(values: Values) -> dict[str, str]:
    """Template -> what it becomes. Raises `helm_python.HelmError`."""
    require_helm()
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        done = chart.render(values, name=RELEASE, namespace=NAMESPACE)
    return {name.partition("/templates/")[2]: text for name, text in done.items()}


def rendered(values: Values) -> Objects:
    """Every object of the chart."""
    found: Objects = {}
    for name, text in texts(values).items():
        if not name.endswith(".yaml"):
            continue
        for each in documents(text):
            key = each["kind"], each["metadata"]["name"]
            assert key not in found, f"{key} is there twice"
            found[key] = each
    return found


@cache
def least() -> Objects:
    """With the least that has to be set. Whoever changes something copies it."""
    return rendered(LEAST)


@cache
def everything() -> Objects:
    """With everything that can be there. Whoever changes something copies it."""
    return rendered(ALL)


def documents(text: str) -> list[Manifest]:
    """The YAML documents of a text that are not empty."""
    if find_spec("yaml") is None:
        not_run("files in YAML", "make install ARGS=--dev")
    import yaml

    return [each for each in yaml.safe_load_all(text) if each]


def refused(manifest: Manifest) -> str:
    """Why Kubernetes would refuse an object of its own, or an empty string."""
    import kubernetes_validate

    try:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(map(str, error.path))}: {error.message}"
    return ""


def pods(objects: Objects) -> dict[str, Manifest]:
    """Name -> specification of the pods of Deployments and Jobs."""
    return {
        name: each["spec"]["template"]["spec"]
        for (kind, name), each in objects.items()
        if kind in ("Deployment", "Job")
    }
