"""The Helm chart: what its engine makes of it, what Kubernetes accepts, and which values it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from tests.support.helm import (
    ALL,
    CHART,
    FOREIGN,
    LEAST,
    SETS,
    Values,
    documents,
    least,
    lint,
    refused,
    rendered,
    require_helm,
    texts,
)


@pytest.mark.parametrize("name", SETS)
def test_helm_has_nothing_to_say_against_it(name: str) -> None:
    assert lint(SETS[name]) == []


@pytest.mark.parametrize("name", SETS)
def test_kubernetes_accepts_every_object(name: str) -> None:
    objects = rendered(SETS[name])
    said = {key: refused(each) for key, each in objects.items() if key[0] not in FOREIGN}
    assert {key: why for key, why in said.items() if why} == {}


def test_kubernetes_would_refuse_a_slip() -> None:
    broken = deepcopy(least()["Deployment", "tasks-tasksystem-beat"])
    broken["spec"]["replica"] = 2
    assert "replica" in refused(broken)


def test_it_has_one_of_each_part() -> None:
    full = "tasks-tasksystem"
    assert set(least()) == {
        ("ConfigMap", full),
        ("Secret", full),
        ("Secret", f"{full}-migrate"),
        ("Job", f"{full}-migrate"),
        ("ServiceAccount", full),
        ("Deployment", f"{full}-api"),
        ("Service", f"{full}-api"),
        ("Deployment", f"{full}-worker-default"),
        ("Deployment", f"{full}-beat"),
        ("PodDisruptionBudget", f"{full}-api"),
        ("PodDisruptionBudget", f"{full}-beat"),
        ("PodDisruptionBudget", f"{full}-worker-default"),
        ("NetworkPolicy", full),
        ("NetworkPolicy", f"{full}-api"),
        ("NetworkPolicy", f"{full}-worker"),
    }


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "Set secret.values.DATABASE_URL"),
        ({**LEAST, "serviceMonitor": {"enabled": True}}, "Set secret.values.METRICS_TOKEN"),
        ({**LEAST, "config": {"LEASE_SECONDS": 30}}, "LEASE_SECONDS"),
        ({**LEAST, "config": {"SECRET_KEY": "x"}}, "SECRET_KEY"),
        ({**LEAST, "config": {"OIDC_ISSUER": "https://x"}}, "Set networkPolicy.api.egress"),
        ({**LEAST, "replicas": 3}, "replicas"),
        ({"secret": {"values": {"SECRET_KEY": "short"}}}, "SECRET_KEY"),
    ],
)
def test_what_cannot_work_is_refused_by_name(values: Values, sentence: str) -> None:
    require_helm()
    import helm_python

    with pytest.raises(helm_python.HelmError, match=re.escape(sentence)):
        texts(values)


def test_the_notes_name_commands_of_the_release() -> None:
    notes = texts(ALL)["NOTES.txt"]
    assert "-n jobs exec deploy/tasks-tasksystem-api -- python -m app token create" in notes
    assert "https://tasks.example.com/" in notes


# Values


def test_the_schema_knows_every_value() -> None:
    require_helm()
    import helm_python

    with helm_python.Chart.load(CHART) as chart:
        values, schema = chart.values, chart.schema
    assert schema is not None
    assert _unknown(values, schema, schema["definitions"]) == []


def _unknown(value: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    """Names in the values of which the schema says nothing."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list):
        each = schema.get("items", {})
        return [name for item in value for name in _unknown(item, each, definitions)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    missing = [name for name in value if name not in schema["properties"]]
    for name in set(value) - set(missing):
        found = _unknown(value[name], schema["properties"][name], definitions)
        missing += [f"{name}.{each}" for each in found]
    return missing


def test_every_value_is_used() -> None:
    values = documents((CHART / "values.yaml").read_text())[0]
    written = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())
    assert [name for name in _names(values) if not re.search(rf"\.{name}\b", written)] == []


# What stands in these is handed on as it is.
AS_IT_IS = {"resources", "annotations", "from", "egress"}


def _names(value: Any) -> Iterator[str]:
    """Every name in the values, those of lists' items included."""
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in AS_IT_IS:
                yield from _names(inner)
